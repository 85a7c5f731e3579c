"""The procedure of docs/restore.md, played: the table is restored from an older copy, the sequencer stops, the operator
resumes the log, and the log extends what was published."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duecare_core.errors import LogDiverged
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.log.merkle import consistency_proof, verify_consistency
from duecare_core.evidence.log.note import Checkpoint, open_checkpoint
from tests.functional.conftest import Stack
from tests.functional.test_log import logged, served, tile
from tests.support import events, tables

CLOCK = events.load("sequence-clock")


def published(stack: Stack) -> Checkpoint:
    note, _ = served(stack, "evidence-checkpoint")
    return open_checkpoint(note.decode(), stack.send("verify-discovery").body["log"]["verifier_key"])


def extends(stack: Stack, earlier: Checkpoint) -> bool:
    """Raises BadEvidence if the published log does not extend an earlier checkpoint. Returns whether it is larger."""
    now = published(stack)
    proof = consistency_proof(earlier.size, now.size, lambda one: tile(stack, one))
    verify_consistency(earlier.size, earlier.root, now.size, now.root, proof)
    return now.size > earlier.size


class Backup:
    """A copy of the table at one moment."""

    def __init__(self, stack: Stack) -> None:
        self._dynamodb = tables.client("dynamodb", stack.endpoint)
        made = self._dynamodb.create_backup(TableName=stack.table, BackupName="earlier")
        self._arn = made["BackupDetails"]["BackupArn"]

    def restore(self, stack: Stack) -> None:
        """A new table with a new stream, and fresh sandboxes of the functions on it."""
        name = f"{stack.table}-restored"
        self._dynamodb.restore_table_from_backup(TargetTableName=name, BackupArn=self._arn)
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        self._dynamodb.update_table(TableName=name, StreamSpecification=stream)
        stack.table = name
        stack.restart(DUECARE_TABLE=name, DUECARE_STREAM=tables.stream_arn(stack.endpoint, name))


@pytest.fixture
def restored(stack: Stack) -> tuple[Stack, Checkpoint, str]:
    """A service on a restored table, its published checkpoint, and the id of a decision that the table has lost."""
    stack.honest()
    assert stack.verify().status == 200
    stack.invoke("sequence", CLOCK)
    backup = Backup(stack)
    lost = stack.verify(message_id="lost-1").body["decision_id"]
    stack.invoke("sequence", CLOCK)
    checkpoint = published(stack)
    backup.restore(stack)
    return stack, checkpoint, lost


def test_the_sequencer_stops_on_a_restored_table_and_says_so(
    restored: tuple[Stack, Checkpoint, str], capsys: pytest.CaptureFixture[str]
) -> None:
    stack, checkpoint, _ = restored
    stack.verify(message_id="later-1")
    with pytest.raises(LogDiverged):
        stack.invoke("sequence", CLOCK)
    assert published(stack) == checkpoint
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"LogDiverged":' in line]
    assert lines[0]["LogDiverged"] == [1.0]
    (line,) = [json.loads(one) for one in stack.said.getvalue().splitlines() if "docs/restore.md" in one]
    assert (line["level"], line["published_size"]) == ("ERROR", checkpoint.size)
    assert line["head_size"] < line["published_size"]


def resume(stack: Stack, size: int) -> dict[str, Any]:
    return dict(json.loads(json.dumps(stack.invoke("sequence", {"do": "log-resume", "size": size}))))


def test_after_the_procedure_the_log_extends_what_was_published(restored: tuple[Stack, Checkpoint, str]) -> None:
    stack, checkpoint, lost = restored
    later = stack.verify(message_id="later-1").body["decision_id"]
    with pytest.raises(LogDiverged):
        stack.invoke("sequence", CLOCK)
    answer = resume(stack, checkpoint.size)
    assert answer["status"] == 200, answer
    assert [one["id"] for one in answer["result"]["lost"] if one["kind"] == "decision"] == [lost]
    assert answer["result"]["done"] is True
    stack.invoke("sequence", CLOCK)
    assert extends(stack, checkpoint)
    assert len(logged(stack)) == published(stack).size
    assert resume(stack, published(stack).size)["result"]["lost"] == []
    # A decision from after the restore has its case file, with the proofs of the log that goes on.
    data, _ = served(stack, "evidence-bundle", id=later)
    verdict = bundle.check(data, stack.send("verify-discovery").body["log"]["verifier_key"])
    assert [check for check in verdict.checks if not check.ok] == []


def test_the_log_is_not_resumed_without_its_size(restored: tuple[Stack, Checkpoint, str]) -> None:
    stack, checkpoint, _ = restored
    for request in ({"do": "log-resume"}, {"do": "log-resume", "size": -1}, {"do": "anything", "size": 1}):
        assert stack.invoke("sequence", request)["status"] == 422
    answer = resume(stack, checkpoint.size - 1)
    assert answer["status"] == 409
    assert f"has {checkpoint.size} entries" in answer["problem"]["detail"]
    with pytest.raises(LogDiverged):
        stack.invoke("sequence", CLOCK)
    assert published(stack) == checkpoint


def test_a_suspension_that_the_table_has_lost_counts_again(stack: Stack) -> None:
    stack.honest()
    stack.invoke("sequence", CLOCK)
    backup = Backup(stack)
    stack.operate("party-suspend", id="keji")
    stack.invoke("sequence", CLOCK)
    checkpoint = published(stack)
    backup.restore(stack)
    assert [one["id"] for one in resume(stack, checkpoint.size)["result"]["lost"]] == ["keji/2"]
    assert stack.operate("party-show", id="keji")["result"]["state"] == "active"
    copy = tables.archive(stack.endpoint, stack.archive_bucket).read("parties/keji/2").decode()
    for _ in range(2):
        assert stack.operate("party-restore", copy=copy)["result"]["state"] == "suspended"
    assert stack.operate("party-restore", copy="{}")["status"] == 422
    stack.invoke("sequence", CLOCK)
    assert published(stack) == checkpoint  # it has its entry
