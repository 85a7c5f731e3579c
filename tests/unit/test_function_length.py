"""What a function's folder holds: parse, call a use case, render. What grows beyond that belongs in the layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.steps import ROOT

LINES = 80
FILES = sorted((ROOT / "functions").rglob("*.py"))


def test_every_function_is_looked_at() -> None:
    assert {file.relative_to(ROOT / "functions").parts[0] for file in FILES} == {
        folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir() and folder.name != "__pycache__"
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "functions")))
def test_a_function_is_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LINES
