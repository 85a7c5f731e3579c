"""A portfolio: the rows of an uploaded file as statements, under the creditor's signed manifest.

A row is equal to a single statement of its kind: the same members, limits and checks. The manifest is what the creditor
signs, so a row takes `iss`, `aud` and `iat` from it, and `as_of` if the row gives none.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import fields

from duecare_core.domain.facts.statement import DATED_AHEAD, SKEW, ConsentStatement, DebtStatement, Statement, check
from duecare_core.domain.fields import Digest, Time
from duecare_core.domain.portfolio.row_reader import BadRow, FileRow, FileShape, Reject, read_rows
from duecare_core.domain.validation import validate
from duecare_core.errors import Unacceptable, Violation

RowStatement = DebtStatement | ConsentStatement
_TYPES: dict[str, type[DebtStatement] | type[ConsentStatement]] = {"debt": DebtStatement, "consent": ConsentStatement}
_SIGNED = frozenset(Statement.__struct_fields__)
_LISTS = frozenset({"channels", "collectors"})


class Manifest(Statement, frozen=True, kw_only=True):
    """The payload of an upload's JWS (typ `upload+jws`): the form and digest of the file, and statements about all
    rows.

    `sha256` and `size` (bytes) are of the file as sent, packed or not. `snapshot`: debts that are not in the file are
    withdrawn as of `as_of`. `confirm_withdrawals`: how many withdrawals the creditor confirms, if the service asked.
    `rows_root`: the Merkle root over the rows, by which each of them is signed (evidence/rows_root.py).
    """

    kind: Literal["debt", "consent"]
    format: Literal["csv", "jsonl", "csv+gzip", "jsonl+gzip"]
    charset: Literal["utf-8", "gb18030"]
    rows: Annotated[int, Meta(ge=1, le=5_000_000)]
    sha256: Digest
    size: Annotated[int, Meta(ge=1, le=5_000_000_000)] | None = None
    as_of: Time | None = None
    snapshot: bool = False
    confirm_withdrawals: Annotated[int, Meta(ge=1, le=5_000_000)] | None = None
    rows_root: Digest | None = None


def check_manifest(manifest: Manifest, now: datetime) -> None:
    """Checks what types cannot express. Raises Unacceptable with every violation. No violation repeats a value."""
    violations = tuple(_violations(manifest, now))
    if violations:
        raise Unacceptable(f"The manifest has {len(violations)} member(s) that cannot be accepted.", errors=violations)


def _violations(manifest: Manifest, now: datetime) -> Iterator[Violation]:
    if manifest.iat > (now + SKEW).timestamp():
        yield Violation("/iat", "in-the-future", "iat lies in the future")
    if manifest.as_of is not None:
        if manifest.kind != "debt":
            yield Violation("/as_of", "debts-only", "only debts are stated as of an instant")
        if not 1970 <= manifest.as_of.year < 2200:
            yield Violation("/as_of", "out-of-range", "a time between 1970 and 2199 is expected")
        elif manifest.as_of > now:
            yield Violation("/as_of", DATED_AHEAD, "a file cannot be as of a time after the service's clock")
    if manifest.snapshot and manifest.kind != "debt":
        yield Violation("/snapshot", "debts-only", "only debts can be a snapshot")
    if manifest.snapshot and manifest.as_of is None:
        yield Violation("/as_of", "missing", "a snapshot is as of an instant")
    if manifest.confirm_withdrawals is not None and not manifest.snapshot:
        yield Violation("/confirm_withdrawals", "snapshot-only", "only a snapshot withdraws debts")


class Portfolio:
    """Reads the rows under one manifest. `columns`: those that its file may have. `required`: those that it must
    have."""

    def __init__(self, manifest: Manifest) -> None:
        name, _, packed = manifest.format.partition("+")
        self.shape = FileShape("csv" if name == "csv" else "jsonl", packed == "gzip", manifest.charset)
        self._kind, self._type = manifest.kind, _TYPES[manifest.kind]
        self._given: dict[str, Any] = {name: getattr(manifest, name) for name in _SIGNED}
        self.columns = frozenset(self._type.__struct_fields__) - _SIGNED
        if manifest.kind == "debt" and manifest.as_of is not None:
            self._given["as_of"] = manifest.as_of
        needed = {member.name for member in fields(self._type) if member.required}
        self.required = frozenset(needed.difference(self._given))

    def read(self, chunks: Iterable[bytes], now: datetime) -> Iterator[tuple[int, RowStatement | Reject]]:
        """The number of each row, with its statement or the reason why it does not count. Raises FileRefused."""
        for row in read_rows(chunks, self.shape, self.columns, self.required):
            yield row.number, self.statement(row.members, now) if isinstance(row, FileRow) else row.reject

    def members(self, row: FileRow | BadRow) -> dict[str, Any] | None:
        """The members of a row as those of a statement, equal for CSV and JSON lines; None if it has none.

        In CSV an empty cell is an absent member, and `;` separates the items of a list. In JSON lines a member that is
        null is absent. A row whose members are no texts or lists of texts, which no statement has, counts as having
        none.
        """
        if row.members is None:
            return None
        if self.shape.format == "csv":
            return _members_of_cells(row.members)
        members = {name: value for name, value in row.members.items() if value is not None}
        return members if all(map(_is_text_or_texts, members.values())) else None

    def statement(self, members: dict[str, Any], now: datetime) -> RowStatement | Reject:
        """The statement of a row of this file's format."""
        return self.statement_of(_members_of_cells(members) if self.shape.format == "csv" else members, now)

    def statement_of(self, members: dict[str, Any], now: datetime) -> RowStatement | Reject:
        """The statement of a row with these members."""
        try:
            statement = validate({**self._given, **members}, self._type)
            check(self._kind, statement, now)
        except Unacceptable as refusal:
            return _reject(refusal.errors[0], members)
        return statement


