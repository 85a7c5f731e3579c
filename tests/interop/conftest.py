"""One log, made by us; programs that others made, which verify it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.grown import Grown, grow
from tests.support.engines import go_program


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """Not to be changed: a test that wants another log copies it."""
    return grow(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="session")
def verify(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """verify.go, compiled."""
    program = tmp_path_factory.mktemp("go") / "verify"
    go_program(Path(__file__).with_name("verify.go"), program)
    return program
