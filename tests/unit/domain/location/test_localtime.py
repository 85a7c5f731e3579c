"""One source of time zones: the pinned tzdata, whatever zone files the machine has."""

from __future__ import annotations

import ast
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
_ASK = """
from datetime import UTC, datetime
from zoneinfo import ZoneInfo
from duecare_core.domain.location.localtime import zone
at = datetime(2026, 12, 1, 12, tzinfo=UTC)
for where in (ZoneInfo("America/Edmonton"), zone("America/Edmonton")):
    print(at.astimezone(where).strftime("%z"))
"""


def old_zone_file(offset: int, name: bytes = b"MST") -> bytes:
    """A zone file (RFC 8536, version 1) of one fixed offset in seconds, as an old release may have it."""
    header = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, len(name) + 1)
    return header + struct.pack(">lbb", offset, 0, 0) + name + b"\0"


def test_a_machines_older_zone_files_do_not_count(tmp_path: Path) -> None:
    """Alberta stays at UTC-6 since 2026; files of 2025b say UTC-7 in December."""
    (tmp_path / "America").mkdir()
    (tmp_path / "America" / "Edmonton").write_bytes(old_zone_file(-7 * 3600))
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path), "PYTHONPATH": str(ROOT / "layers" / "core")}
    ran = subprocess.run([sys.executable, "-c", _ASK], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["-0700", "-0600"]  # the machine's files, and ours


@pytest.mark.parametrize("folder", ["layers", "client", "functions", "tools", "benchmarks"])
def test_no_code_but_localtime_reads_a_zone_by_its_name(folder: str) -> None:
    """`ZoneInfo(name)` takes the machine's files first."""
    for file in (ROOT / folder).rglob("*.py"):
        if file.name == "localtime.py" or ".aws-sam" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            assert "ZoneInfo" not in (getattr(called, "id", ""), getattr(called, "attr", "")), f"{file} reads a zone"
