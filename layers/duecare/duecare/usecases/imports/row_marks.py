"""Eight bytes for each row of a file: which rows are about the same debt, and which debts are in the file at all.

Two debts of one mark are looked at together where that costs nothing, and are told apart by their keys; a debt that is
not in a snapshot and has the mark of one that is (one in 10^13 for a million of each) would stay open.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from io import SEEK_END
from itertools import pairwise
from tempfile import TemporaryFile
from types import TracebackType

_BYTES = 8
_BUCKETS = 256
_BLOCK = 256  # marks; of every bucket at most this many are in memory: half a megabyte in all


def mark(pk: str, sk: str) -> int:
    """Never 0, which stands for a row that cannot be about any debt."""
    return int.from_bytes(hashlib.sha256(f"{pk}\0{sk}".encode()).digest()[:_BYTES], "big") or 1


class RowMarks:
    """The marks of a file's rows, in buckets by their first byte, so that one bucket at a time is sorted. They wait on
    disk, in a file without a name: however many rows there are, the memory is that of one bucket and a block of each.
    """

    def __init__(self) -> None:
        self._newest = [array("Q") for _ in range(_BUCKETS)]
        self._blocks: list[list[int]] = [[] for _ in range(_BUCKETS)]  # where each one's full blocks begin
        self._file = TemporaryFile()  # noqa: SIM115  closed by whoever is done with the marks

    def __enter__(self) -> RowMarks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, value: int) -> None:
        if not value:
            return
        bucket = value >> 56
        newest = self._newest[bucket]
        newest.append(value)
        if len(newest) == _BLOCK:
            self._blocks[bucket].append(self._file.seek(0, SEEK_END))
            self._file.write(newest.tobytes())
            del newest[:]

    def doubled(self, most: int) -> frozenset[int]:
        """The marks that more than one row has. Where there are more than `most` of them, only more than `most`."""
        found: set[int] = set()
        for bucket in self._sorted():
            found.update(one for one, other in pairwise(bucket) if one == other)
            if len(found) > most:
                break
        return frozenset(found)

    def sorted_bytes(self) -> Iterator[bytes]:
        """All of them in order, each in the machine's own byte order."""
        return (array("Q", bucket).tobytes() for bucket in self._sorted())

    def _sorted(self) -> Iterator[list[int]]:
        for newest, blocks in zip(self._newest, self._blocks, strict=True):
            bucket = array("Q", newest)
            for at in blocks:
                self._file.seek(at)
                bucket.frombytes(self._file.read(_BLOCK * _BYTES))
            yield sorted(bucket)


class SortedRowMarks:
    """What `sorted_bytes` gave, to be asked whether a mark is among them."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        data = bytearray()
        for piece in pieces:
            data += piece
        self._marks = memoryview(data).cast("Q")

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int):
            return False
        at = bisect_left(self._marks, value)
        return at < len(self._marks) and self._marks[at] == value
