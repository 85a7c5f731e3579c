"""Splits the bytes of an uploaded file into rows, after unpacking them, a bounded piece at a time.

Memory is bounded by `MAX_ROW_BYTES` and `PIECE_BYTES`, not by the size of the file, of a row or of a chunk, nor by the
compression ratio. The rows depend on the bytes alone, not on how they arrive in chunks.

Rows are found before anything is decoded: no byte of a multi-byte character in UTF-8 or GB18030 is a line end, a quote
or a comma (the second and fourth bytes of GB18030 are digits, or 0x40 and above). It is therefore certain where a row
ends even if it cannot be decoded.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from duecare_core.errors import FileRefused, ProblemName

MAX_ROW_BYTES = 64 * 1024  # of one row without its line end; a debt has a few hundred
PIECE_BYTES = 64 * 1024  # processed at a time
MAX_UNPACKED_BYTES = 1 << 30  # of an unpacked gzip file: ten times the largest upload

# A quoted field (with any wrong bytes after its closing quote), an unquoted one, or an empty one; and a row of fields
# with its line end. Every repetition is possessive, so that a field never ends at half of a doubled quote, and no
# memory is used for backtracking into the fields of a long row.
_FIELD = rb'(?:"[^"]*+(?:""[^"]*+)*+"[^,\r\n]*+|[^",\r\n][^,\r\n]*+|)'
_ROW = re.compile(rb"(" + _FIELD + rb"(?:," + _FIELD + rb")*+)[\r\n]")


def split(pieces: Iterable[bytes], *, quoting: bool) -> Iterator[bytes | None]:
    """The rows without line ends and without blank rows; None for a row longer than `MAX_ROW_BYTES`.

    Raises FileRefused for a quote that is never closed, because the rows after it cannot be found.
    """
    rest, skipped = b"", None
    for piece in chain(pieces, (b"\n",)):
        block = rest + piece
        if skipped is not None:
            start = skipped.end(piece)
            if start is None:
                continue
            skipped, block = None, piece[start:]
            yield None
        if quoting and b'"' in block:
            start = 0
            while row := _ROW.match(block, start):
                start = row.end()
                if row[1].strip():
                    yield row[1] if len(row[1]) <= MAX_ROW_BYTES else None
            rest = block[start:]
        else:
            *rows, rest = block.replace(b"\r", b"\n").split(b"\n")
            for line in rows:
                if line.strip():
                    yield line if len(line) <= MAX_ROW_BYTES else None
        if len(rest) > MAX_ROW_BYTES:
            skipped = _OverlongRow(quoting=quoting)
            skipped.end(rest)
            rest = b""
    if rest or skipped:
        raise FileRefused("unclosed-quote", "A quoted field is never closed; the rows after it cannot be told apart.")


_PLAIN, _EDGE, _QUOTED = range(
    3
)  # in an unquoted field; at the start of a field, or after a quote inside quotes; inside quotes
_LINE_END = re.compile(rb"[\r\n]")
_FIELD_END = re.compile(rb"[,\r\n]")
_WHOLE_FIELDS = re.compile(rb"[^,\r\n]*+(?:," + _FIELD + rb"(?=[,\r\n]))*+")
_INSIDE_QUOTES = re.compile(rb'[^"]*+(?:""[^"]*+)*+')


class _OverlongRow:
    """A row that is too long to keep. Finds its end, piece by piece, without keeping the pieces."""

    def __init__(self, *, quoting: bool) -> None:
        self._quoting = quoting
        self._state = _EDGE if quoting else _PLAIN
        self._until = _FIELD_END if quoting else _LINE_END

    def end(self, data: bytes) -> int | None:
        """The offset in this piece at which the next row starts; None if this row continues."""
        at = 0
        while at < len(data):
            if self._state == _EDGE:  # at the first byte of a field, or after a quote inside quotes
                self._state, at = (_QUOTED, at + 1) if data[at] == ord('"') else (_PLAIN, at)
            elif self._state == _QUOTED:
                inside = _INSIDE_QUOTES.match(data, at)
                at = inside.end() if inside else at
                self._state, at = (_EDGE, at + 1) if at < len(data) else (_QUOTED, at)
            else:
                whole = _WHOLE_FIELDS.match(data, at) if self._quoting else None
                found = self._until.search(data, whole.end() if whole else at)
                if found is None:
                    return None
                at = found.end()
                if found[0] != b",":
                    return at
                self._state = _EDGE
        return None


_OTHER_FORMATS: dict[bytes, tuple[ProblemName, str]] = {
    b"\x1f\x8b": ("not-text", "This is a gzip file; the manifest's format must say so."),
    b"PK\x03\x04": ("not-text", "This is a zip file or a workbook; save it as CSV."),
    b"\xff\xfe": ("wrong-charset", "This is UTF-16; save it as UTF-8."),
    b"\xfe\xff": ("wrong-charset", "This is UTF-16; save it as UTF-8."),
}
_MARKS = {"utf-8": b"\xef\xbb\xbf", "gb18030": b"\x84\x31\x95\x33"}


def without_mark(pieces: Iterator[bytes], charset: str) -> Iterator[bytes]:
    """The pieces without the byte order mark. Raises FileRefused if the first bytes show another format or charset."""
    first = next(pieces, b"")
    for start, (name, detail) in _OTHER_FORMATS.items():
        if first.startswith(start):
            raise FileRefused(name, detail)
    if any(first.startswith(mark) for other, mark in _MARKS.items() if other != charset):
        raise wrong_charset()
    return chain((first.removeprefix(_MARKS[charset]),), pieces)


def wrong_charset() -> FileRefused:
    return FileRefused("wrong-charset", "The file is not in the charset that the manifest names.")


def in_pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of `PIECE_BYTES`."""
    held = bytearray()
    for chunk in chunks:
        start = 0
        while start < len(chunk):
            end = start + PIECE_BYTES - len(held)
            held += chunk[start:end]
            start = end
            if len(held) == PIECE_BYTES:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The unpacked bytes of gzip (RFC 1952: one or more members, then optional zeros), at most `PIECE_BYTES` at a time.

    Raises FileRefused for bytes that are no gzip, are truncated, or unpack to too much.
    """
    size, member, members = 0, None, 0
    # In small slices, because zlib copies the unconsumed rest each time that it stops.
    for data in (chunk[at : at + 16384] for chunk in chunks for at in range(0, len(chunk), 16384)):
        while data:
            if member is None:
                data = data.lstrip(b"\0") if members else data  # noqa: PLW2901
                member, members = (zlib.decompressobj(wbits=31), members + 1) if data else (None, members)
                continue
            try:
                out = member.decompress(data, PIECE_BYTES)
            except zlib.error:
                raise FileRefused("bad-gzip", "The file is not gzip, or is damaged.") from None
            size += len(out)
            if size > MAX_UNPACKED_BYTES:
                raise FileRefused("too-large-unpacked", "The file unpacks to more than 1 GiB.")
            yield out
            if member.eof:
                data, member = member.unused_data, None  # noqa: PLW2901
            else:
                data = member.unconsumed_tail  # noqa: PLW2901
    if member is not None or not members:
        raise FileRefused("truncated-gzip", "The gzip file ends before its end.")
