"""Reads an uploaded file as numbered rows, one at a time, for any bytes.

A fault in one row rejects that row alone if it is certain where the row ends. A fault in the file raises FileRefused.
Bytes that are no character spoil only their own row; if no row can be decoded, the file is refused as being in another
charset. `row_splitter` finds the rows in the bytes and bounds memory.

CSV is RFC 4180, and `\\n` and a lone `\\r` are line ends too. Blank lines are no rows and have no number. Quotes
enclose a whole field and are doubled inside it: a closing quote followed by anything but a comma or a line end rejects
the row. A quote inside an unquoted field is an ordinary character.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from duecare_core.domain.portfolio.row_splitter import gunzipped, in_pieces, split, without_mark, wrong_charset
from duecare_core.errors import FileRefused

MAX_UNDECODABLE_ROWS = 100  # after so many rows, none of which can be decoded, the file is refused


class FileShape(Struct, frozen=True):
    """The form of the bytes, by the manifest."""

    format: Literal["csv", "jsonl"]
    gzip: bool
    charset: Literal["utf-8", "gb18030"]


class FileRow(Struct, frozen=True):
    """A readable row: its number (from 1; header and blank lines are not counted) and its members, which are the cells
    by column (CSV) or the members of the JSON object."""

    number: int
    members: dict[str, Any]


class Reject(Struct, frozen=True):
    """Why a row does not count: the column ("" for the row itself), a stable code, and a message. None of them repeats
    anything that the row holds."""

    column: str
    code: str
    message: str


class BadRow(Struct, frozen=True):
    """A row that is rejected. `members`: those of a JSON object that lacks a required one."""

    number: int
    reject: Reject
    members: dict[str, Any] | None = None


TOO_LONG = Reject("", "row-too-long", "the row is longer than 64 KiB")
UNDECODABLE = Reject("", "undecodable", "the row holds bytes that are no characters in the manifest's charset")
_NUL = Reject("", "nul-character", "the row holds a NUL character")
_QUOTE = Reject("", "misplaced-quote", "a closing quote must be followed by a comma or the line end (RFC 4180)")
_FEW = Reject("", "too-few-fields", "the row has fewer fields than the header")
_MANY = Reject("", "too-many-fields", "the row has more fields than the header")
_NOT_JSON = Reject("", "not-json", "the line is not JSON (RFC 8259)")
_NOT_OBJECT = Reject("", "not-an-object", "the line is not a JSON object")
_TWICE = Reject("", "member-twice", "the same member occurs twice in one object")


def read_rows(
    chunks: Iterable[bytes], shape: FileShape, columns: frozenset[str], required: frozenset[str]
) -> Iterator[FileRow | BadRow]:
    """The rows of a file, in order. `columns`: those that the file may have. `required`: those that it must have.

    Raises FileRefused, possibly after some rows, named `bad-gzip`, `truncated-gzip`, `too-large-unpacked`, `not-text`,
    `wrong-charset`, `no-header`, `missing-columns`, `doubled-columns`, `unknown-columns` or `unclosed-quote`.
    """
    pieces = without_mark(in_pieces(gunzipped(chunks) if shape.gzip else chunks), shape.charset)
    if shape.format == "csv":
        rows = _csv(split(pieces, quoting=True), shape.charset, columns, required)
    else:
        rows = _jsonl(split(pieces, quoting=False), shape.charset, columns, required)
    decoded, undecodable = False, 0
    for row in rows:
        if not decoded and isinstance(row, BadRow) and row.reject is UNDECODABLE:
            undecodable += 1
            if undecodable == MAX_UNDECODABLE_ROWS:
                break
        elif isinstance(row, FileRow):
            decoded = True
        yield row
    if undecodable and not decoded:
        raise wrong_charset()


# CSV


def _csv(
    raws: Iterator[bytes | None], charset: str, columns: frozenset[str], required: frozenset[str]
) -> Iterator[FileRow | BadRow]:
    names = _header(next(raws, None), charset, columns, required)
    # One reader for all rows, because creating one takes longer than reading a row. It gets one whole row at a time.
    waiting: list[str] = []
    reader = csv.reader(iter(waiting.pop, None), strict=True)
    for number, raw in enumerate(raws, 1):
        text = _text(raw, charset)
        if isinstance(text, Reject):
            yield BadRow(number, text)
            continue
        if '"' in text:
            waiting.append(text)
            try:
                fields = next(reader)
            except csv.Error:
                yield BadRow(number, _QUOTE)
                continue
        else:
            fields = text.split(",")
        if len(fields) == len(names):
            yield FileRow(number, dict(zip(names, fields, strict=True)))
        else:
            yield BadRow(number, _FEW if len(fields) < len(names) else _MANY)


def _header(raw: bytes | None, charset: str, columns: frozenset[str], required: frozenset[str]) -> list[str]:
    """The names of the columns, in their order. Raises FileRefused."""
    text = TOO_LONG if raw is None else _text(raw, charset)
    if text is UNDECODABLE:
        raise wrong_charset()
    if text is _NUL:
        raise FileRefused("not-text", "The first line holds NUL characters: this is not a text file in that charset.")
    try:
        names = next(csv.reader([text], strict=True)) if isinstance(text, str) else []
    except csv.Error:
        names = []
    if not names:
        raise FileRefused("no-header", "The first line must name the columns.")
    if unknown := [name for name in names if name not in columns]:
        raise FileRefused("unknown-columns", _unknown_columns(names, unknown, columns, required))
    if doubled := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise FileRefused("doubled-columns", f"Columns that occur twice: {', '.join(doubled)}.")
    if missing := sorted(required.difference(names)):
        raise FileRefused("missing-columns", f"Missing columns: {', '.join(missing)}.")
    return names


MAX_NAMES_SHOWN = 40
_NAME = re.compile(r"[a-z_]{1,40}")
# What an export may write instead of a known name. It has no digits, so it is no telephone number and no amount.
_HEADER_CELL = re.compile(r"[^\d\x00-\x1f\x7f]{0,40}")


def _unknown_columns(names: list[str], unknown: list[str], columns: frozenset[str], required: frozenset[str]) -> str:
    """The detail for an unknown column. If no column is known, the first line may be data, so only plain names are
    shown."""
    is_header = len(unknown) < len(names)
    pattern = _HEADER_CELL if is_header else _NAME
    shown = [
        f"'{name}'" if _NAME.fullmatch(name) else f"'{name}' (column {number})"
        for number, name in enumerate(names, 1)
        if name not in columns and pattern.fullmatch(name)
    ]
    expected = ", ".join([*sorted(required), *sorted(columns - required)])
    detail = f"Unknown columns: {_listed(shown, len(unknown))}. Expected: {expected}."
    if len(names) == 1 and ";" in names[0]:
        return f"{detail} Columns are separated by commas, not semicolons."
    return detail if is_header else f"{detail} The first line must name the columns."


def _listed(shown: list[str], count: int) -> str:
    """These texts, and how many more of `count` there are. A name that may be data is counted, not shown."""
    shown = shown[:MAX_NAMES_SHOWN]
    hidden = count - len(shown)
    return ", ".join(shown + ([f"{hidden} that cannot be shown"] if hidden else []))


# JSON lines

_OBJECT = msgspec.json.Decoder(dict[str, Any])
_MEMBER = re.compile(r'"[ \t]*:')


def _jsonl(
    raws: Iterator[bytes | None], charset: str, columns: frozenset[str], required: frozenset[str]
) -> Iterator[FileRow | BadRow]:
    for number, raw in enumerate(raws, 1):
        text = _text(raw, charset)
        members = text if isinstance(text, Reject) else _object(text)
        if isinstance(members, Reject):
            yield BadRow(number, members)
        elif not columns.issuperset(members):
            unknown = [name for name in members if name not in columns]
            shown = _listed([f"'{name}'" for name in unknown if _NAME.fullmatch(name)], len(unknown))
            yield BadRow(number, Reject("", "unknown-member", f"the contract has no such members: {shown}"))
        elif not required.issubset(members):
            column = min(required.difference(members))
            yield BadRow(number, Reject(column, "missing", "this member is required"), members)
        else:
            yield FileRow(number, members)


def _object(text: str) -> dict[str, Any] | Reject:
    try:
        members = _OBJECT.decode(text)
        # A colon follows every member's name. If there are as many of these as members, no member occurs twice. If
        # there are more, some may be inside a text or a nested object, and only the slow reader can tell.
        return _TWICE if len(_MEMBER.findall(text)) != len(members) and _repeats(text) else members
    except (ValueError, RecursionError) as error:
        wrong_type = isinstance(error, msgspec.ValidationError) and not text.lstrip().startswith("{")
        return _NOT_OBJECT if wrong_type else _NOT_JSON


def _repeats(text: str) -> bool:
    repeated = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) != len(pairs):
            repeated.append(True)

    json.loads(text, object_pairs_hook=look)
    return bool(repeated)


def _text(raw: bytes | None, charset: str) -> str | Reject:
    if raw is None:
        return TOO_LONG
    try:
        text = raw.decode(charset)
    except UnicodeDecodeError:
        return UNDECODABLE
    return _NUL if "\0" in text else text
