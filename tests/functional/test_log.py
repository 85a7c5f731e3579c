"""The log by the functions that make and serve it: decided and stated, sequenced, read by anyone, a case file of it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from duecare_core.errors import StoreFailed
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.log.entry import read_entry, unpack_entries
from duecare_core.evidence.log.merkle import Tile, entries_path, leaf_hash, root
from duecare_core.evidence.log.note import open_checkpoint
from tests.functional.conftest import RECIPIENT, Stack
from tests.functional.files import announce, imported, look, manifest, messages, objects, put
from tests.support import events, tables
from tests.support.imports import SEED, as_csv, recipient
from tests.support.world import consent_members, debt_members


def served(stack: Stack, name: str, **parameters: str) -> tuple[bytes, dict[str, str]]:
    """The body and headers of one of evidence's routes that send bytes."""
    answer = stack.invoke("evidence", events.load(name) | ({"pathParameters": parameters} if parameters else {}))
    assert answer["statusCode"] == 200, answer
    assert answer["isBase64Encoded"] is True
    return base64.b64decode(answer["body"]), answer["headers"]


def tile(stack: Stack, one: Tile) -> bytes:
    return served(stack, "evidence-tile", proxy=one.path.removeprefix("tile/"))[0]


def logged(stack: Stack) -> list[str]:
    """The kinds of the log's entries, after all of it was held against its checkpoint."""
    note, headers = served(stack, "evidence-checkpoint")
    assert headers == {"content-type": "text/plain; charset=utf-8", "cache-control": "no-cache"}
    named = stack.send("verify-discovery").body["log"]
    checkpoint = open_checkpoint(note.decode(), named["verifier_key"], strict=True)
    assert checkpoint.origin == named["origin"] == "duecare.example/log"
    assert root(checkpoint.size, lambda one: tile(stack, one)) == checkpoint.root
    path = entries_path(0, checkpoint.size).removeprefix("tile/")
    data, headers = served(stack, "evidence-tile", proxy=path)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    entries = unpack_entries(data)
    assert b"".join(map(leaf_hash, entries)) == tile(stack, Tile(0, 0, checkpoint.size))
    return [read_entry(entry).kind for entry in entries]


