"""README.md, run: its commands in its order, against the deployed template, and what it says they print."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from duecare_client import Client
from tests.e2e.conftest import at, log_key, operate
from tests.support.engines import Stack
from tools.parties import COLLECTOR, CREDITOR, GATEWAY, PARTIES, LocalParty, key_file
from tools.steps import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def newcomer(stack: Stack, tmp_path: Path) -> Path:
    """A folder as `make run` leaves it: the profile, the parties' keys, a mandate, a route, and the command."""
    home = tmp_path / ".duecare"
    home.mkdir()
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    for party in PARTIES:
        _register(stack, home, party)
    profile = {
        "url": stack.url,
        "issuer": stack.outputs["Issuer"],
        "aws_endpoint_url": stack.local.endpoint,
        "region": "us-east-1",
        "stack": "duecare",
        "table": stack.outputs["TableName"],
        "parties": {party.id: {"roles": [party.role], "key": f"{party.id}.jwk"} for party in PARTIES},
    }
    (home / "local.json").write_text(json.dumps(profile))
    with Client(stack.url, CREDITOR.id, key_file(home, CREDITOR), timeout=30) as creditor:
        mandate = {"collector": COLLECTOR.id, "channels": ["sms"], "status": "active", "as_of": at(minutes=-1)}
        stated = creditor.state("mandate", {**mandate, "valid_from": at(days=-1), "valid_until": at(days=1)})
    assert stated["status"] == "accepted"
    route = {"gateway": GATEWAY.id, "channels": ["sms"], "status": "active", "as_of": at(minutes=-1)}
    with Client(stack.url, COLLECTOR.id, key_file(home, COLLECTOR), timeout=30) as collector:
        stated = collector.state("route", {**route, "valid_from": at(days=-1), "valid_until": at(days=1)})
    assert stated["status"] == "accepted"
    profile["log_key"] = log_key(stack)
    (home / "local.json").write_text(json.dumps(profile))
    return tmp_path


def _register(stack: Stack, home: Path, party: LocalParty) -> None:
    made = _run([f"{sys.prefix}/bin/duecare", "keys", "new", "--out", str(key_file(home, party))], home)
    request = {"do": "party-add", "id": party.id, "roles": [party.role], "name": party.name, "key": json.loads(made)}
    assert operate(stack, {**request, "sender_names": list(party.sender_names)})["status"] == 200


def test_the_readme_does_what_it_says(newcomer: Path, stack: Stack) -> None:
    printed = ""
    for language, block in BLOCKS:
        if language == "sh" and not block.startswith("make "):
            printed = _run(["bash", "-c", block], newcomer)
        elif language == "python":
            environment = {
                "DUECARE_URL": stack.url,
                "DUECARE_PARTY": GATEWAY.id,
                "DUECARE_KEY": str(key_file(newcomer / ".duecare", GATEWAY)),
            }
            printed = _run([sys.executable, "-c", block], newcomer, environment)
            # By night in Shanghai the hour is another reason.
            assert printed.strip() in ("do not send: denied: OPTED_OUT", "do not send: denied: OPTED_OUT, QUIET_HOURS")
        elif language == "json":
            shown, told = json.loads(block), json.loads(printed[printed.index("{") :])
            assert _masked(told, shown) == shown
        elif block.startswith("DENY"):
            assert [_kept(line) for line in printed.splitlines()] == [_kept(line) for line in block.splitlines()]


def test_the_readmes_first_commands_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)) <= targets
    assert BLOCKS[0][1].split()[:2] == ["make", "run"]


def test_every_file_that_the_docs_point_to_is_there() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Standard output; exit codes are part of what is shown only where the text says so."""
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert ran.returncode in (0, 1), ran.stderr
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.stdout


def _kept(line: str) -> str:
    """A line of a screen without the id in it."""
    return re.sub(r"decision \S+,", "decision …,", line)


def _masked(told: Any, shown: Any) -> Any:
    """What was told, with `…` wherever the README leaves a value open."""
    if shown == "…":
        return shown
    if isinstance(shown, dict) and isinstance(told, dict):
        return {
            name: "…" if shown.get(name) == "…" else _masked(value, shown.get(name)) for name, value in told.items()
        }
    if isinstance(shown, list) and isinstance(told, list):
        return [_masked(one, other) for one, other in zip(told, shown, strict=False)] + told[len(shown) :]
    return told
