"""The marks of a file's rows: complete, and with bounded memory."""

from __future__ import annotations

import tracemalloc
from array import array
from itertools import islice
from random import Random

import pytest

from duecare.usecases.imports import row_marks as marks_module
from duecare.usecases.imports.row_marks import RowMarks, SortedRowMarks, mark

RANDOM = Random(7)


def some(number: int) -> list[int]:
    return [RANDOM.getrandbits(64) for _ in range(number)]


def test_every_mark_is_found_and_no_other() -> None:
    values = some(100_000)
    with RowMarks() as marks:
        for value in values:
            marks.add(value)
        pieces = list(marks.sorted_bytes())
    assert array("Q", b"".join(pieces)).tolist() == sorted(values)
    there = SortedRowMarks(pieces)
    assert all(value in there for value in values[::97])
    assert not any(value in there for value in some(1000))
    assert "1" not in there


def test_duplicate_marks_are_found_however_far_apart() -> None:
    values = some(80_000)
    with RowMarks() as marks:
        for value in [*values, *values[:3], values[-1], values[0]]:
            marks.add(value)
        assert marks.duplicates(4) == {*values[:3], values[-1]}


def test_the_search_for_duplicates_stops_at_the_limit() -> None:
    values = some(30_000)
    with RowMarks() as marks:
        for value in values * 2:
            marks.add(value)
        assert 100 < len(marks.duplicates(100)) < 1000


def test_a_row_about_nothing_has_no_mark() -> None:
    with RowMarks() as marks:
        marks.add(0)
        marks.add(0)
        assert marks.duplicates(1) == frozenset()
        assert b"".join(marks.sorted_bytes()) == b""
    assert mark("R#a", "D#b#c") != mark("R#a", "D#b#d")


def test_the_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty thousand marks take 480 kB."""
    monkeypatch.setattr(marks_module, "_BLOCK", 64)
    values = iter(lambda: RANDOM.getrandbits(64), None)
    tracemalloc.start()
    try:
        with RowMarks() as marks:
            for value in islice(values, 60_000):
                marks.add(value)
            marks.duplicates(10)
            assert sum(map(len, marks.sorted_bytes())) == 480_000
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()
