"""`duecare admin void`: the requests that it sends until the void is done, and how it reports."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app

SINCE = "2026-11-01T00:00:00Z"
VOID = {"party": "rogue", "since": SINCE, "until": "2026-11-28T00:00:00Z", "kind": None, "state": "active"}


def report(phase: str, waiting: str | None = None, **changes: Any) -> dict[str, Any]:
    progress = {"void_version": 1, "phase": phase, "scanned": 3, "recipients": 2, "changed": 1}
    return {"id": "abc", "void": VOID | changes, "progress": progress, "waiting": waiting}


class Aws:
    """CloudFormation and Lambda, which gives these answers in turn."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803  boto3's name
        outputs = {"AdminFunction": "duecare-admin", "VoidFunction": "duecare-void"}
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]}]}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.requests.append({"function": FunctionName, **json.loads(Payload)})
        return {"Payload": io.BytesIO(json.dumps({"status": 200, "result": self.answers.pop(0)}).encode())}


def run(aws: Aws, tmp_path: Path, *args: str, slept: list[float] | None = None) -> Result:
    connect: Callable[..., Any] = lambda _profile, _environment: lambda _service: aws  # noqa: E731
    sleep = (slept if slept is not None else []).append
    cli = CliContext(environment={}, directory=tmp_path, aws=connect, sleep=sleep)
    return CliRunner().invoke(app, ["admin", *args], obj=cli)


def test_a_void_is_driven_to_its_end(tmp_path: Path) -> None:
    aws = Aws(report("uploads"), report("uploads", "requests-to-end"), report("states"), report("done"))
    slept: list[float] = []
    result = run(aws, tmp_path, "void", "--party", "rogue", "--since", SINCE, "--json", slept=slept)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == report("done")
    step = {"function": "duecare-void", "do": "void-step", "party": "rogue", "id": "abc"}
    assert aws.requests == [
        {"function": "duecare-void", "do": "void", "party": "rogue", "since": SINCE},
        step,
        step,
        step,
    ]
    assert len(slept) == 1


def test_a_kind_and_undo_are_sent(tmp_path: Path) -> None:
    aws = Aws(report("done", state="undone", undone_at="2026-11-28T01:00:00Z", kind="opt-out"))
    result = run(aws, tmp_path, "void", "--party", "rogue", "--since", SINCE, "--kind", "opt-out", "--undo")
    assert result.exit_code == 0, result.output
    assert aws.requests == [
        {"function": "duecare-void", "do": "void-undo", "party": "rogue", "since": SINCE, "kind": "opt-out"}
    ]
    assert "opt-out statements" in result.stdout
    assert "undone" in result.stdout


def test_party_show_lists_the_voids_and_how_far_they_are(tmp_path: Path) -> None:
    shown = {"id": "rogue", "state": "suspended", "voids": [report("states")]}
    result = run(Aws(shown), tmp_path, "party", "show", "rogue")
    assert result.exit_code == 0, result.output
    assert "at work" in result.stdout
    assert "1 states changed" in result.stdout
    assert json.loads(run(Aws(shown), tmp_path, "party", "show", "rogue", "--json").stdout) == shown


@pytest.mark.parametrize("answer", [{}, {"id": "abc"}, {"id": "abc", "progress": None}])
def test_an_answer_that_does_not_say_how_far_it_is_is_not_taken_for_done(
    tmp_path: Path, answer: dict[str, Any]
) -> None:
    assert run(Aws(answer), tmp_path, "void", "--party", "rogue", "--since", SINCE).exit_code == 3
