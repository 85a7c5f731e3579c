"""The rows of files in a case file: each with its salt and its proof under the `rows_root` that the creditor signed.

Such a row is signed by the creditor like a single statement. The facts that the case file has from it are compared with
the row. A row of a file whose manifest has no `rows_root`, and a debt that a snapshot leaves out, cannot be shown so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct

from duecare_core.domain.facts.merge import to_consent, to_debt
from duecare_core.domain.facts.statement import ConsentStatement, DebtStatement, Statement
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.portfolio.portfolio import Manifest, Portfolio, RowStatement
from duecare_core.domain.portfolio.row_reader import Reject
from duecare_core.domain.validation import validate
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile.inputs import ROW_SEPARATOR, InputRow, Inputs
from duecare_core.evidence.jose import jws
from duecare_core.evidence.record import Record
from duecare_core.evidence.rows_root import check_row
from duecare_core.evidence.statement import statement_id

MISMATCH = "SUBJECT_MISMATCH"
LEFT_OUT = "left-out"  # the row number of a debt that a snapshot withdrew because it was not in the file


class ProvenRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a file. `statement`: the manifest's id, `#`, and the row's number. `row`: its members, as those of a
    statement. `salt`, and the hashes of `proof`: 32 bytes in hexadecimal."""

    statement: str
    row: dict[str, Any]
    salt: str
    proof: tuple[str, ...]


class AnnouncedManifest(NamedTuple):
    """A manifest whose signature was verified, its statement id, and when the service received it."""

    manifest: Manifest
    statement: str
    received_at: datetime


class NamedRow(NamedTuple):
    """A row as a record names it. `number`: None for what a snapshot leaves out."""

    name: str
    manifest: str
    number: int | None


def read_manifest(token: str, received_at: datetime) -> AnnouncedManifest:
    """Raises Unacceptable, BadEvidence. Does not verify the signature."""
    return AnnouncedManifest(validate(jws.read(token).payload, Manifest), statement_id(token), received_at)


def named_rows(relied_on: Iterable[str]) -> Iterator[NamedRow]:
    """The rows of files among these statement ids. Raises BadEvidence for one that is none."""
    for name in relied_on:
        manifest, separator, row = name.partition(ROW_SEPARATOR)
        if not separator:
            continue
        if row == LEFT_OUT:
            yield NamedRow(name, manifest, None)
        elif row.isascii() and row.isdecimal() and row == str(int(row[:10])) and int(row):
            yield NamedRow(name, manifest, int(row))
        else:
            raise BadEvidence(f"{name} is no row of a file")


def check_rows(
    rows: Sequence[ProvenRow],
    record: Record,
    inputs: Inputs,
    manifests: Iterable[AnnouncedManifest],
    singles: Mapping[str, Statement],
) -> tuple[int, int]:
    """Check that these are the rows that a record relies on, that their creditor signed each, and that the facts in
    `inputs` are what the rows say. Returns how many rows are proven, and how many cannot be.

    `singles`: by statement id, the single statements that the record relies on. Raises BadEvidence.
    """
    by_id = {one.statement: one for one in manifests}
    named = list(named_rows(record.relied_on))
    if missing := [one.manifest for one in named if one.manifest not in by_id]:
        raise BadEvidence(f"{missing[0]} is no manifest, so it has no rows")
    provable = [one for one in named if one.number is not None and by_id[one.manifest].manifest.rows_root is not None]
    if [one.name for one in provable] != [one.statement for one in rows]:
        raise BadEvidence("the rows are not those that the record names")
    facts = RowFacts(inputs)
    proven: dict[str, Statement] = {}
    for one, row in zip(provable, rows, strict=True):
        signed, number = by_id[one.manifest], one.number or 0
        if signed.manifest.iss != record.creditor:
            raise BadEvidence("a row is of another creditor's file")
        statement = _proven(row, signed, number)
        facts.check(one.name, number, statement)
        if not isinstance(statement, Reject):
            proven[one.name] = statement
    if named:
        _check_subjects(record, inputs, proven, singles)
    return len(provable), len(named) - len(provable)


def check_left_out(rows: Iterable[InputRow], name: str, manifest: Manifest) -> None:
    """Raises BadEvidence unless the fact of this name is a debt that a snapshot withdrew because it was not in the
    file: the only fact that a file states without a row."""
    if not manifest.snapshot or manifest.kind != "debt":
        raise BadEvidence(f"the decision relies on {name}, but the file is no snapshot of debts")
    debts = [row.debt.newest for row in rows if row.debt and row.debt.newest.statement == name]
    if not debts or any(row.consent and row.consent.consent and row.consent.consent.statement == name for row in rows):
        raise BadEvidence(f"{name} is no debt, and a file leaves out nothing else")
    if any((debt.status, debt.at) != ("withdrawn", manifest.as_of) for debt in debts):
        raise BadEvidence(f"{name} is a debt that the file leaves out, and it is not withdrawn as of the file")


