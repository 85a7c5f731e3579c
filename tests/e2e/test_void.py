"""`duecare admin void`, as the operator types it, against the deployed template."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import Caller, at, operate, recipient
from tests.support.engines import Stack, small_stack
from tools.deploy import STACK
from tools.environments import executable
from tools.ministack import REGION

Register = Callable[..., Caller]
__all__ = ["small_stack"]


@pytest.fixture
def stack(small_stack: Stack) -> Stack:
    """A void reads the whole table, and that of the other tests is large."""
    return small_stack


def duecare(stack: Stack, *arguments: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": stack.local.endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "DUECARE_STACK": STACK,
    }
    command = [executable("dev", "duecare"), "admin", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_genuine_stop_is_found_again_when_a_rogues_newer_one_is_voided(stack: Stack, register: Register) -> None:
    creditor = register("mou-zichan", "creditor", name="某资产")
    gateway, rogue = register("xinxi", "gateway"), register("rogue", "gateway")
    number = recipient()
    members = {"recipient": number, "creditor": creditor.party}
    genuine = gateway.state("opt-out", **members, received_at=at(minutes=-2))
    since = at()
    hiding = rogue.state("opt-out", **members, received_at=at(minutes=-1))
    assert (genuine["effect"], hiding["effect"]) == ("in_force", "in_force")
    void = duecare(stack, "void", "--party", rogue.party, "--since", since)
    assert (void["progress"]["phase"], void["progress"]["changed"]) == ("done", 1)
    shown = operate(stack, {"do": "party-show", "id": rogue.party})["result"]
    assert (shown["state"], [one["id"] for one in shown["voids"]]) == ("suspended", [void["id"]])
    undone = duecare(stack, "void", "--party", rogue.party, "--since", since, "--undo")
    assert undone["progress"]["changed"] == 1
