"""`make run`, `make stop`, `make status` and `make clean`, with a stand-in for the local AWS."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from duecare_core.evidence.log.note import Checkpoint, LogKey
from tools import clean, local, ministack, stop
from tools.demo import UnexpectedAnswer
from tools.deploy import Deployed
from tools.ministack import MiniStack
from tools.parties import PARTIES
from tools.processes import HOST, free_port
from tools.steps import ToolError, wait_for

SERVER = f"""#!{sys.executable}
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Healthy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer(("{HOST}", int(os.environ["GATEWAY_PORT"])), Healthy).serve_forever()
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder instead of .duecare, where a small server stands in for MiniStack; what runs there is ended."""
    program = tmp_path / "ministack"
    program.write_text(SERVER)
    program.chmod(0o755)
    home = tmp_path / ".duecare"
    home.mkdir()
    monkeypatch.setattr(ministack, "executable", lambda *_names: str(program))
    for module in (local, stop, clean):
        monkeypatch.setattr(module, "HOME", home)
    for module in (local, stop):
        monkeypatch.setattr(module, "PROFILE", home / "local.json")
    monkeypatch.delenv("DUECARE_PORT", raising=False)
    yield home
    MiniStack(home, 0).stop()


@pytest.fixture
def running(home: Path) -> MiniStack:
    stack = MiniStack(home, free_port())
    stack.start()
    return stack


def interrupted(_stack: MiniStack) -> Deployed:
    raise KeyboardInterrupt


def test_the_port_of_the_last_time_is_used_again(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert local._port() == local.DEFAULT_PORT
    stack = MiniStack(home, free_port())
    stack.start()
    assert local._port() == stack.port
    stack.stop()
    assert local._port() == stack.port
    monkeypatch.setenv("DUECARE_PORT", "4999")
    assert local._port() == 4999


def test_nothing_is_stopped_where_the_new_port_is_taken(monkeypatch: pytest.MonkeyPatch, running: MiniStack) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        monkeypatch.setenv("DUECARE_PORT", str(other.getsockname()[1]))
        with pytest.raises(ToolError, match="is in use by another program"):
            local.start()
    assert running.answers()


def test_another_port_takes_the_place_of_the_first(monkeypatch: pytest.MonkeyPatch, running: MiniStack) -> None:
    port = free_port()
    monkeypatch.setenv("DUECARE_PORT", str(port))
    monkeypatch.setattr(local, "deploy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        local.start()
    assert not running.answers()
    assert running.last_port() == port


def test_ctrl_c_stops_what_the_command_started(
    monkeypatch: pytest.MonkeyPatch, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUECARE_PORT", str(free_port()))
    monkeypatch.setattr(local, "deploy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        local.start()
    said = capsys.readouterr().out
    assert "Interrupted, stopping the local AWS" in said
    assert "failed" not in said
    assert MiniStack(home, 0).running() is None
    with pytest.raises(ToolError, match="not running"):
        stop.status()


def test_ctrl_c_while_it_starts_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUECARE_PORT", str(free_port()))
    monkeypatch.setattr(MiniStack, "answers", interrupted)
    with pytest.raises(KeyboardInterrupt):
        local.start()
    said = capsys.readouterr().out
    assert "start the local AWS ... interrupted" in said
    assert "failed" not in said
    assert MiniStack(home, 0).running() is None


def test_ctrl_c_leaves_running_what_ran_before(
    monkeypatch: pytest.MonkeyPatch, running: MiniStack, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local, "deploy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        local.start()
    assert f"runs on port {running.port} as before" in capsys.readouterr().out
    assert running.answers()


def test_status_names_a_local_aws_without_the_service(running: MiniStack, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ToolError, match=f"runs on port {running.port}, but duecare is not deployed there"):
        stop.status()
    profile = {"url": "http://there", "aws_endpoint_url": running.endpoint}
    (running.home / "local.json").write_text(json.dumps(profile))
    stop.status()
    assert "running at http://there" in capsys.readouterr().out


def test_an_unclean_end_is_named_where_the_case_fails(running: MiniStack) -> None:
    failure, surprise = ToolError("no answer"), UnexpectedAnswer("another answer")
    assert local._explained(failure, running) is failure
    assert "a party was suspended, or the service was halted" in str(local._explained(surprise, running))
    pid = running.running()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: not running.running(), 10)
    running.start()
    for problem in (failure, surprise):
        said = str(local._explained(problem, running))
        assert said.startswith(f"{problem}\n")
        assert "did not end with `make stop`" in said
        assert "make clean, then make run" in said
        assert "suspended" not in said
    running.forget_loss()
    assert local._explained(failure, running) is failure


def test_a_clean_end_loses_nothing(running: MiniStack) -> None:
    running.stop()
    running.start()
    assert not running.lost_state()


def filled(home: Path) -> set[str]:
    """State of the service, caches, tools, and files of a user's; returns the names of those that must be kept."""
    users = ("port", "consent.json", "debts.csv", "my-bank.jwk", "my-bank.pub.jwk", "bench.json", "report.html")
    ours = ("local.json", "deployed.json", "registered.json", "xinxi.jwk", "xinxi.pub.jwk", "message.json",
            "allowed.duecare.json", "denied.duecare.html", "log-a.checkpoint", "log-a.key")  # fmt: skip
    for name in (*users, *ours):
        (home / name).write_text("{}")
    for name in ("state", "s3", "tmp", "build", "cache", "logs", "tests", "tools"):
        (home / name).mkdir(exist_ok=True)
    return {*users, "tools"}


