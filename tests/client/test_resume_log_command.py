"""`duecare admin resume-log`: the requests that it sends until the log goes on, and how it reports."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app

LOST = {"kind": "statement", "id": "sha256:ab", "at": "2026-11-28T00:00:00Z", "index": 2001}


class Aws:
    """CloudFormation, the archive, and Lambda, which gives these answers in turn."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803  boto3's name
        names = {"SequenceFunction": "duecare-sequence", "AdminFunction": "duecare-admin"}
        names |= {"TableName": "table", "ArchiveBucket": "archive"}
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": name} for key, name in names.items()]}]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(f"{Bucket}: {Key}".encode())}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.requests.append({"function": FunctionName, **json.loads(Payload)})
        return {"Payload": io.BytesIO(json.dumps(self.answers.pop(0)).encode())}


def step(size: int, *lost: dict[str, Any], done: bool = False) -> dict[str, Any]:
    return {"status": 200, "result": {"size": size, "published": 2500, "done": done, "lost": list(lost)}}


def run(aws: Aws, tmp_path: Path, *args: str) -> Result:
    connect: Callable[..., Any] = lambda _profile, _environment: lambda _service: aws  # noqa: E731
    cli = CliContext(environment={}, directory=tmp_path, aws=connect)
    return CliRunner().invoke(app, ["admin", "resume-log", *args], obj=cli)


def test_the_log_is_resumed_range_by_range_and_lost_records_are_named(tmp_path: Path) -> None:
    aws = Aws(step(2000), step(2500, LOST, done=True))
    result = run(aws, tmp_path, "--size", "2500", "--yes")
    assert result.exit_code == 0, result.output
    assert aws.requests == [{"function": "duecare-sequence", "do": "log-resume", "size": 2500}] * 2
    assert "Records that it has and the table has lost: 1" in result.stdout
    assert "statement sha256:ab  entry 2001, 2026-11-28T00:00:00Z" in result.stdout


def test_registrations_are_put_back_in_the_order_of_their_entries(tmp_path: Path) -> None:
    lost = [LOST | {"kind": "party", "id": one} for one in ("keji/2", "keji/3", "*/1", "xinxi/9")]
    refused = {"status": 409, "problem": {"type": "urn:duecare:problem:conflict", "title": "Conflicts", "status": 409,
                                          "detail": "The table has version 9."}}  # fmt: skip
    answers = [{"status": 200, "result": {}}] * 3 + [refused]
    aws = Aws(step(2000, *lost), *answers, step(2500, done=True))
    result = run(aws, tmp_path, "--size", "2500", "--yes")
    assert result.exit_code == 0, result.output
    copies = [one["copy"] for one in aws.requests if one["function"] == "duecare-admin"]
    assert copies == [f"archive: parties/{one}" for one in ("keji/2", "keji/3", "*/1", "xinxi/9")]
    assert "registrations put back from the archive: 3" in result.stdout
    assert "party xinxi/9" in result.stdout
    assert "party keji" not in result.stdout


def test_scripts_read_the_lost_records_as_json(tmp_path: Path) -> None:
    result = run(Aws(step(2500, LOST, done=True)), tmp_path, "--size", "2500", "--yes", "--json")
    assert json.loads(result.stdout) == {"size": 2500, "lost": [{**LOST, "restored": False}]}


def test_nothing_is_sent_without_a_confirmation(tmp_path: Path) -> None:
    aws = Aws()
    result = run(aws, tmp_path, "--size", "2500")
    assert result.exit_code != 0
    assert "give --yes" in result.output
    assert aws.requests == []


def test_a_refusal_is_shown(tmp_path: Path) -> None:
    refused = {"status": 409, "problem": {"type": "urn:duecare:problem:conflict", "title": "Conflicts", "status": 409,
                                          "detail": "The published log has 3 entries, not 2."}}  # fmt: skip
    result = run(Aws(refused), tmp_path, "--size", "2", "--yes")
    assert result.exit_code == 1
    assert "has 3 entries, not 2" in result.output


def test_one_registration_is_put_back_by_its_version(tmp_path: Path) -> None:
    aws = Aws({"status": 200, "result": {"id": "keji", "state": "suspended"}})
    connect: Callable[..., Any] = lambda _profile, _environment: lambda _service: aws  # noqa: E731
    cli = CliContext(environment={}, directory=tmp_path, aws=connect)
    result = CliRunner().invoke(app, ["admin", "party", "restore", "keji", "2"], obj=cli)
    assert result.exit_code == 0, result.output
    assert aws.requests == [{"function": "duecare-admin", "do": "party-restore", "copy": "archive: parties/keji/2"}]
    assert "state: suspended" in result.stdout
