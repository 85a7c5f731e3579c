"""Row marks: an 8-byte digest of each row's debt, to find duplicate rows and debts that a snapshot omits.

Debts with equal marks are compared by their keys wherever the keys are at hand. A debt that a snapshot omits but whose
mark equals that of a debt in it would stay open (probability 10^-13 for a million debts each).
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from io import SEEK_END
from tempfile import TemporaryFile
from types import TracebackType

_BYTES = 8
_BUCKETS = 256
_BLOCK = 256  # marks of a bucket that are held in memory; half a megabyte for all buckets


def mark(pk: str, sk: str) -> int:
    """Never 0: that is the mark of a row that is about no debt."""
    return int.from_bytes(hashlib.sha256(f"{pk}\0{sk}".encode()).digest()[:_BYTES], "big") or 1


class RowMarks:
    """The marks of a file's rows, in buckets by their first byte. Full blocks are moved to a temporary file, and one
    bucket is sorted at a time, so memory is bounded by one bucket and one block of each."""

    def __init__(self) -> None:
        self._newest = [array("Q") for _ in range(_BUCKETS)]
        self._blocks: list[list[int]] = [[] for _ in range(_BUCKETS)]  # offsets of the full blocks
        self._file = TemporaryFile()  # noqa: SIM115  closed by __exit__

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

    def duplicates(self, limit: int) -> frozenset[int]:
        """The marks of more than one row. If there are more than `limit`, some of them, but more than `limit`."""
        return self.repeated(2, limit)

    def repeated(self, times: int, limit: int) -> frozenset[int]:
        """The marks of at least so many rows. If there are more than `limit`, some of them, but more than `limit`."""
        found: set[int] = set()
        for bucket in self._sorted():
            # Equal marks are neighbours.
            found.update(one for one, later in zip(bucket, bucket[times - 1 :], strict=False) if one == later)
            if len(found) > limit:
                break
        return frozenset(found)

    def sorted_bytes(self) -> Iterator[bytes]:
        """All marks, sorted, in the machine's byte order."""
        return (array("Q", bucket).tobytes() for bucket in self._sorted())

    def _sorted(self) -> Iterator[list[int]]:
        for newest, blocks in zip(self._newest, self._blocks, strict=True):
            bucket = array("Q", newest)
            for at in blocks:
                self._file.seek(at)
                bucket.frombytes(self._file.read(_BLOCK * _BYTES))
            yield sorted(bucket)


class SortedRowMarks:
    """The marks written by `sorted_bytes`, for membership tests."""

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