def names(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()}


def test_clean_deletes_the_state_of_the_service_and_keeps_files_of_the_user(running: MiniStack) -> None:
    kept = filled(running.home)
    clean.clean(running.home, confirmed=True)
    assert names(running.home) == kept
    assert not running.answers()
    clean.clean(running.home)  # nothing is left to ask about
    assert names(running.home) == kept


@pytest.mark.parametrize("answer", ["\n", "n\n", "what?\n"])
def test_clean_asks_and_deletes_nothing_without_a_yes(
    monkeypatch: pytest.MonkeyPatch, running: MiniStack, answer: str
) -> None:
    filled(running.home)
    before = names(running.home)
    typed = io.StringIO(answer)
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)
    with pytest.raises(ToolError, match="Nothing was deleted"):
        clean.clean(running.home)
    assert names(running.home) == before
    assert running.answers()


def test_clean_in_a_script_wants_its_answer_in_the_command(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    filled(home)
    before = names(home)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(ToolError, match="make clean YES=1"):
        clean.clean(home)
    assert names(home) == before


def test_clean_knows_the_keys_of_the_parties() -> None:
    assert tuple(party.id for party in PARTIES) == clean.PARTIES


def test_parties_that_the_user_added_to_the_profile_survive_another_run(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    profile = home / "local.json"
    monkeypatch.setattr(local, "PROFILE", profile)
    outputs = {"Issuer": "urn:issuer", "TableName": "table", "ArchiveBucket": "archive"}
    deployed = Deployed("http://127.0.0.1:1", outputs)
    local._write_profile(MiniStack(home, 1), deployed, "log-key")
    added = {"roles": ["creditor"], "key": "../try/my-bank.jwk"}
    written = json.loads(profile.read_text())
    profile.write_text(json.dumps(written | {"parties": written["parties"] | {"my-bank": added}}))
    local._write_profile(MiniStack(home, 2), deployed)
    again = json.loads(profile.read_text())
    assert again["parties"] == written["parties"] | {"my-bank": added}
    assert again["log_key"] == "log-key"


# The table after a kill -9 of the local AWS


def stored(head: Checkpoint | None, published: Checkpoint | None) -> tuple[Any, Any, dict[str, str]]:
    """DynamoDB and S3 with this head and this checkpoint, as boto3 gives them."""

    class NoSuchKey(Exception):
        pass

    class Stored:
        exceptions = SimpleNamespace(NoSuchKey=NoSuchKey)

        def get_item(self, **_asked: Any) -> dict[str, Any]:
            body = json.dumps({"size": head.size, "root": head.root.hex()}) if head else ""
            return {"Item": {"body": {"S": body}}} if head else {}

        def get_object(self, **_asked: Any) -> dict[str, Any]:
            if published is None:
                raise NoSuchKey
            return {"Body": io.BytesIO(LogKey("local/log", b"l" * 32).sign(published.text()).encode())}

    return Stored(), Stored(), {"TableName": "table", "LogBucket": "log"}


def checkpoint(size: int, root: bytes = b"r" * 32) -> Checkpoint:
    return Checkpoint("local/log", size, root)


@pytest.mark.parametrize(
    ("head", "published"),
    [(None, None), (None, checkpoint(0)), (checkpoint(0), None), (checkpoint(7), checkpoint(7)),
     (checkpoint(9), checkpoint(7))],
)  # fmt: skip
def test_a_table_that_its_log_does_not_outrun_is_gone_on_with(
    head: Checkpoint | None, published: Checkpoint | None
) -> None:
    local.require_whole_log(*stored(head, published))


@pytest.mark.parametrize("head", [None, checkpoint(0), checkpoint(6), checkpoint(7, b"x" * 32)])
def test_a_table_older_than_its_log_is_named_with_what_is_to_be_done(head: Checkpoint | None) -> None:
    with pytest.raises(ToolError) as raised:
        local.require_whole_log(*stored(head, checkpoint(7)))
    said = str(raised.value)
    assert "make clean, then make run" in said
    assert "admin resume-log --size 7" in said
    assert "docs/restore.md" in said
