"""Files as creditors export them: what the command reports, and what it refuses before anything is sent."""

from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from duecare_client.portfolio_file import PortfolioFile
from tests.client.test_upload import HEADER, NUMBER, Uploads, csv, row, runner


@pytest.fixture
def uploads(service: Any) -> Uploads:
    return Uploads(service)


@pytest.fixture
def upload(uploads: Uploads, profile: Path) -> Callable[..., Result]:
    return runner(uploads, profile)


@pytest.fixture
def file(profile: Path) -> Path:
    path = profile / "debts.csv"
    path.write_bytes(csv(*(row(number) for number in range(3))))
    return path


SHAPES = [
    ("d.csv", False, "utf-8", "csv"),
    ("d.csv.gz", True, "utf-8", "csv+gzip"),
    ("d.csv", True, "utf-8", "csv+gzip"),
    ("d.csv.gz", False, "utf-8", "csv"),
    ("d.CSV", False, "gb18030", "csv"),
    ("d.csv.gz", True, "gb18030", "csv+gzip"),
    ("export", False, "utf-8", "csv"),
]


@pytest.mark.parametrize(("name", "packed", "charset", "format_"), SHAPES)
def test_the_format_follows_from_name_and_content(
    upload: Any, uploads: Uploads, profile: Path, name: str, packed: bool, charset: str, format_: str
) -> None:
    content = "\n".join([HEADER, row(1), "", row(2, original_creditor='"两\n行"')]).encode(charset)
    (profile / name).write_bytes(gzip.compress(content) if packed else content)
    result = upload("debt", profile / name, "--charset", charset)
    assert result.exit_code == 0, result.output
    claims = uploads.the_claims()
    assert (claims["format"], claims["charset"], claims["rows"]) == (format_, charset, 2)
    assert claims["sha256"] == "sha256:" + hashlib.sha256((profile / name).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "packed"), [("d.jsonl", False), ("d.ndjson.gz", True), ("export", False), ("e", True)]
)
def test_json_lines_are_recognised_by_name_or_first_brace(
    upload: Any, uploads: Uploads, profile: Path, name: str, packed: bool
) -> None:
    members = dict(zip(HEADER.split(","), row(1).split(","), strict=True))
    content = b"\xef\xbb\xbf\r\n" + json.dumps(members).encode()
    (profile / name).write_bytes(gzip.compress(content) if packed else content)
    assert upload("debt", profile / name).exit_code == 0
    assert uploads.the_claims()["format"] == ("jsonl+gzip" if packed else "jsonl")
    assert uploads.the_claims()["rows"] == 1


REFUSED_HERE = {
    "missing column": (b"recipient,debt_ref\n+8613800138000,L\n", "Missing columns: as_of"),
    "unknown column": (b"phone,debt_ref\n+8613800138000,L\n", "Unknown columns: 'phone'"),
    "no header": (row(1).encode(), "must name the columns"),
    "empty": (b"", "name the columns"),
    "no rows": (HEADER.encode() + b"\n", "no rows"),
    "other charset": ((HEADER + ",备注\n" + row(1)).encode("gbk"), "--charset gb18030"),
    "utf-16": (csv(row(1)).decode().encode("utf-16"), "UTF-16"),
    "workbook": (b"PK\x03\x04" + bytes(100), "workbook"),
    "damaged gzip": (b"\x1f\x8b" + bytes(100), "damaged"),
    "cut-off gzip": (gzip.compress(csv(row(1)))[:-9], "ends before its end"),
    "open quote behind the first rows": (csv(*map(row, range(2000)), '"'), "never closed"),
}


@pytest.mark.parametrize("why", REFUSED_HERE)
def test_a_file_that_would_be_refused_is_refused_here(upload: Any, uploads: Uploads, profile: Path, why: str) -> None:
    content, words = REFUSED_HERE[why]
    (profile / "d.csv").write_bytes(content)
    for args in ([], ["--json"]):
        result = upload("debt", profile / "d.csv", *args)
        assert result.exit_code == 2
        assert words in result.stderr
        assert "Nothing was sent." in result.stderr
        assert NUMBER not in result.output
        if args:
            assert "detail" in json.loads(result.stdout)["problem"]
    assert uploads.service.requests == []
    assert [path.name for path in profile.iterdir() if path.is_file()] == ["d.csv"]


def test_bad_first_rows_are_reported_and_the_upload_goes_on(upload: Any, uploads: Uploads, profile: Path) -> None:
    rows = [row(number, outstanding="much" if number % 2 else "1") for number in range(20)]
    (profile / "d.csv").write_bytes(csv(*rows))
    result = upload("debt", profile / "d.csv")
    assert result.exit_code == 0
    assert "10 of the first 20 rows will be rejected" in result.stderr
    assert result.stderr.count("outstanding: a decimal amount") == 5
    assert uploads.the_claims()["rows"] == 20
    assert NUMBER not in result.output


def test_rows_in_another_charset_are_reported_with_the_option(upload: Any, profile: Path) -> None:
    (profile / "d.csv").write_bytes(csv(row(1, original_creditor="")) + row(2).encode("gb18030"))
    assert "--charset gb18030" in upload("debt", profile / "d.csv").stderr


BAD_USAGE = [
    (["--snapshot"], "--as-of"),
    (["--as-of", "yesterday"], "--as-of"),
    (["--as-of", "2023-11-14T08:00:00"], "--as-of"),
    (["--as-of", "2033-11-14T08:00:00Z"], "clock"),
    (["--confirm-withdrawals", "3"], "--confirm-withdrawals"),
    (["--confirm-withdrawals", "0"], "--confirm-withdrawals"),
    (["--charset", "big5"], "--charset"),
]


@pytest.mark.parametrize(("args", "words"), BAD_USAGE, ids=str)
def test_bad_options_exit_2_before_anything_is_sent(
    upload: Any, uploads: Uploads, file: Path, args: list[str], words: str
) -> None:
    result = upload("debt", file, *args)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert uploads.service.requests == []


def test_a_path_without_a_regular_file_exits_2(upload: Any, uploads: Uploads, profile: Path) -> None:
    for path in (profile, profile / "none.csv", "-"):
        result = upload("debt", path)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
    assert upload("mandate", profile / "x.csv").exit_code == 2
    assert uploads.service.requests == []


def test_the_memory_of_the_root_does_not_grow_with_the_file(profile: Path) -> None:
    members = {"iss": "some-asset", "kind": "debt", "format": "csv", "charset": "utf-8"}

    def peak(rows: int) -> int:
        path = profile / f"{rows}.csv"
        path.write_bytes(csv(*(row(number) for number in range(rows))))
        file = PortfolioFile(path)
        tracemalloc.start()
        assert file.read_rows(members, datetime.now(UTC), bytes(32)).rows == rows
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(40_000) < 1.1 * peak(10_000)
