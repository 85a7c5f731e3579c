"""The log, end to end over HTTP against the deployed template: whoever reads it finds every decision in it, and nothing
that was in it ever changes, not by a restart either."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError

from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.log.merkle import Tile, consistency_proof, root, verify_consistency
from duecare_core.evidence.log.note import Checkpoint, open_checkpoint
from tests.e2e.conftest import Caller, operate, recipient, until
from tests.support.engines import Stack
from tests.support.world import CASE_TEXT
from tools.deploy import deploy
from tools.ministack import MiniStack
from tools.processes import free_port

Register = Callable[..., Caller]


def tile(url: str, one: Tile) -> bytes:
    answer = httpx.get(f"{url}/log/{one.path}", timeout=30)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    return answer.content


def checkpoint(url: str) -> Checkpoint | None:
    """The published one, opened with the key that discovery names; None before there is one."""
    answer = httpx.get(f"{url}/log/checkpoint", timeout=30)
    named = httpx.get(f"{url}/.well-known/duecare", timeout=30).json()["log"]
    if answer.status_code == 404 or not named["verifier_key"]:
        return None
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    opened = open_checkpoint(answer.text, named["verifier_key"], strict=True)
    assert opened.origin == named["origin"]
    return opened


def test_a_decision_is_in_the_log_within_moments_and_its_case_file_verifies(stack: Stack, register: Register) -> None:
    creditor = register("mou-zichan", "creditor", name="某资产", sender_names=("某资产",))
    gateway = register("xinxi", "gateway", name="信息公司")
    number = recipient()
    message = {"message_id": f"log-{number}", "recipient": number, "creditor": creditor.party, "channel": "sms",
               "text": CASE_TEXT}  # fmt: skip
    decided = gateway.post("/v1/verify", message).json()
    path = f"/v1/decisions/{decided['decision_id']}"
    index = until(lambda: gateway.get(path).json()["log"].get("index", -1) + 1) - 1

    held = until(lambda: (found := checkpoint(stack.url)) and found.size > index and found)
    assert root(held.size, partial(tile, stack.url)) == held.root
    made = until(lambda: (answer := gateway.get(f"{path}/bundle")).status_code == 200 and answer)
    assert made.headers["content-type"] == bundle.MEDIA_TYPE
    key = httpx.get(f"{stack.url}/.well-known/duecare").json()["log"]["verifier_key"]
    verdict = bundle.check(made.content, key)
    assert [check for check in verdict.checks if not check.ok] == []
    assert creditor.get(f"{path}/bundle").status_code == 200
    assert register("other", "gateway").get(f"{path}/bundle").status_code == 404
    assert httpx.get(f"{stack.url}{path}/bundle").status_code == 401


def test_a_copy_in_the_archive_can_be_neither_deleted_nor_replaced(stack: Stack, register: Register) -> None:
    party = register("shenji", "auditor").party
    s3, archive = stack.aws("s3"), stack.outputs["ArchiveBucket"]
    until(lambda: s3.list_objects_v2(Bucket=archive, Prefix=f"parties/{party}/").get("Contents"))
    name = f"parties/{party}/1"
    held = s3.head_object(Bucket=archive, Key=name)
    assert held["ObjectLockMode"] == "GOVERNANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=archive, Key=name, VersionId=held["VersionId"])
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=archive, Key=name, Body=b"{}", IfNoneMatch="*")


def test_only_objects_of_the_log_are_served(stack: Stack) -> None:
    for path in ("tile/0/999", "tile/8/000", "tile/staging", "staging/1", "tile/0/000.p/0"):
        assert httpx.get(f"{stack.url}/log/{path}").status_code == 404, path


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[Stack]:
    """A stack of this test's own, which it may stop and start."""
    local = MiniStack(tmp_path, free_port())
    local.start()
    try:
        deployed = deploy(local)
        yield Stack(deployed.url, deployed.outputs, local)
    finally:
        local.stop()


def test_the_log_goes_on_after_a_restart_where_it_stood(restarted: Stack) -> None:
    def grown(beyond: int) -> Checkpoint:
        """Another record, and the checkpoint that has it."""
        caller = Caller(restarted.url, restarted.outputs["Issuer"], f"party-{time.time_ns()}")
        party = {"do": "party-add", "id": caller.party, "roles": ["auditor"], "name": "x", "key": caller.proven()}
        assert operate(restarted, party)["status"] == 200
        caller.http.close()
        found: Checkpoint = until(lambda: (one := checkpoint(restarted.url)) and one.size > beyond and one)
        return found

    before = grown(0)
    restarted.local.stop()
    restarted.local.start()
    standing = until(lambda: checkpoint(restarted.url))
    after = grown(standing.size)
    for old, new in ((before, standing), (before, after), (standing, after)):
        proof = consistency_proof(old.size, new.size, partial(tile, restarted.url))
        verify_consistency(old.size, old.root, new.size, new.root, proof)
