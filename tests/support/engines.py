"""Engines that a whole test session shares, however many workers it has: the deployed stack, and built functions."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tools import programs, rie
from tools.build import TEMPLATE_PYTHON, python_for, running_python
from tools.deploy import client, deploy
from tools.ministack import MiniStack
from tools.processes import free_port
from tools.steps import HOME, ToolError, locked

_SESSION = "DUECARE_TEST_SESSION"
_SESSIONS = HOME / "tests"


class Stack(NamedTuple):
    """template.yaml, deployed to a MiniStack of its own. `url`: the API's; `outputs`: the stack's."""

    url: str
    outputs: dict[str, str]
    local: MiniStack

    def aws(self, service: str) -> Any:
        """A boto3 client for it."""
        return client(self.local, service)


def need_engine(lacking: str | None) -> None:
    """Skip where an engine is missing; in CI that is a failure, because nothing there is optional."""
    if lacking is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(lacking)
    pytest.skip(lacking)


def go_program(source: Path, target: Path) -> None:
    """Compile a Go program that may import golang.org/x/mod. Skips where Go is missing; fails there in CI."""
    need_engine(programs.missing("go", "The verification of the log by Go's own implementation of transparency logs"))
    command = [*programs.command("go"), "build", "-o", str(target), str(source)]
    environment = programs.go_environment(target.parent / "go-cache")
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr


def begin_session() -> None:
    """Called once, in the process that the workers come from."""
    for left in _SESSIONS.glob("*"):
        if not Path(f"/proc/{left.name}").exists():
            _end(left)
    os.environ[_SESSION] = str(os.getpid())


def end_session() -> None:
    """Called once, when every worker is done."""
    _end(_SESSIONS / os.environ[_SESSION])


@pytest.fixture(scope="session")
def stack() -> Stack:
    """Deployed by the first test that asks for it, and shared with the other workers; `make run` is not touched."""
    return _deployed(_SESSIONS / os.environ[_SESSION])


@pytest.fixture(scope="module")
def small_stack() -> Iterator[Stack]:
    """A stack of its own, for a test that reads the whole table."""
    home = _SESSIONS / os.environ[_SESSION] / "small"
    yield _deployed(home)
    _end(home)


def _deployed(home: Path) -> Stack:
    with locked(_SESSIONS / os.environ[_SESSION] / "lock"):  # one build at a time
        local = MiniStack(home, MiniStack(home, 0).noted_port() or free_port())
        try:
            local.start()
            deployed = deploy(local)
        except ToolError as problem:
            pytest.fail(str(problem))
    return Stack(deployed.url, deployed.outputs, local)


def runtimes() -> list[str]:
    """The Pythons to run built functions with: the template's where this machine has it, otherwise the running one."""
    return [TEMPLATE_PYTHON] if python_for(TEMPLATE_PYTHON) else [running_python()]


def built_function(function: str, runtime: str, environment: dict[str, str]) -> rie.Runtime:
    """A function as SAM built it, under Amazon's own runtime: a context manager (tools.rie)."""
    need_engine(rie.missing())
    return rie.Runtime(function, runtime, environment)


def _end(home: Path) -> None:
    if home.is_dir():
        MiniStack(home, 0).stop()
        shutil.rmtree(home, ignore_errors=True)
