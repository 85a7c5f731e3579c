"""Rows of a creditor's file, held against the file itself.

Nobody signed a row alone: the creditor signed the digest of its file, and what a case file holds of a row is the
operator's record. Whoever has the file can take the operator's word away: the digest shows that it is the file that was
signed, and then the row says what was confirmed.
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
LEFT_OUT = "left-out"  # of a snapshot: what a debt rests on that its file does not have


class _Announced(NamedTuple):
    """A file that facts here came with: its manifest, the manifest's statement, and when that was taken in."""

    manifest: Manifest
    statement: str
    received_at: datetime


class _Mismatch(Exception):
    """What is wrong, for a person to read."""


def check_portfolios(case: CaseFile, paths: Iterable[Path], meter: ProgressMeter) -> tuple[Check, ...]:
    """Whether these files are the ones that the case file's rows came with, and say what it says of them.

    `case`: one of which every check was good. Raises
    BadSettings for a file that cannot be read.
    """
    announced = [_announced(one.jws, one.record.received_at) for one in case.statements if one.record.kind == MANIFEST]
    checks: list[Check] = []
    for path in paths:
        try:
            checks.append(Check(NAME, True, f"{path}: {_same(case, announced, PortfolioFile(path), meter)}"))
        except (_Mismatch, FileRefused) as error:
            checks.append(Check(NAME, False, f"{path}: {error}"))
    return tuple(checks)


def _announced(token: str, received_at: datetime) -> _Announced:
    return _Announced(validate(jws.read(token).payload, Manifest), statement_id(token), received_at)


def _same(case: CaseFile, announced: Sequence[_Announced], file: PortfolioFile, meter: ProgressMeter) -> str:
    """What was found good. Raises _Mismatch, FileRefused, BadSettings."""
    with meter.stage("reading", file.size, "bytes") as told:
        sha256 = file.read_whole(lambda done: told(done, "")).sha256
    those = [one for one in announced if one.manifest.sha256 == sha256]
    if not those:
        wanted = ", ".join(dict.fromkeys(one.manifest.sha256 for one in announced)) or "no fact here came with a file"
        raise _Mismatch(f"it is none of the files that the facts here came with ({wanted}): its digest is {sha256}")
    found = [name for one in those for name in _rows(case, one, file, meter)]
    return f"it is the file that {those[0].manifest.iss} signed, and says the same in {', '.join(found)}"


def _rows(case: CaseFile, announced: _Announced, file: PortfolioFile, meter: ProgressMeter) -> Iterator[str]:
    """The rows that the record names, each after it was held against the file."""
    named = [name.partition(inputs.ROW_SEPARATOR) for name in case.decision.record.relied_on]
    wanted = [row for statement, _, row in named if statement == announced.statement]
    if announced.manifest.iss != case.decision.record.creditor:
        raise _Mismatch("another creditor signed it")
    facts = _Facts(case)
    portfolio = Portfolio(announced.manifest)
    numbers = {int(row) for row in wanted if row != LEFT_OUT}
    said: dict[int, RowStatement | Reject] = {}
    with meter.stage("looking for the rows", file.size, "bytes") as told, file.open() as opened:
        pieces = chunks(opened, lambda done: told(done, ""))
        for row in read_rows(pieces, portfolio.shape, portfolio.columns, portfolio.required):
            if LEFT_OUT in wanted and isinstance(row, FileRow):
                facts.check_left_out(row.number, row.members)
            if row.number in numbers:
                read = (
                    portfolio.statement(row.members, announced.received_at) if isinstance(row, FileRow) else row.reject
                )
                said[row.number] = read
            if LEFT_OUT not in wanted and len(said) == len(numbers):
                break
    for number in sorted(numbers):
        facts.check(f"{announced.statement}{inputs.ROW_SEPARATOR}{number}", number, said.get(number))
        yield f"row {number}"
    if LEFT_OUT in wanted:
        yield "what it leaves out"


class _Facts:
    """What the case file says of rows. `_rows` is its only user."""

    def __init__(self, case: CaseFile) -> None:
        self._recipient = canonical_number(case.inputs.recipient)
        self._rows = case.inputs.rows

    def check_left_out(self, number: int, members: Mapping[str, Any]) -> None:
        """Raises _Mismatch where a debt that was left out stands in the file."""
        if canonical_number(str(members.get("recipient"))) != self._recipient:
            return
        for row in self._rows:
            named = row.debt and row.debt.newest.statement.endswith(inputs.ROW_SEPARATOR + LEFT_OUT)
            if named and members.get("debt_ref") == row.of:
                raise _Mismatch(f"row {number} holds the debt {row.of}, which the case file says was left out")

    def check(self, name: str, number: int, said: RowStatement | Reject | None) -> None:
        """Raises _Mismatch where the case file says of this row what the row does not say."""
        if said is None:
            raise _Mismatch(f"it has no row {number}")
        if isinstance(said, Reject):
            raise _Mismatch(f"its row {number} does not count: {said.message}")
        if canonical_number(said.recipient) != self._recipient:
            raise _Mismatch(f"its row {number} is about another number")
        differing = [row.of for row in self._rows if not _agrees(row, name, said)]
        if differing:
            raise _Mismatch(f"its row {number} says something else of {', '.join(differing)}")


def _agrees(row: inputs.InputRow, name: str, said: RowStatement) -> bool:
    """Whether this fact rests on the statement of that name as far as it says so."""
    if row.consent and row.consent.consent and row.consent.consent.statement == name:
        same = isinstance(said, ConsentStatement) and row.of in said.channels
        return same and row.consent.consent == to_consent(said, name, "", None)  # type: ignore[arg-type]
    if row.debt is None:
        return True
    state = row.debt
    answers = [dispute for dispute, mark in state.answers.items() if mark.statement == name]
    if name not in (state.newest.statement, state.first_by) and not answers:
        return True
    if not isinstance(said, DebtStatement) or said.debt_ref != row.of:
        return False
    newest = state.newest.statement != name or state.newest == to_debt(said, name, "", None)
    first = state.first_by != name or state.first == said.as_of
    return newest and first and answers in ([], [said.answers_dispute])
