"""Compares rows in a case file with the creditor's own file.

The creditor signed the digest of its file and no row alone, so a row in a case file is the operator's record. With the
creditor's file the operator need not be believed: the digest shows that it is the signed file, and the row in it shows
what the creditor confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from duecare_client.portfolio_file import PortfolioFile, chunks
from duecare_client.progress import ProgressMeter
from duecare_core.domain.facts.merge import to_consent, to_debt
from duecare_core.domain.facts.statement import ConsentStatement, DebtStatement
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.portfolio.portfolio import Manifest, Portfolio, RowStatement
from duecare_core.domain.portfolio.row_reader import FileRow, Reject, read_rows
from duecare_core.domain.validation import validate
from duecare_core.errors import FileRefused
from duecare_core.evidence.casefile import inputs
from duecare_core.evidence.casefile.bundle import MANIFEST, CaseFile, Check
from duecare_core.evidence.jose import jws
from duecare_core.evidence.statement import statement_id

NAME = "portfolio"
LEFT_OUT = "left-out"  # the row number of a debt that a snapshot withdrew because it was not in the file


class _AnnouncedFile(NamedTuple):
    """A file with rows that the decision rests on: its manifest, the id of that statement, and when it was received."""

    manifest: Manifest
    statement: str
    received_at: datetime


class _Mismatch(Exception):
    """A difference, in words for a person."""


def check_portfolios(case: CaseFile, paths: Iterable[Path], meter: ProgressMeter) -> tuple[Check, ...]:
    """Checks that these are the files of the case file's rows, and that they say the same.

    `case`: a case file that passed every check. Raises BadSettings for a file that cannot be read.
    """
    announced = [_announced(one.jws, one.record.received_at) for one in case.statements if one.record.kind == MANIFEST]
    checks: list[Check] = []
    for path in paths:
        try:
            checks.append(Check(NAME, True, f"{path}: {_compare(case, announced, PortfolioFile(path), meter)}"))
        except (_Mismatch, FileRefused) as error:
            checks.append(Check(NAME, False, f"{path}: {error}"))
    return tuple(checks)


def _announced(token: str, received_at: datetime) -> _AnnouncedFile:
    return _AnnouncedFile(validate(jws.read(token).payload, Manifest), statement_id(token), received_at)


def _compare(case: CaseFile, announced: Sequence[_AnnouncedFile], file: PortfolioFile, meter: ProgressMeter) -> str:
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
    case: CaseFile, announced: _AnnouncedFile, file: PortfolioFile, meter: ProgressMeter
) -> Iterator[str]:
    """Yields the name of each row that the record relies on, after comparing it with the file."""
    named = [name.partition(inputs.ROW_SEPARATOR) for name in case.decision.record.relied_on]
    wanted = [row for statement, _, row in named if statement == announced.statement]
    if announced.manifest.iss != case.decision.record.creditor:
        raise _Mismatch("another creditor signed it")
    facts = _Facts(case)
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


class _Facts:
    """The facts of the case file that are rows."""

    def __init__(self, case: CaseFile) -> None:
        self._recipient = canonical_number(case.inputs.number)
        self._rows = case.inputs.rows

    def check_left_out(self, number: int, members: Mapping[str, Any]) -> None:
        """Raises _Mismatch if a debt that the case file calls left out is in the file."""
        if canonical_number(str(members.get("recipient"))) != self._recipient:
            return
        for row in self._rows:
            named = row.debt and row.debt.newest.statement.endswith(inputs.ROW_SEPARATOR + LEFT_OUT)
            if named and members.get("debt_ref") == row.of:
                raise _Mismatch(f"row {number} holds the debt {row.of}, which the case file says was left out")

    def check(self, name: str, number: int, row: RowStatement | Reject | None) -> None:
        """Raises _Mismatch if the case file differs from this row of the file."""
        if row is None:
            raise _Mismatch(f"it has no row {number}")
        if isinstance(row, Reject):
            raise _Mismatch(f"its row {number} does not count: {row.message}")
        if canonical_number(row.recipient) != self._recipient:
            raise _Mismatch(f"its row {number} is about another number")
        differing = [fact.of for fact in self._rows if not _agrees(fact, name, row)]
        if differing:
            raise _Mismatch(f"its row {number} says something else about {', '.join(differing)}")


def _agrees(row: inputs.InputRow, name: str, statement: RowStatement) -> bool:
    """Whether the fact agrees with the row of this name, as far as the fact rests on it."""
    if row.consent and row.consent.consent and row.consent.consent.statement == name:
        same = isinstance(statement, ConsentStatement) and row.of in statement.channels
        return same and row.consent.consent == to_consent(statement, name, "", None)  # type: ignore[arg-type]
    if row.debt is None:
        return True
    state = row.debt
    answers = [dispute for dispute, mark in state.answers.items() if mark.statement == name]
    if name != state.newest.statement and not answers:
        return True
    if not isinstance(statement, DebtStatement) or statement.debt_ref != row.of:
        return False
    newest = state.newest.statement != name or state.newest == to_debt(statement, name, "", None)
    return newest and answers in ([], [statement.answers_dispute])
