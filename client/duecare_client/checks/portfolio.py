"""Compares rows in a case file with the creditor's own file.

If a manifest has no `rows_root`, the creditor signed the digest of its file and no row alone, so a row in a case file
is the operator's record. With the creditor's file the operator need not be believed: the digest shows that it is the
signed file, and the row in it shows what the creditor confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from duecare_client.portfolio_file import PortfolioFile, chunks
from duecare_client.progress import ProgressMeter
from duecare_core.domain.portfolio.portfolio import Portfolio, RowStatement
from duecare_core.domain.portfolio.row_reader import FileRow, Reject, read_rows
from duecare_core.errors import BadEvidence, FileRefused
from duecare_core.evidence.casefile import inputs
from duecare_core.evidence.casefile.bundle import MANIFEST, CaseFile, Check
from duecare_core.evidence.casefile.row_proofs import (
    LEFT_OUT,
    AnnouncedManifest,
    RowFacts,
    check_left_out,
    read_manifest,
)

NAME = "portfolio"


class _Mismatch(Exception):
    """A difference, in words for a person."""


def check_portfolios(case: CaseFile, paths: Iterable[Path], meter: ProgressMeter) -> tuple[Check, ...]:
    """Checks that these are the files of the case file's rows, and that they say the same.

    `case`: a case file that passed every check. Raises BadSettings for a file that cannot be read.
    """
    announced = [
        read_manifest(one.jws, one.record.received_at) for one in case.statements if one.record.kind == MANIFEST
    ]
    checks: list[Check] = []
    for path in paths:
        try:
            checks.append(Check(NAME, True, f"{path}: {_compare(case, announced, PortfolioFile(path), meter)}"))
        except (_Mismatch, BadEvidence, FileRefused) as error:
            checks.append(Check(NAME, False, f"{path}: {error}"))
    return tuple(checks)


def _compare(case: CaseFile, announced: Sequence[AnnouncedManifest], file: PortfolioFile, meter: ProgressMeter) -> str:
    """A sentence on what agrees. Raises _Mismatch, FileRefused, BadSettings."""
    with meter.stage("reading", file.size, "bytes") as report:
        sha256 = file.read_whole(lambda done: report(done, "")).sha256
    matching = [one for one in announced if one.manifest.sha256 == sha256]
    if not matching:
        expected = (
            ", ".join(dict.fromkeys(one.manifest.sha256 for one in announced)) or "no fact here is a row of a file"
        )
        raise _Mismatch(f"it is none of the files with these facts ({expected}): its digest is {sha256}")
    compared = [name for one in matching for name in _compare_rows(case, one, file, meter)]
    return f"it is the file that {matching[0].manifest.iss} signed, and says the same in {', '.join(compared)}"


def _compare_rows(
    case: CaseFile, announced: AnnouncedManifest, file: PortfolioFile, meter: ProgressMeter
) -> Iterator[str]:
    """Yields the name of each row that the record relies on, after comparing it with the file."""
    named = [name.partition(inputs.ROW_SEPARATOR) for name in case.decision.record.relied_on]
    wanted = [row for statement, _, row in named if statement == announced.statement]
    if announced.manifest.iss != case.decision.record.creditor:
        raise _Mismatch("another creditor signed it")
    if LEFT_OUT in wanted:
        name = f"{announced.statement}{inputs.ROW_SEPARATOR}{LEFT_OUT}"
        check_left_out(case.inputs.rows, name, announced.manifest)
    facts = RowFacts(case.inputs)
    portfolio = Portfolio(announced.manifest)
    numbers = {int(row) for row in wanted if row != LEFT_OUT}
    rows: dict[int, RowStatement | Reject] = {}
    with meter.stage("looking for the rows", file.size, "bytes") as report, file.open() as opened:
        pieces = chunks(opened, lambda done: report(done, ""))
        for row in read_rows(pieces, portfolio.shape, portfolio.columns, portfolio.required):
            if LEFT_OUT in wanted and isinstance(row, FileRow):
                facts.check_left_out(row.number, row.members)
            if row.number in numbers:
                read = (
                    portfolio.statement(row.members, announced.received_at) if isinstance(row, FileRow) else row.reject
                )
                rows[row.number] = read
            if LEFT_OUT not in wanted and len(rows) == len(numbers):
                break
    for number in sorted(numbers):
        facts.check(f"{announced.statement}{inputs.ROW_SEPARATOR}{number}", number, rows.get(number))
        yield f"row {number}"
    if LEFT_OUT in wanted:
        yield "the debts that it leaves out"
