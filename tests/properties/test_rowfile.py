"""Reading a file: the rows depend on its bytes and on nothing else, and no bytes break it."""

from __future__ import annotations

import csv
import gzip as gz
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise, product
from typing import Any, Literal
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.domain.portfolio import row_splitter as rowbytes
from duecare_core.domain.portfolio.row_reader import BadRow, FileRow, FileShape, read_rows
from duecare_core.errors import FileRefused

QUICK = settings(max_examples=200, deadline=None)
NAMES = ("a", "b", "c")
Charset = Literal["utf-8", "gb18030"]

charsets: st.SearchStrategy[Charset] = st.sampled_from(["utf-8", "gb18030"])
shapes = st.builds(FileShape, st.sampled_from(["csv", "jsonl"]), st.booleans(), charsets)
# Texts with what a reader may stumble over, and without what rejects a row: NUL and lone surrogates.
cells = st.text(st.one_of(st.sampled_from(',"\r\n债 ;=é'), st.characters(exclude_categories=["Cs"])), max_size=8).map(
    lambda text: text.replace("\0", "")
)
tables = st.lists(st.tuples(cells, cells, cells), max_size=12)
# Files of what matters to the reader, so that most are nearly good.
tokens = st.sampled_from(
    [
        b"a,b,c",
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b'""',
        b",",
        b"1",
        b" ",
        b"\0",
        b"\xff",
        b"\x81",
        "债".encode(),
        b"xyz" * 9,
        b"{",
        b"}",
        b'"a":',
        b'"b":1',
        b":",
        b"[",
        b'{"a":1,"b":2}',
        b"\xef\xbb\xbf",
    ]
)
near = st.lists(tokens, max_size=40).map(b"".join)


@contextmanager
def small(piece: int, limit: int) -> Iterator[None]:
    """Pieces and rows so short that their edges are met."""
    with patch.object(rowbytes, "PIECE_BYTES", piece), patch.object(rowbytes, "MAX_ROW_BYTES", limit):
        yield


def outcome(chunks: list[bytes], shape: FileShape) -> list[Any]:
    """Every row, and the name of what refused the file."""
    found: list[Any] = []
    try:
        for row in read_rows(chunks, shape, frozenset(NAMES), frozenset("ab")):
            found.append(row)
    except FileRefused as refused:
        found.append(refused.name)
    return found


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@QUICK
@given(near | st.binary(max_size=200), st.lists(st.integers(0, 500), max_size=8), shapes)
def test_any_bytes_in_any_chunks_give_the_same_rows_or_refusal(
    data: bytes, places: list[int], shape: FileShape
) -> None:
    data = gz.compress(data) if shape.gzip else data
    with small(4, 16):
        whole = outcome([data], shape)
        assert outcome(cut(data, places), shape) == whole
    rows = [row for row in whole if not isinstance(row, str)]
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


@QUICK
@given(near, st.sampled_from(["csv", "jsonl"]), charsets, st.integers(4, 40))
def test_where_the_pieces_end_changes_nothing(
    data: bytes, file_format: Literal["csv", "jsonl"], charset: Charset, piece: int
) -> None:
    shape = FileShape(file_format, False, charset)
    header = b"a,b,c\n" if file_format == "csv" else b""
    with small(1 << 16, 16):
        whole = outcome([header + data], shape)
    with small(piece, 16):
        assert outcome([header + data], shape) == whole


@pytest.mark.parametrize("piece", [4, 5, 6, 7])
def test_a_long_row_ends_where_it_would_if_it_were_held(piece: int) -> None:
    """Every short tail of a row that is too long, so that every state meets every edge of a piece."""
    shape = FileShape("csv", False, "utf-8")
    for length in range(6):
        for tail in product(b'",x\n', repeat=length):
            data = b"a,b,c\n" + b"x" * 20 + b"," + bytes(tail) + b"\n7,8,9\n"
            with small(1 << 16, 16):
                held = outcome([data], shape)
            with small(piece, 16):
                assert outcome([data], shape) == held, data


@QUICK
@given(st.binary(max_size=300), shapes)
def test_any_bytes_are_rows_or_refused_and_nothing_else(data: bytes, shape: FileShape) -> None:
    *rows, last = outcome([data], shape) or [""]
    assert all(isinstance(row, FileRow | BadRow) for row in rows)
    assert isinstance(last, FileRow | BadRow | str)


@QUICK
@given(near, charsets)
def test_no_row_hides_another(data: bytes, charset: Charset) -> None:
    """What comes before may reject itself; a good row after it, behind a line end, is read, unless a quote is open."""
    found = outcome([b"a,b,c\n" + data + b"\n7,8,9\n"], FileShape("csv", False, charset))
    assert found[-1] == "unclosed-quote" or found[-1] == "wrong-charset" or isinstance(found[-1], FileRow | BadRow)
    if b'"' not in data:
        assert isinstance(found[-1], FileRow)
        assert found[-1].members == {"a": "7", "b": "8", "c": "9"}


@QUICK
@given(tables, charsets, st.booleans(), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.booleans())
def test_what_a_csv_writer_wrote_is_read_back(
    table: list[tuple[str, str, str]], charset: Charset, packed: bool, quoting: Any, mark: bool
) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=quoting).writerows([NAMES, *table])
    data = (("\ufeff" if mark else "") + text.getvalue()).encode(charset)
    data = gz.compress(data) if packed else data
    with small(16, 1 << 16):
        found = outcome([data], FileShape("csv", packed, charset))
    assert found == [FileRow(number, dict(zip(NAMES, row, strict=True))) for number, row in enumerate(table, 1)]


@QUICK
@given(
    st.lists(st.fixed_dictionaries({"a": cells, "b": st.lists(cells, max_size=3)}), max_size=8), charsets, st.booleans()
)
def test_json_lines_are_read_back(rows: list[dict[str, Any]], charset: Charset, packed: bool) -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(charset)
    data = gz.compress(data) if packed else data
    with small(16, 1 << 16):
        found = outcome([data], FileShape("jsonl", packed, charset))
    assert found == [FileRow(number, row) for number, row in enumerate(rows, 1)]


@QUICK
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", " ", "\t"]), st.integers(0, 9)), max_size=6))
def test_a_member_that_stands_twice_is_always_found(members: list[tuple[str, str, int]]) -> None:
    line = "{" + ",".join(f'"{name}"{space}:{value}' for name, space, value in members) + "}"
    (found,) = outcome([line.encode()], FileShape("jsonl", False, "utf-8"))
    twice = len({name for name, _, _ in members}) < len(members)
    assert (isinstance(found, BadRow) and found.reject.code == "member-twice") == twice