def _members_of_cells(cells: dict[str, str]) -> dict[str, Any]:
    return {name: cell.split(";") if name in _LISTS else cell for name, cell in cells.items() if cell}


def _is_text_or_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _reject(violation: Violation, members: dict[str, Any]) -> Reject:
    """The first fault of a row, in words for the person who exported the file."""
    column = violation.pointer.split("/")[1]
    value = members.get(column)
    texts = value if isinstance(value, list) else [value]
    if any(isinstance(text, str) and _FORMULA.match(text) for text in texts):
        return Reject(column, "formula", "starts like a spreadsheet formula, which this column cannot hold")
    if violation.code == "wrong-type-or-form":
        return Reject(column, violation.code, f"{_FORMS.get(column, 'another value')} is expected")
    return Reject(column, violation.code, violation.message)


# A plus sign and a number is a telephone number, valid or not.
_FORMULA = re.compile(r"[=@\t\r-]|\+(?![0-9 ().-]*\Z)")
_REFERENCE = "a text of 1 to 128 characters, none of them a control character,"
_TIME = "an RFC 3339 time with its offset from UTC"
_DIGEST = "sha256: and 64 hexadecimal digits in lower case"
_FORMS = {
    "recipient": "a telephone number as E.164 has it (+, country code, number, nothing between them)",
    "debt_ref": _REFERENCE,
    "original_creditor": _REFERENCE,
    "currency": "an ISO 4217 code of three capital letters",
    "outstanding": "a decimal amount without sign, separators and currency, of at most 4 decimal places,",
    "as_of": _TIME,
    "valid_until": _TIME,
    "granted_at": _TIME,
    "expires_at": _TIME,
    "region": "an ISO 3166-2 code, such as CN-GD,",
    "time_zone": "an IANA time zone, such as Asia/Shanghai,",
    "collectors": "a list of party ids",
    "channels": "a list of one to four channels",
    "subject": _DIGEST,
    "contract": _DIGEST,
    "answers_dispute": _DIGEST,
    "notice": _DIGEST,
    "evidence": _DIGEST,
}

_LONG_NUMBER = re.compile(r"[0-9]{7,}")
_BATCH = 1000


def rejects_csv(rejects: Iterable[BadRow]) -> Iterator[bytes]:
    """The rejects file (RFC 4180, UTF-8) in parts: row, column, code, message, in the order given.

    It is opened in spreadsheets, so no cell starts as a formula does. Numbers as long as a telephone number are masked.
    """
    yield _lines([("row", "column", "code", "message")])
    remaining = iter(rejects)
    while batch := list(islice(remaining, _BATCH)):
        yield _lines(
            (bad.number, *map(_cell, (bad.reject.column, bad.reject.code, bad.reject.message))) for bad in batch
        )


def _cell(text: str) -> str:
    masked = _LONG_NUMBER.sub("***", text)
    return f"'{masked}" if masked.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else masked


def _lines(rows: Iterable[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
