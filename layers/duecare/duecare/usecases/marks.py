"""Eight bytes for each row of a file: which rows are about the same debt, and which debts are in the file at all.

Two debts of one mark are looked at together where that costs nothing, and are told apart by their keys; a debt that is
not in a snapshot and has the mark of one that is (one in 10^13 for a million of each) would stay open.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

_BYTES = 8


def mark(pk: str, sk: str) -> int:
    """Never 0, which stands for a row that cannot be about any debt."""
    return int.from_bytes(hashlib.sha256(f"{pk}\0{sk}".encode()).digest()[:_BYTES], "big") or 1


class Marks:
    """The marks of a file's rows: eight bytes a row, in buckets by the first, so that no large list is sorted."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(256)]

    def add(self, value: int) -> None:
        if value:
            self._buckets[value >> 56].append(value)

    def doubled(self) -> frozenset[int]:
        """The marks that more than one row has."""
        found: set[int] = set()
        for at, bucket in enumerate(self._buckets):
            self._buckets[at] = array("Q", sorted(bucket))
            found.update(one for one, other in pairwise(self._buckets[at]) if one == other)
        return frozenset(found)

    def sorted_bytes(self) -> Iterator[bytes]:
        """All of them in order, once `doubled` has been asked; each in the machine's own byte order."""
        return (bucket.tobytes() for bucket in self._buckets if bucket)


class SortedMarks:
    """What `sorted_bytes` gave, to be asked whether a mark is among them."""

    def __init__(self, data: bytes) -> None:
        self._marks = memoryview(data).cast("Q")

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int):
            return False
        at = bisect_left(self._marks, value)
        return at < len(self._marks) and self._marks[at] == value
