"""What a person sees when the local run cannot start: one message that says what to do."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import deploy, environments, local, steps
from tools.ministack import MiniStack
from tools.processes import HOST
from tools.steps import ToolError


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(ToolError, match=rf"Port {taken_port} is in use.*\n.*DUECARE_PORT={taken_port + 1} make run"):
        MiniStack(tmp_path, taken_port).start()


@pytest.mark.parametrize("port", ["http", "80", "70000", "-1", "４５６６"])
def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("DUECARE_PORT", port)
    with pytest.raises(ToolError, match="is not a port"):
        local.start()


def test_an_environment_that_is_missing_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(environments.PLACES, "ministack", tmp_path)
    with pytest.raises(ToolError, match="run `make setup`"):
        environments.executable("ministack", "ministack")


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError, match=r"make is missing.*apt-get install make"):
        steps.need("make", "make", "builds")


def test_without_venv_the_error_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ToolError, match="apt-get install python3-venv"):
        environments.setup(["dev"])


def test_an_old_python_gets_an_error_with_the_version_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(ToolError, match=r"3\.11 or later is needed"):
        environments.setup(["dev"])


def test_a_step_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "deploy.log"
    program = "print('first'); print('the reason'); raise SystemExit(3)"
    with pytest.raises(ToolError, match=r"(?s)exit code 3.*the reason") as failed:
        steps.run([sys.executable, "-c", program], log)
    assert failed.value.log == log


def test_a_failed_deploy_shows_the_output_of_sam(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sam = tmp_path / "sam"
    sam.write_text("#!/bin/sh\necho CREATE_FAILED: the reason\nexit 1\n")
    sam.chmod(0o755)
    monkeypatch.setattr(deploy, "executable", lambda *_names: str(sam))
    monkeypatch.setattr(deploy, "_make_bucket", lambda _stack: None)
    monkeypatch.setattr(deploy, "_remove_failed", lambda _stack: None)
    with pytest.raises(ToolError, match="CREATE_FAILED: the reason"):
        deploy._sam_deploy(MiniStack(tmp_path, 1), tmp_path)


def test_stopping_ends_no_process_but_its_own(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        # As after a restart of the machine: the noted id belongs to somebody else by now.
        note = {"pid": stranger.pid, "started": "another time", "port": 1}
        (tmp_path / "ministack.json").write_text(json.dumps(note))
        assert MiniStack(tmp_path, 1).stop() is False
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n", timeout=10)