def _check_subjects(
    record: Record, inputs: Inputs, proven: Mapping[str, Statement], singles: Mapping[str, Statement]
) -> None:
    """Check what the record says about debtor and holder against the subjects that were signed.

    The inputs only say whether they are one person. That need not be believed of a consent and a debt that are signed.
    """
    holder = _subject(_consents(record.channel, inputs, proven, singles))
    refs = {one.debt_ref for one in (*proven.values(), *singles.values()) if isinstance(one, DebtStatement)}
    refs |= {row.of for row in inputs.rows if row.debt}
    debtors = {_subject(_debts(ref, inputs, proven, singles)) for ref in refs}
    if holder is None or not debtors or None in debtors:
        return
    if record.decision == "allow" and holder not in debtors:
        raise BadEvidence("debtor and holder are different people, by the statements, and the record allows")
    if MISMATCH in record.reasons and debtors == {holder}:
        raise BadEvidence("debtor and holder are one person, by the statements, and the record says otherwise")


# The statements of one fact, as the replay merges them, with their times. None: a row that cannot be shown.
_Dated = Iterator[tuple[datetime, Statement | None]]


def _consents(
    channel: str, inputs: Inputs, proven: Mapping[str, Statement], singles: Mapping[str, Statement]
) -> _Dated:
    for row in inputs.rows:
        consent = row.consent.consent if row.consent else None
        if consent and row.of == channel and consent.statement not in singles:
            yield consent.at, proven.get(consent.statement)
    for one in singles.values():
        if isinstance(one, ConsentStatement) and channel in one.channels:
            yield one.granted_at, one


def _debts(ref: str, inputs: Inputs, proven: Mapping[str, Statement], singles: Mapping[str, Statement]) -> _Dated:
    for row in inputs.rows:
        if row.debt and row.of == ref and row.debt.newest.statement not in singles:
            yield row.debt.newest.at, proven.get(row.debt.newest.statement)
    for one in singles.values():
        if isinstance(one, DebtStatement) and one.debt_ref == ref:
            yield one.as_of, one


def _subject(statements: _Dated) -> str | None:
    """The subject of the newest statement; None if it gives none or cannot be shown."""
    _, newest = max(statements, key=lambda one: one[0], default=(None, None))
    return newest.subject if isinstance(newest, ConsentStatement | DebtStatement) else None


def _proven(row: ProvenRow, signed: AnnouncedManifest, number: int) -> RowStatement | Reject:
    """The statement of a row, after checking that the creditor signed it."""
    manifest = signed.manifest
    try:
        salt, proof = bytes.fromhex(row.salt), [bytes.fromhex(hash_) for hash_ in row.proof]
        if row.salt != salt.hex() or any(text != hash_.hex() for text, hash_ in zip(row.proof, proof, strict=True)):
            raise BadEvidence("a hash is not in lower case")
        check_row(manifest.rows_root or "", manifest.rows, number, salt, canonical(row.row), proof)
    except (BadEvidence, ValueError) as error:
        raise BadEvidence(f"row {number} is not in the file that {manifest.iss} signed: {error}") from error
    return Portfolio(manifest).statement_of(row.row, signed.received_at)


class RowFacts:
    """The facts of a case file that are rows."""

    def __init__(self, inputs: Inputs) -> None:
        self._recipient = canonical_number(inputs.number)
        self._rows = inputs.rows

    def check_left_out(self, number: int, members: Mapping[str, Any]) -> None:
        """Raises BadEvidence if a debt that the case file calls left out is in the file."""
        if canonical_number(str(members.get("recipient"))) != self._recipient:
            return
        for row in self._rows:
            named = row.debt and row.debt.newest.statement.endswith(ROW_SEPARATOR + LEFT_OUT)
            if named and members.get("debt_ref") == row.of:
                raise BadEvidence(f"row {number} holds the debt {row.of}, which the case file says was left out")

    def check(self, name: str, number: int, row: RowStatement | Reject | None) -> None:
        """Raises BadEvidence if the case file differs from this row of the file."""
        if row is None:
            raise BadEvidence(f"it has no row {number}")
        if isinstance(row, Reject):
            raise BadEvidence(f"its row {number} does not count: {row.message}")
        if canonical_number(row.recipient) != self._recipient:
            raise BadEvidence(f"its row {number} is about another number")
        differing = [fact.of for fact in self._rows if not _agrees(fact, name, row)]
        if differing:
            raise BadEvidence(f"its row {number} says something else about {', '.join(differing)}")


def _agrees(row: InputRow, name: str, statement: RowStatement) -> bool:
    """Whether the fact agrees with the row of this name, as far as the fact rests on it."""
    if row.consent and row.consent.consent and row.consent.consent.statement == name:
        same = isinstance(statement, ConsentStatement) and row.of in statement.channels
        return same and row.consent.consent == to_consent(statement, name, "", None)  # type: ignore[arg-type]
    if row.debt is None:
        return True
    state = row.debt
    answers = [(dispute, mark.at) for dispute, mark in state.answers.items() if mark.statement == name]
    if name != state.newest.statement and not answers:
        return True
    if not isinstance(statement, DebtStatement) or statement.debt_ref != row.of:
        return False
    newest = state.newest.statement != name or state.newest == to_debt(statement, name, "", None)
    answering = statement.status == "open" and answers == [(statement.answers_dispute, statement.as_of)]
    return newest and (not answers or answering)
