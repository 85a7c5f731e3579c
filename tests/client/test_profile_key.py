"""The command says which party it speaks for, and `admin party add --profile-key` lets it speak for a new one."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app
from duecare_client.keyfile import generate, proven

NOW = 1_700_000_000


class AdminFunction:
    """boto3's lambda and cloudformation, with an admin function that registers everything."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.answer: dict[str, Any] = {"status": 200, "result": {"id": "my-bank", "state": "active"}}

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        return {"Stacks": [{"Outputs": [{"OutputKey": "AdminFunction", "OutputValue": "admin"}]}]}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803  boto3's names
        self.requests.append(json.loads(Payload))
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode())}


@pytest.fixture
def aws() -> AdminFunction:
    return AdminFunction()


@pytest.fixture
def folder(profile: Path) -> Path:
    """A folder with a profile, and in `try` the keys of a party that is in neither it nor the service."""
    files, jwk = profile / "try", generate("EdDSA")
    files.mkdir()
    (files / "my-bank.jwk").write_text(json.dumps(jwk))
    (files / "my-bank.pub.jwk").write_text(json.dumps(proven(jwk, datetime.fromtimestamp(NOW, UTC))))
    (files / "other.jwk").write_text(json.dumps(generate("EdDSA")))
    return profile


def run(folder: Path, service: Any, aws: AdminFunction, *args: str, **given: Any) -> Result:
    cli = CliContext(
        environment={"HOME": str(folder), **given.pop("environment", {})},
        directory=folder,
        network=service.network,
        aws=lambda *_: lambda _service: aws,
        clock=lambda: NOW,
    )
    return CliRunner().invoke(app, list(args), obj=cli, **given)


def add(folder: Path, service: Any, aws: AdminFunction, *more: str, profile: str = "local") -> Result:
    named = ["--profile", profile] if profile else []
    public = str(folder / "try" / "my-bank.pub.jwk")
    party = ["my-bank", "--role", "creditor", "--role", "collector", "--name", "My Bank", "--key", public]
    return run(folder, service, aws, *named, "admin", "party", "add", *party, *more)


def profile_of(folder: Path) -> Any:
    return json.loads((folder / ".duecare" / "local.json").read_text())


def test_a_new_party_can_speak_at_once(folder: Path, service: Any, aws: AdminFunction) -> None:
    before = profile_of(folder)
    added = add(folder, service, aws, "--profile-key", str(folder / "try" / "my-bank.jwk"))
    assert added.exit_code == 0, added.output
    assert "--party my-bank" in added.stderr
    entry = {"key": "../try/my-bank.jwk", "roles": ["creditor", "collector"]}
    assert profile_of(folder) == {**before, "parties": {**before["parties"], "my-bank": entry}}

    stated = run(folder, service, aws, "--profile", "local", "state", "debt", "-", "--party", "my-bank", input="{}")
    assert (stated.exit_code, stated.stderr) == (0, "as my-bank (profile local)\n")


def test_the_private_key_is_not_sent(folder: Path, service: Any, aws: AdminFunction) -> None:
    add(folder, service, aws, "--profile-key", str(folder / "try" / "my-bank.jwk"))
    (request,) = aws.requests
    assert "d" not in request["key"]


def test_a_second_key_changes_the_profile_and_keeps_the_roles(folder: Path, service: Any, aws: AdminFunction) -> None:
    keys = ["--key", str(folder / "try" / "my-bank.pub.jwk"), "--profile-key", str(folder / "try" / "my-bank.jwk")]
    added = run(folder, service, aws, "--profile", "local", "admin", "key", "add", "some-asset", *keys)
    assert added.exit_code == 0, added.output
    entry = profile_of(folder)["parties"]["some-asset"]
    assert entry == {"roles": ["creditor"], "key": "../try/my-bank.jwk"}


@pytest.mark.parametrize("file", ["other.jwk", "my-bank.pub.jwk", "none.jwk"])
def test_a_key_that_is_not_the_private_half_registers_nothing(
    folder: Path, service: Any, aws: AdminFunction, file: str
) -> None:
    before = profile_of(folder)
    added = add(folder, service, aws, "--profile-key", str(folder / "try" / file))
    assert (added.exit_code, file in added.stderr, aws.requests) == (2, True, [])
    assert profile_of(folder) == before


