"""An uploaded file, read as numbered rows: bytes in, one row at a time out, whatever is in them.

What is wrong with one row rejects that row alone, as long as it is certain where the row ends; what is wrong with the
file raises FileRefused. A sequence of bytes that is no character spoils its own row and no other; only where nothing
can be decoded is the file refused as being in another charset. How rows are found in the bytes, and what bounds memory:
`rowbytes`.

CSV is RFC 4180, with `\\n` and a lone `\\r` as line ends too. Blank lines are no rows and have no number. Quotes belong
around a whole field and are doubled inside: a closing quote that is followed by anything but a comma or a line end
rejects the row. A quote inside a field without quotes is taken as it stands.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from duecare_core.domain.portfolio.row_splitter import other_charset, pieces_of, split, unpacked, without_mark
from duecare_core.errors import FileRefused

MAX_UNDECODABLE_ROWS = 100  # rows, none of which can be decoded, after which no better one is waited for


class FileShape(Struct, frozen=True):
    """What the manifest says the bytes are."""

    format: Literal["csv", "jsonl"]
    gzip: bool
    charset: Literal["utf-8", "gb18030"]


class FileRow(Struct, frozen=True):
    """A row that could be read: its number (1-based; header and blank lines are not counted) and its members: every
    column as a text (CSV), or what the JSON object holds."""

    number: int
    members: dict[str, Any]


class Reject(Struct, frozen=True):
    """Why a row does not count: the column ("" where it is the row itself), a stable code, and a sentence. None of
    them repeats what the row holds."""

    column: str
    code: str
    message: str


class BadRow(Struct, frozen=True):
    """A row that is rejected alone."""

    number: int
    reject: Reject


TOO_LONG = Reject("", "row-too-long", "the row is longer than 64 KiB")
UNDECODABLE = Reject("", "undecodable", "the row holds bytes that are no characters in the manifest's charset")
_NUL = Reject("", "nul-character", "the row holds a NUL character")
_QUOTE = Reject("", "misplaced-quote", "a closing quote must be followed by a comma or the line end (RFC 4180)")
_FEW = Reject("", "too-few-fields", "the row has fewer fields than the header")
_MANY = Reject("", "too-many-fields", "the row has more fields than the header")
_NOT_JSON = Reject("", "not-json", "the line is not JSON (RFC 8259)")
_NOT_OBJECT = Reject("", "not-an-object", "the line is not a JSON object")
_TWICE = Reject("", "member-twice", "the same member stands twice in one object")


def read_rows(
    chunks: Iterable[bytes], shape: FileShape, columns: frozenset[str], required: frozenset[str]
) -> Iterator[FileRow | BadRow]:
    """The rows of a file, in its order. `columns` are those that it may have, `required` those that it must have.

    Raises FileRefused, perhaps after some rows, named `bad-gzip`, `truncated-gzip`, `too-large-unpacked`, `not-text`,
    `wrong-charset`, `no-header`, `missing-columns`, `doubled-columns`, `unknown-columns` or `unclosed-quote`.
    """
    pieces = without_mark(pieces_of(unpacked(chunks) if shape.gzip else chunks), shape.charset)
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
        raise other_charset()


# CSV


def _csv(
    raws: Iterator[bytes | None], charset: str, columns: frozenset[str], required: frozenset[str]
) -> Iterator[FileRow | BadRow]:
    names = _header(next(raws, None), charset, columns, required)
    # One reader for all rows: making one takes longer than reading a row. It is handed whole rows, one at a time.
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
        raise other_charset()
    if text is _NUL:
        raise FileRefused("not-text", "The first line holds NUL characters: this is not a text file in that charset.")
    try:
        names = next(csv.reader([text], strict=True)) if isinstance(text, str) else []
    except csv.Error:
        names = []
    if not names:
        raise FileRefused("no-header", "The first line must name the columns.")
    if unknown := [name for name in names if name not in columns]:
        raise FileRefused("unknown-columns", f"The contract has no such columns: {_shown(unknown)}.")
    if doubled := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise FileRefused("doubled-columns", f"Columns that stand twice: {_shown(doubled)}.")
    if missing := sorted(required.difference(names)):
        raise FileRefused("missing-columns", f"Columns that are missing: {_shown(missing)}.")
    return names


_NAME = re.compile(r"[a-z_]{1,40}")


def _shown(names: list[str]) -> str:
    """Names as they may be repeated. Where the header was forgotten, the first line is somebody's telephone number."""
    shown = [name for name in names if _NAME.fullmatch(name)][:40]
    others = len(names) - len(shown)
    return ", ".join(shown + ([f"{others} that cannot be a name"] if others else []))


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
            unknown = _shown([name for name in members if name not in columns])
            yield BadRow(number, Reject("", "unknown-member", f"the contract has no such members: {unknown}"))
        elif not required.issubset(members):
            column = min(required.difference(members))
            yield BadRow(number, Reject(column, "missing", "this member is required"))
        else:
            yield FileRow(number, members)


def _object(text: str) -> dict[str, Any] | Reject:
    try:
        members = _OBJECT.decode(text)
        # Every member name is followed by a colon, so as many of these as members means that none stands twice. More
        # of them may lie within a text or a nested object: only then is it worth reading the line slowly.
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
