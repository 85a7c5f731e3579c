"""How an uploaded file is read: what is bad in one row rejects it alone, what is bad in the file refuses it."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import pytest

from duecare_core.domain.portfolio import row_splitter as rowbytes
from duecare_core.domain.portfolio.row_reader import MAX_UNDECODABLE_ROWS, BadRow, FileRow, FileShape, read_rows
from duecare_core.errors import FileRefused

NAMES = frozenset({"a", "b", "c"})
NEEDED = frozenset({"a", "b"})
MIB = 1 << 20


def read(
    data: bytes | Iterable[bytes],
    file_format: Literal["csv", "jsonl"] = "csv",
    *,
    packed: bool = False,
    charset: Literal["utf-8", "gb18030"] = "utf-8",
) -> Iterator[FileRow | BadRow]:
    chunks = [data] if isinstance(data, bytes) else data
    return read_rows(chunks, FileShape(file_format, packed, charset), NAMES, NEEDED)


def told(rows: Iterable[FileRow | BadRow]) -> list[Any]:
    """The values of each good row, the code of each bad one; their numbers must be in order."""
    seen = list(rows)
    assert [row.number for row in seen] == list(range(1, len(seen) + 1))
    return [list(row.members.values()) if isinstance(row, FileRow) else row.reject.code for row in seen]


def refusal(*arguments: Any, **options: Any) -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        list(read(*arguments, **options))
    assert (refused.value.status, refused.value.detail) == (422, str(refused.value))
    return refused.value


# CSV


def test_a_row_has_the_cells_under_the_names_of_its_columns() -> None:
    assert list(read(b"b,a\r\n1,2\r\n")) == [FileRow(1, {"b": "1", "a": "2"})]


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_every_line_end_ends_a_row_and_the_last_may_have_none(end: bytes) -> None:
    assert told(read(end.join([b"a,b", b"1,2", b"3,4"]))) == [["1", "2"], ["3", "4"]]
    assert told(read(end.join([b"a,b", b"1,2", b"3,4", b""]))) == [["1", "2"], ["3", "4"]]


def test_blank_lines_are_no_rows() -> None:
    assert told(read(b"\r\n\na,b\r\n\r\n \t\n1,2\n\n\n3,4\n\n")) == [["1", "2"], ["3", "4"]]


def test_a_row_of_empty_cells_is_a_row() -> None:
    assert told(read(b"a,b\n,\n")) == [["", ""]]


def test_quotes_hold_commas_quotes_and_line_ends() -> None:
    data = b'a,b\r\n"1,1","say ""no"""\r\n"line\r\nline\rline\n","\xe5\x80\xba"\r\n"",""\r\n'
    assert told(read(data)) == [["1,1", 'say "no"'], ["line\r\nline\rline\n", "债"], ["", ""]]


@pytest.mark.parametrize("row", [b'"1"x,2', b'"1" ,2', b'1,"2"3"', b'"a" "b",2', b'"1"x,"2\n2"'])
def test_a_misplaced_quote_rejects_its_row_alone(row: bytes) -> None:
    assert told(read(b"a,b\n" + row + b"\n3,4\n")) == ["misplaced-quote", ["3", "4"]]


def test_a_quote_inside_a_field_without_quotes_is_taken_as_it_stands() -> None:
    assert told(read(b'a,b\n12" pipe,2\n3,4\n')) == [['12" pipe', "2"], ["3", "4"]]


def test_too_few_and_too_many_fields_reject_the_row_alone() -> None:
    assert told(read(b'a,b\n1\n1,2,3\n"1"\n3,4\n')) == [
        "too-few-fields",
        "too-many-fields",
        "too-few-fields",
        ["3", "4"],
    ]


def test_a_nul_rejects_the_row_alone() -> None:
    assert told(read(b"a,b\n1,\0\n3,4\n")) == ["nul-character", ["3", "4"]]


def test_a_quote_that_is_never_closed_refuses_the_file() -> None:
    assert refusal(b'a,b\n1,2\n"3,4\n5,6\n').name == "unclosed-quote"
    assert refusal(b'a,b\n1,2\n"3,4\n' + b"5,6\n" * 100_000).name == "unclosed-quote"


# The header


