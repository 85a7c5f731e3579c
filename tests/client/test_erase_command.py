"""`duecare admin erase`: never by a slip, and what it says afterwards."""

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

NUMBER = "+8613812345678"
ERASED = {"erased": 1200, "kept": 3, "kept_until": "2027-05-01T00:00:00Z", "records": ["abc", "def"]}


class Aws:
    """CloudFormation and Lambda."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.answer: Any = {"status": 200, "result": ERASED}

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        return {"Stacks": [{"Outputs": [{"OutputKey": "AdminFunction", "OutputValue": "admin"}]}]}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803  boto3's names
        assert FunctionName == "admin"
        self.requests.append(json.loads(Payload))
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode())}


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def duecare(aws: Aws, tmp_path: Path) -> Callable[..., Result]:
    def run(*args: str, stdin: str | None = None) -> Result:
        cli = CliContext(environment={}, directory=tmp_path, aws=lambda profile, environment: lambda service: aws)
        return CliRunner().invoke(app, ["admin", "erase", *args], input=stdin, obj=cli)

    return run


def test_it_says_how_many_were_erased_and_how_many_are_kept_until_when(
    duecare: Callable[..., Result], aws: Aws
) -> None:
    result = duecare(NUMBER, "--yes")
    assert result.exit_code == 0, result.output
    assert aws.requests == [{"do": "erase", "recipient": NUMBER}]
    assert "1,200 erased, recorded in the log as abc, def" in result.stdout
    assert "3 kept: under legal retention until 2027-05-01T00:00:00Z" in result.stdout
    assert NUMBER not in result.output


def test_where_nothing_is_kept_nothing_is_said_of_it(duecare: Callable[..., Result], aws: Aws) -> None:
    aws.answer = {"status": 200, "result": {"erased": 0, "kept": 0, "kept_until": None, "records": []}}
    assert duecare(NUMBER, "--yes").stdout == "0 erased\n"


def test_the_number_may_come_by_stdin_so_that_no_list_of_processes_shows_it(
    duecare: Callable[..., Result], aws: Aws
) -> None:
    assert duecare("-", "--yes", stdin=f"{NUMBER}\n").exit_code == 0
    assert aws.requests == [{"do": "erase", "recipient": NUMBER}]


def test_without_yes_and_without_anybody_to_ask_nothing_is_erased(duecare: Callable[..., Result], aws: Aws) -> None:
    for args, stdin in (((NUMBER,), "y\n"), (("-",), f"{NUMBER}\ny\n"), ((NUMBER,), None)):
        result = duecare(*args, stdin=stdin)
        assert (result.exit_code, "--yes" in result.stderr) == (2, True)
    assert aws.requests == []


@pytest.mark.parametrize(("said", "exit_code", "asked"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0), ("", 1, 0)])
def test_on_a_terminal_it_asks_first(
    duecare: Callable[..., Result], aws: Aws, monkeypatch: pytest.MonkeyPatch, said: str, exit_code: int, asked: int
) -> None:
    monkeypatch.setattr("duecare_client.cli.admin._is_interactive", lambda: True)
    result = duecare(NUMBER, stdin=said)
    assert (result.exit_code, len(aws.requests)) == (exit_code, asked)
    assert "cannot be undone" in result.stderr


def test_an_invalid_number_is_refused_by_the_service_and_reported(duecare: Callable[..., Result], aws: Aws) -> None:
    aws.answer = {"status": 422, "problem": {"type": "urn:duecare:problem:unacceptable", "detail": "not E.164"}}
    result = duecare("12", "--yes")
    assert (result.exit_code, "not E.164" in result.stderr) == (1, True)


def test_in_json_it_is_the_services_own_result(duecare: Callable[..., Result]) -> None:
    assert json.loads(duecare(NUMBER, "--yes", "--json").stdout) == ERASED
