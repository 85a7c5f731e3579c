"""Erase a recipient's rows from the evidence of all uploads. The hashes stay: without its salt no row can be guessed.

The index of an upload has a header and, for each row that has a recipient, a number of 64 bits: 40 bits of the
recipient's tag (`Pseudonyms.row_tag`), then the row's number; sorted. A recipient's rows are found by a few range reads
an upload, however large it is. The whole tag is with the row, so that no other recipient's row is erased.
"""

from __future__ import annotations

import base64
import struct
from array import array
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from duecare.ports import FileStore
from duecare.usecases.imports.row_evidence import parts_of
from duecare.usecases.imports.row_marks import RowMarks
from duecare.usecases.imports.upload_state import INDEX_PREFIX, rows_name
from duecare_core.domain.fields import RecipientKey
from duecare_core.errors import NotFound
from duecare_core.evidence.pseudonyms import Pseudonyms

_HEADER = struct.Struct("<4Q")
_ENTRY_BYTES = 8
_NUMBER_BITS = 24  # a file has at most five million rows
_TAG_BYTES = 5
_BLOCK = 8192  # entries read at once


class ErasedRows(NamedTuple):
    """How many rows were erased, and how many are still under retention; the newest of these is from `newest`."""

    erased: int
    kept: int
    newest: datetime | None


class _Index(NamedTuple):
    """The header of an upload's index. `at`: the time of the import, in seconds since 1970."""

    entries: int
    rows_per_part: int
    parts: int
    at: int


class RowIndex:
    """The index of an upload, while its file is read."""

    def __init__(self, marks: RowMarks) -> None:
        self._marks = marks
        self._entries = 0

    def add(self, tag: bytes, number: int) -> None:
        self._entries += 1
        self._marks.add(_entry(tag, number))

    def pieces(self, rows_per_part: int, parts: int, at: datetime) -> Iterator[bytes]:
        yield _HEADER.pack(*_Index(self._entries, rows_per_part, parts, int(at.timestamp())))
        yield from self._marks.sorted_bytes()


class RowErasure:
    def __init__(self, files: FileStore, pseudonyms: Pseudonyms) -> None:
        self._files = files
        self._pseudonyms = pseudonyms

    def __call__(self, recipient_key: RecipientKey, before: datetime) -> ErasedRows:
        """Erase the recipient's rows of all files imported before that time. Raises StoreFailed.

        Erased rows do not leave the index, so a repeated call finds them erased.
        """
        erased, kept, newest = 0, 0, None
        for name in list(self._files.names(INDEX_PREFIX)):
            upload_id, split = name.removeprefix(INDEX_PREFIX).split("/")
            index = _Index(*_HEADER.unpack(self._files.read_range(name, 0, _HEADER.size)))
            tag = self._pseudonyms.row_tag(upload_id, recipient_key)
            at = datetime.fromtimestamp(index.at, UTC)
            numbers = list(self._numbers(name, index.entries, tag))
            due = at <= before
            count = self._erase(upload_id, split, index, tag, numbers, really=due)
            erased, kept = erased + count * due, kept + count * (not due)
            if count and not due:
                newest = max(newest or at, at)
        return ErasedRows(erased, kept, newest)

    def _numbers(self, name: str, entries: int, tag: bytes) -> Iterator[int]:
        """The numbers of the rows whose tag begins as this one. Tags are evenly spread, so the first guess is near."""
        first, last = _entry(tag, 0), _entry(tag, (1 << _NUMBER_BITS) - 1)
        start = max(0, first * entries // (1 << 64) - _BLOCK // 2)
        block = self._block(name, start, entries)
        while start and (not block or block[0] >= first):
            start = max(0, start - _BLOCK)
            block = self._block(name, start, entries)
        while block:
            yield from (one & ((1 << _NUMBER_BITS) - 1) for one in block if first <= one <= last)
            if block[-1] > last:
                return
            start += _BLOCK
            block = self._block(name, start, entries)

    def _block(self, name: str, start: int, entries: int) -> array[int]:
        count = min(_BLOCK, entries - start)
        block = array("Q")
        if count > 0:
            block.frombytes(self._files.read_range(name, _HEADER.size + start * _ENTRY_BYTES, count * _ENTRY_BYTES))
        return block

    def _erase(self, upload_id: str, split: str, index: _Index, tag: bytes, numbers: list[int], *, really: bool) -> int:
        """The number of rows that were there."""
        by_part: dict[int, set[bytes]] = defaultdict(set)
        for number in numbers:
            for part in parts_of(number, index.rows_per_part, index.parts):
                by_part[part].add(b"%d %s" % (number, base64.b64encode(tag)))
        found = 0
        for part, starts in by_part.items():
            name = rows_name(upload_id, split, part)
            try:
                lines = b"".join(self._files.read(name)).split(b"\n")
            except NotFound:
                continue
            left = [line for line in lines if line.rpartition(b" ")[0] not in starts]
            found += len(lines) - len(left)
            if really and len(left) < len(lines):
                self._files.write(name, [b"\n".join(left)])
        return found


def _entry(tag: bytes, number: int) -> int:
    return int.from_bytes(tag[:_TAG_BYTES], "big") << _NUMBER_BITS | number