@pytest.mark.parametrize(
    ("header", "name", "detail"),
    [
        (b"a,c", "missing-columns", "Missing columns: b."),
        (b"a,b,a,a", "doubled-columns", "Columns that occur twice: a."),
        (b"a,b,colour,weight", "unknown-columns", "Unknown columns: 'colour', 'weight'. Expected: a, b, c."),
        (b"a, b", "unknown-columns", "Unknown columns: ' b' (column 2). Expected: a, b, c."),
        (b"a,b,,B", "unknown-columns", "Unknown columns: '' (column 3), 'B' (column 4). Expected: a, b, c."),
        (b"a,b,139001", "unknown-columns", "Unknown columns: 1 that cannot be shown. Expected: a, b, c."),
        (b"A,B", "unknown-columns", "Unknown columns: 2 that cannot be shown. Expected: a, b, c. {name}"),
        (b"a;b", "unknown-columns", "Unknown columns: 1 that cannot be shown. Expected: a, b, c. {semicolons}"),
    ],
)
def test_a_wrong_header_refuses_the_file_and_says_what_to_correct(header: bytes, name: str, detail: str) -> None:
    refused = refusal(header + b"\r\n1,2\r\n")
    assert refused.name == name
    assert refused.detail == detail.format(
        name="The first line must name the columns.",
        semicolons="Columns are separated by commas, not semicolons.",
    )


def test_a_forgotten_header_does_not_show_the_first_row() -> None:
    refused = refusal(b"+8613900139000,LOAN-1\r\n")
    assert refused.name == "unknown-columns"
    assert "139" not in refused.detail


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b'"a"x,b\n1,2\n', b"a" * 70_000 + b"\n1,2\n", b"\xef\xbb\xbf"])
def test_without_a_header_the_file_is_refused(data: bytes) -> None:
    assert refusal(data).name == "no-header"


def test_a_header_may_be_quoted_and_stand_behind_a_byte_order_mark() -> None:
    assert told(read(b'\xef\xbb\xbf"a","b"\n1,2\n')) == [["1", "2"]]
    assert told(read('\ufeff"a","b"\n1,债\n'.encode("gb18030"), charset="gb18030")) == [["1", "债"]]


def test_a_header_alone_is_no_rows() -> None:
    assert told(read(b"a,b")) == []


# Charsets


def test_bytes_that_are_no_characters_reject_the_row_alone() -> None:
    assert told(read(b"a,b\n1,\xff\n1,\xe5\x80\n3,4\n")) == ["undecodable", "undecodable", ["3", "4"]]
    assert told(read(b"a,b\n1,\x81\n3,4\n", charset="gb18030")) == ["undecodable", ["3", "4"]]


def test_gb18030_has_second_bytes_that_are_letters_and_digits_and_four_byte_characters() -> None:
    text = "a,b\r\n乗亅,𠀀｜\r\n"  # 0x81 0x5c is a backslash behind a lead byte
    assert told(read(text.encode("gb18030"), charset="gb18030")) == [["乗亅", "𠀀｜"]]


def test_a_file_in_another_charset_is_refused() -> None:
    rows = "a,b\n" + "债务,2\n" * 5
    assert refusal(rows.encode("gb18030")).name == "wrong-charset"
    assert refusal(rows.encode("utf-16")).name == "wrong-charset"
    assert refusal(rows.encode("utf-8-sig"), charset="gb18030").name == "wrong-charset"
    assert refusal("债务,b\n".encode("gb18030")).name == "wrong-charset"


def test_a_file_in_another_charset_is_refused_without_reading_all_of_it() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"a,b\n"
        while True:
            yield b"\xff,2\n" * 1000

    rows = read(chunks())
    with pytest.raises(FileRefused):
        assert len([next(rows) for _ in range(MAX_UNDECODABLE_ROWS + 1)]) < MAX_UNDECODABLE_ROWS


@pytest.mark.parametrize("junk", [b"\x1f\x8b\x08\x00", b"PK\x03\x04\x14\x00", b"\0\0\0a,b\n"])
def test_what_is_no_text_is_refused(junk: bytes) -> None:
    assert refusal(junk + bytes(range(256)) * 4).name == "not-text"


# JSON lines


def test_a_line_is_a_json_object_of_any_values() -> None:
    assert told(read(b'{"a":"1","b":["x"],"c":null}\r\n\n {"b":2,"a":{}} \n', "jsonl")) == [["1", ["x"], None], [2, {}]]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"a":"1","b":', "not-json"),
        (b'{"a":NaN,"b":1}', "not-json"),
        (b'{"a":"\\ud800","b":1}', "not-json"),
        (b'{"a":1e999,"b":1}', "not-json"),
        (b'{"a":' + b"1" * 5000 + b',"b":1}', "not-json"),
        (b'{"a":' * 9000, "not-json"),
        (b"[" * 60_000, "not-an-object"),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b',"b":1}', "not-json"),
        (b"a,b", "not-json"),
        (b"[1]", "not-an-object"),
        (b'"a"', "not-an-object"),
        (b"7", "not-an-object"),
        (b'{"a":1,"b":2,"a":1}', "member-twice"),
        (b'{"a":1,"b":2,"a" :1}', "member-twice"),
        (b'{"a":1,"b":{"x":1,"x":2}}', "member-twice"),
        (b'{"a":1,"\\u0061":1,"b":2}', "member-twice"),
        (b'{"a":1,"b":2,"iss":"other-bank"}', "unknown-member"),
        (b'{"a":1}', "missing"),
        (b'{"a":"\0","b":1}', "nul-character"),
        (b'{"a":"\xff","b":1}', "undecodable"),
        (b'{"a":"' + b"x" * 70_000 + b'","b":1}', "row-too-long"),
    ],
)
def test_a_bad_line_is_rejected_alone(line: bytes, code: str) -> None:
    assert told(read(line + b'\n{"a":"1","b":"2"}\n', "jsonl")) == [code, ["1", "2"]]


