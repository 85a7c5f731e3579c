"""The generator of portfolios says of every row what the reader says."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from duecare_core.domain.location.phone import is_e164
from duecare_core.domain.portfolio.portfolio import Manifest, Portfolio
from duecare_core.domain.portfolio.row_reader import Reject
from duecare_core.domain.validation import validate
from tools.bad_rows import faults_of
from tools.portfolio import Plan, main, write

AS_OF = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
ROWS = 20_000


def plan(**given: Any) -> Plan:
    chosen = {"rows": 200, "seed": 7, "bad": 0.05, "kind": "debt", "format": "csv", "charset": "utf-8", "as_of": AS_OF}
    return Plan(**{**chosen, **given})


def manifest(made: Plan, packed: bool) -> Manifest:
    payload = {"iss": "mou-zichan", "aud": "https://duecare.example", "iat": int(AS_OF.timestamp()), "rows": made.rows}
    file_format = made.format + ("+gzip" if packed else "")
    said = {"kind": made.kind, "format": file_format, "charset": made.charset, "sha256": "sha256:" + "0" * 64}
    return validate({**payload, **said}, Manifest)


@pytest.mark.parametrize(
    ("kind", "file_format", "packed", "charset"),
    [
        ("debt", "csv", False, "utf-8"),
        ("debt", "csv", True, "gb18030"),
        ("debt", "jsonl", True, "utf-8"),
        ("debt", "jsonl", False, "gb18030"),
        ("consent", "csv", False, "gb18030"),
        ("consent", "csv", True, "utf-8"),
        ("consent", "jsonl", False, "utf-8"),
        ("consent", "jsonl", True, "gb18030"),
    ],
)
def test_the_expected_faults_of_twenty_thousand_rows_are_those_the_reader_finds(
    tmp_path: Path, kind: str, file_format: str, packed: bool, charset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whether a number is possible takes most of the time, and most numbers are good: each prefix is looked at once.
    known: dict[tuple[str, int], bool] = {}

    def quick(number: str) -> bool:
        kept = (number[:6], len(number))
        if kept not in known:
            known[kept] = is_e164(number)
        return known[kept]

    monkeypatch.setattr("duecare_core.domain.facts.statement.is_e164", quick)
    made = plan(rows=ROWS, kind=kind, format=file_format, charset=charset)
    out = tmp_path / "portfolio"
    write(made, out, packed=packed)
    expected = json.loads((tmp_path / "portfolio.expected.json").read_text())
    with out.open("rb") as file:
        found = list(Portfolio(manifest(made, packed)).read(iter(lambda: file.read(1 << 20), b""), AS_OF))
    rejects = [{"row": row, "column": it.column, "code": it.code} for row, it in found if isinstance(it, Reject)]
    assert rejects == expected["bad"]
    assert (len(found), len(found) - len(rejects)) == (expected["rows"], expected["good"])
    ways = {(fault.column, fault.code) for fault in faults_of(kind, file_format, AS_OF)}
    assert {(bad["column"], bad["code"]) for bad in rejects} == ways
    good = [it for _, it in found if not isinstance(it, Reject)]
    assert len({it.recipient for it in good}) == len(good)
    assert {it.recipient[:2] for it in good} == {"+8", "+1"}


def test_the_numbers_are_possible(tmp_path: Path) -> None:
    write(plan(rows=2000, bad=0), tmp_path / "good.csv")
    lines = (tmp_path / "good.csv").read_text().splitlines()[1:]
    assert all(is_e164(line.split(",")[0]) for line in lines)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def made(seed: int) -> bytes:
        write(plan(seed=seed), tmp_path / "portfolio.gz", packed=True)
        return (tmp_path / "portfolio.gz").read_bytes()

    assert made(7) == made(7)
    assert gzip.decompress(made(7)) != gzip.decompress(made(8))


def test_the_command_writes_the_file_and_its_expected_faults(tmp_path: Path) -> None:
    out = tmp_path / "portfolio.jsonl"
    words = ["--rows", "50", "--bad", "1", "--kind", "consent", "--format", "jsonl", "--gzip", "--charset", "gb18030"]
    subprocess.run([sys.executable, "-m", "tools.portfolio", *words, "--out", out], check=True, capture_output=True)
    assert len(gzip.decompress(out.read_bytes()).splitlines()) == 50
    assert json.loads((tmp_path / "portfolio.jsonl.expected.json").read_text())["good"] == 0


def test_a_portfolio_is_as_of_the_instant_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "portfolio.csv"
    assert main(["--rows", "1", "--as-of", "2026-11-24T14:00:00+08:00", "--out", str(out)]) == 0
    assert "2026-11-24T14:00:00+08:00" in out.read_text()
    assert "1 rows, 1 of them good" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--as-of", "2026-11-24T14:00:00", "--out", str(out)])