def metrics(stack: Stack, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The sequencer's newest line of metrics."""
    lines = [line for line in capsys.readouterr().out.splitlines() if "LogLagSeconds" in line]
    return {name: value for name, value in json.loads(lines[-1]).items() if isinstance(value, list)}


def test_every_record_is_logged_exactly_once(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.honest()
    assert stack.verify().status == 200
    assert stack.invoke("sequence", events.load("sequence-stream")) is None
    kinds = ["acknowledgement-key", "decision", "engine", *["party"] * 5, "receipt-key", *["statement"] * 5]
    assert sorted(logged(stack)) == kinds
    told = metrics(stack, capsys)
    assert told == {"LogLagSeconds": [0.0], "Logged": [14.0], "Swept": [0.0], "LogGap": [0.0], "Unreadable": [0.0]}
    for name in ("sequence-clock", "sequence-stream"):
        assert stack.invoke("sequence", events.load(name)) is None
    assert sorted(logged(stack)) == kinds
    assert metrics(stack, capsys)["Logged"] == [0.0]


def test_a_partial_tile_is_served_for_ever(stack: Stack) -> None:
    stack.register()
    before: dict[str, bytes] = {}
    for _ in range(3):
        stack.operate("party-suspend", id="keji")
        stack.operate("party-resume", id="keji")
        stack.invoke("sequence", events.load("sequence-clock"))
        size = int(served(stack, "evidence-checkpoint")[0].split(b"\n")[1])
        for path in (Tile(0, 0, size).path, entries_path(0, size)):
            before[path] = served(stack, "evidence-tile", proxy=path.removeprefix("tile/"))[0]
    assert len(before) == 6
    for path, data in before.items():
        assert served(stack, "evidence-tile", proxy=path.removeprefix("tile/"))[0] == data


def test_a_log_without_records_has_its_checkpoint_too(stack: Stack) -> None:
    stack.invoke("sequence", events.load("sequence-clock"))
    note, _ = served(stack, "evidence-checkpoint")
    assert note.startswith(b"duecare.example/log\n0\n")


def test_a_logged_decision_has_a_case_file_and_its_index(stack: Stack) -> None:
    stack.honest()
    decision_id = stack.verify().body["decision_id"]
    asked = events.load("evidence-bundle") | {"pathParameters": {"id": decision_id}}
    early = stack.invoke("evidence", asked)
    assert (early["statusCode"], json.loads(early["body"])["type"]) == (409, "urn:duecare:problem:not-logged-yet")
    stack.invoke("sequence", events.load("sequence-clock"))
    data, headers = served(stack, "evidence-bundle", id=decision_id)
    assert headers["content-type"] == bundle.MEDIA_TYPE
    verdict = bundle.check(data, stack.send("verify-discovery").body["log"]["verifier_key"])
    assert [check for check in verdict.checks if not check.ok] == []
    shown = stack.call(events.load("evidence-decision") | {"pathParameters": {"id": decision_id}})
    assert shown.body["log"]["logged"] is True


def test_a_case_file_of_rows_of_files_proves_them_through_kms_and_the_bucket(stack: Stack) -> None:
    stack.register()
    stack.engage()
    now = stack.now
    consent = json.dumps(consent_members(now, recipient=RECIPIENT)).encode()
    assert imported(stack, consent, 1, seed=SEED, kind="consent", format="jsonl")["accepted"] == 1
    others = [debt_members(now, recipient=recipient(number), debt_ref=f"L-{number}") for number in range(3)]
    data = as_csv([*others, debt_members(now, recipient=RECIPIENT)])
    assert imported(stack, data, 4, seed=SEED)["accepted"] == 4
    assert [name for name in objects(stack) if not name.startswith("rows/")] == []
    decided = stack.verify().body
    assert decided["decision"] == "allow"
    stack.invoke("sequence", events.load("sequence-clock"))
    data, _ = served(stack, "evidence-bundle", id=decided["decision_id"])
    verdict = bundle.check(data, stack.send("verify-discovery").body["log"]["verifier_key"])
    assert [check for check in verdict.checks if not check.ok] == []
    assert verdict.case
    assert [row.row["recipient"] for row in verdict.case.rows] == [RECIPIENT, RECIPIENT]


def test_a_file_with_another_root_is_refused(stack: Stack) -> None:
    stack.register()
    data = as_csv([debt_members(stack.now, recipient=RECIPIENT)])
    opened = announce(stack, manifest(stack, data, 1, rows_root="sha256:" + "0" * 64), rows_seed=SEED.hex()).body
    put(opened, data)
    stack.invoke("ingest", events.object_created(f"uploads/{opened['upload_id']}"))
    told = look(stack, opened["upload_id"]).body
    assert (told["state"], told["problem"]["type"]) == ("refused", "urn:duecare:problem:wrong-rows-root")
    assert (messages(stack), objects(stack)) == ([], [])


def test_records_are_copied_under_lock_and_get_an_expiry_time(stack: Stack) -> None:
    stack.honest()
    stack.verify()
    stack.invoke("sequence", events.load("sequence-clock"))
    archive = tables.archive(stack.endpoint, stack.archive_bucket)
    kinds = sorted({name.split("/")[0] for name in archive.names("")})
    assert kinds == ["acknowledgement-keys", "engines", "parties", "r", "receipt-keys", "rules"]
    s3 = tables.client("s3", stack.endpoint)
    for name in archive.names(""):
        held = s3.head_object(Bucket=stack.archive_bucket, Key=name)
        assert held["ObjectLockMode"] == "GOVERNANCE"
        assert abs(held["ObjectLockRetainUntilDate"] - stack.now - timedelta(days=5 * 366)) < timedelta(minutes=10)
    leaving = {
        item["pk"]["S"].rpartition("#")[0]: int(item["expires"]["N"]) - stack.now.timestamp()
        for item in stack.everything()
        if "expires" in item and item["pk"]["S"][0] != "R"  # a debt leaves some time after it lapses
    }
    stays, kept = 180 * 86400, 5 * 366 * 86400
    expected = {"S": stays, "X": stays, "E#decision": kept + stays, "G#xinxi": kept + stays}
    assert {name: round((seconds - expected[name]) / 600) for name, seconds in leaving.items()} == dict.fromkeys(
        expected, 0
    )


def test_nothing_staged_is_left_and_nothing_but_the_log_is_served(stack: Stack) -> None:
    stack.register()
    stack.invoke("sequence", events.load("sequence-clock"))
    s3 = tables.client("s3", stack.endpoint)
    names = [found["Key"] for found in s3.list_objects_v2(Bucket=stack.log_bucket)["Contents"]]
    assert all(name == "checkpoint" or name.startswith("tile/") for name in names)
    tables.log_files(stack.endpoint, stack.log_bucket).write({"staging/1-aa": b"x", "tile/zero": b"x"})
    for path in ("../staging/1-aa", "zero", "0/000.p/0", "0/1", "0/x000", "64/000", "entries/001", "../checkpoint", ""):
        answer = stack.invoke("evidence", events.load("evidence-tile") | {"pathParameters": {"proxy": path}})
        assert answer["statusCode"] == 404, path


def test_a_sequencer_that_cannot_write_fails_and_logs_where(stack: Stack) -> None:
    stack.restart(DUECARE_ARCHIVE_BUCKET="no-such-bucket")
    stack.register()
    with pytest.raises(StoreFailed):
        stack.invoke("sequence", events.load("sequence-clock"))
    assert '"errors":["StoreFailed","' in stack.said.getvalue()
    assert stack.invoke("evidence", events.load("evidence-checkpoint"))["statusCode"] == 404


def test_a_sequencer_with_another_key_does_not_touch_the_log(stack: Stack) -> None:
    stack.invoke("sequence", events.load("sequence-clock"))
    stack.restart(DUECARE_LOG_ORIGIN="duecare.example/other")
    stack.register()
    with pytest.raises(Exception, match="not the one that has signed"):
        stack.invoke("sequence", events.load("sequence-clock"))