def test_what_looks_like_a_member_inside_a_text_is_none() -> None:
    line = b'{"a":"\\"a\\":\\"b\\":","b":{"a":1}}\n'
    assert told(read(line, "jsonl")) == [['"a":"b":', {"a": 1}]]


def test_a_missing_member_is_named_and_an_unknown_one_only_where_it_is_a_name() -> None:
    rows = [
        row.reject for row in read(b'{"a":1}\n{"a":1,"b":1,"d":1,"+86139":1}\n', "jsonl") if isinstance(row, BadRow)
    ]
    assert rows[0].column == "b"
    assert rows[1].message.endswith(": 'd', 1 that cannot be shown")


# gzip


def test_gzip_may_have_several_members_and_zeros_behind_them() -> None:
    data = gzip.compress(b"a,b\n1,") + gzip.compress(b"") + gzip.compress(b"2\n3,4\n") + b"\0" * 512
    assert told(read(data, packed=True)) == [["1", "2"], ["3", "4"]]


def test_a_truncated_gzip_is_refused_wherever_it_ends() -> None:
    data = gzip.compress(b"a,b\n" + b"1,2\n" * 100)
    assert {refusal(data[:end], packed=True).name for end in range(len(data))} == {"truncated-gzip"}


def test_what_is_not_gzip_or_is_damaged_is_refused() -> None:
    data = bytearray(gzip.compress(b"a,b\n1,2\n"))
    assert refusal(b"a,b\n1,2\n", packed=True).name == "bad-gzip"
    assert refusal(bytes(data) + b"junk", packed=True).name == "bad-gzip"
    data[-8] ^= 1  # the CRC
    assert refusal(bytes(data), packed=True).name == "bad-gzip"


def test_a_gzip_bomb_is_refused_when_it_has_unpacked_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowbytes, "MAX_UNPACKED_BYTES", 20 * MIB)
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"a" * MIB) for _ in range(64)) + packer.flush()
    tracemalloc.start()
    try:
        assert refusal(b"".join([bomb]), packed=True).name == "too-large-unpacked"
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


# Size


@pytest.mark.parametrize(
    "long",
    [
        b"x" * (10 * MIB),
        b"," * (10 * MIB),
        b'"' + b"x\r\n," * (10 * MIB // 4) + b'"',
        b'"' + b'""' * (5 * MIB) + b'",',
        b'"","x",' * (10 * MIB // 7),
        b'x"' * (5 * MIB),
    ],
    ids=["one cell", "commas", "quoted line ends", "doubled quotes", "quoted cells", "quotes in a cell"],
)
def test_one_row_of_ten_megabytes_is_rejected_alone_without_being_held(long: bytes) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"a,b\n1,2\n"
        yield from (long[at : at + MIB // 8] for at in range(0, len(long), MIB // 8))
        yield b"\n3,4\n"

    tracemalloc.start()
    try:
        assert told(read(chunks())) == [["1", "2"], "row-too-long", ["3", "4"]]
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


def test_a_row_as_long_as_the_limit_is_read_and_one_byte_more_is_not() -> None:
    longest = b"1," + b"x" * (rowbytes.MAX_ROW_BYTES - 2)
    rows = told(read(b"a,b\n" + longest + b"\r\n" + longest + b"x\r\n3,4"))
    assert [row if isinstance(row, str) else len(row[1]) for row in rows] == [65534, "row-too-long", 1]


@pytest.mark.parametrize(
    ("row", "packed"),
    [(b"%070d,2\n" % 1, False), (b'%070d,"2"\n' % 1, True), (b'{"a":"%070d","b":2}\n' % 1, True)],
    ids=["csv", "quoted csv, gzip", "jsonl, gzip"],
)
def test_memory_does_not_grow_with_the_file(row: bytes, packed: bool) -> None:
    def peak(rows: int) -> int:
        header = b"" if row.startswith(b"{") else b"a,b\n"
        data = header + row * rows
        data = gzip.compress(data) if packed else data
        tracemalloc.start()
        try:
            found = read(data, "csv" if header else "jsonl", packed=packed)
            assert sum(isinstance(row, FileRow) for row in found) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(20_000), peak(100_000)
    assert many < 2 * MIB
    assert many < few * 1.1