def test_without_a_profile_nothing_is_registered(folder: Path, service: Any, aws: AdminFunction) -> None:
    added = add(folder, service, aws, "--profile-key", str(folder / "try" / "my-bank.jwk"), profile="")
    assert (added.exit_code, "--profile NAME" in added.stderr, aws.requests) == (2, True, [])


def test_a_refused_registration_leaves_the_profile_as_it_was(folder: Path, service: Any, aws: AdminFunction) -> None:
    before = profile_of(folder)
    aws.answer = {"status": 409, "problem": {"type": "urn:duecare:problem:conflict", "detail": "registered already"}}
    added = add(folder, service, aws, "--profile-key", str(folder / "try" / "my-bank.jwk"))
    assert (added.exit_code, profile_of(folder)) == (1, before)


def test_the_profile_keeps_its_mode_and_members_of_later_versions(
    folder: Path, service: Any, aws: AdminFunction
) -> None:
    file = folder / ".duecare" / "local.json"
    file.write_text(json.dumps({**profile_of(folder), "later": {"a": 1}}))
    file.chmod(0o600)
    add(folder, service, aws, "--profile-key", str(folder / "try" / "my-bank.jwk"))
    assert (profile_of(folder)["later"], file.stat().st_mode & 0o777) == ({"a": 1}, 0o600)


# As whom

SPEAKING = [
    (["verify", "-"], "some-gateway"),
    (["state", "reply", "-"], "some-gateway"),
    (["state", "debt", "-", "--party", "other-asset"], "other-asset"),
    (["decision", "d-1"], "some-gateway"),
    (["bundle", "get", "d-1"], "some-gateway"),
    (["reconcile", "--from", "2026-11-01", "--to", "2026-11-02"], "some-gateway"),
    (["upload", "debt", "FILE", "--party", "some-asset"], "some-asset"),
]


@pytest.mark.parametrize(("args", "party"), SPEAKING, ids=lambda value: " ".join(value) if value else "")
def test_a_command_that_speaks_for_a_party_says_as_whom(
    folder: Path, service: Any, aws: AdminFunction, message: dict[str, Any], args: list[str], party: str
) -> None:
    (folder / "debts.csv").write_text("recipient\n")
    args = [str(folder / "debts.csv") if arg == "FILE" else arg for arg in args]
    spoken = run(folder, service, aws, "--profile", "local", *args, input=json.dumps(message))
    assert spoken.stderr.splitlines()[0] == f"as {party} (profile local)"
    silent = run(folder, service, aws, "--profile", "local", "--json", *args, input=json.dumps(message))
    assert f"as {party}" not in silent.stderr


def test_it_says_so_in_the_users_language(folder: Path, service: Any, aws: AdminFunction) -> None:
    given = {"environment": {"LANG": "zh_CN.UTF-8"}, "input": "{}"}
    stated = run(folder, service, aws, "--profile", "local", "state", "reply", "-", **given)
    assert stated.stderr == "以 some-gateway 的身份（profile local）\n"


def test_it_says_so_where_the_environment_names_the_party(folder: Path, service: Any, aws: AdminFunction) -> None:
    key = str(folder / ".duecare" / "party.jwk")
    given = {"DUECARE_URL": "https://duecare.test", "DUECARE_PARTY": "some-asset", "DUECARE_KEY": key}
    stated = run(folder, service, aws, "state", "debt", "-", environment=given, input="{}")
    assert stated.stderr == "as some-asset (environment)\n"


def test_json_names_the_party_of_each_statement(folder: Path, service: Any, aws: AdminFunction) -> None:
    args = ["--profile", "local", "--json", "state", "reply", "-"]
    assert json.loads(run(folder, service, aws, *args, input="{}").stdout)["party"] == "some-gateway"
    assert json.loads(run(folder, service, aws, *args, input="[{}]").stdout)[0]["party"] == "some-gateway"
