"""The void function: a rogue party's statements count no longer. Invoked with IAM rights, by no route."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from duecare.usecases.operator import void
from tests.functional.conftest import Stack
from tests.support import events
from tests.support.world import RECIPIENT, stamp


@pytest.fixture
def honest(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(void, "REQUESTS_END", timedelta(0))
    return stack.honest()


def stop(stack: Stack, party: str, at: datetime, creditor: str = "mou-zichan") -> dict[str, Any]:
    members = {"recipient": RECIPIENT, "creditor": creditor, "received_at": stamp(at)}
    result = stack.one(party, "opt-out", **members)
    assert result["status"] == "accepted", result
    return result


def codes(stack: Stack) -> list[str]:
    return [one["code"] for one in stack.verify(message_id=os.urandom(8).hex()).body["reasons"]]


def voided(stack: Stack, party: str, since: datetime, do: str = "void", **members: Any) -> dict[str, Any]:
    stack.invoke("sequence", events.load("sequence-clock"))
    answer = stack.invoke("void", {"do": do, "party": party, "since": stamp(since), **members})
    assert answer["status"] == 200, answer
    report = answer["result"]
    while report["progress"]["phase"] != "done":
        answer = stack.invoke("void", {"do": "void-step", "party": party, "id": report["id"]})
        assert answer["status"] == 200, answer
        report = answer["result"]
        assert report["waiting"] is None
    return dict(report)


def test_a_rogue_collectors_newer_stop_hid_a_genuine_older_one(honest: Stack) -> None:
    now = datetime.now(UTC)
    genuine = stop(honest, "xinxi", now - timedelta(hours=2))
    since = datetime.now(UTC)
    hiding = stop(honest, "keji", now - timedelta(hours=1))
    assert "OPTED_OUT" in codes(honest)
    before = honest.items()
    report = voided(honest, "keji", since)
    assert report["progress"]["changed"] == 1
    state = next(item for item in honest.items() if item["sk"]["S"] == "O#mou-zichan")
    assert genuine["statement_id"] in state["body"]["S"]
    assert hiding["statement_id"] not in state["body"]["S"]
    voided(honest, "keji", since, "void-undo")
    restored = {(one["pk"]["S"], one["sk"]["S"]): one["body"]["S"] for one in honest.items()}
    for one in before:
        if one["pk"]["S"].startswith("R#"):
            assert restored[one["pk"]["S"], one["sk"]["S"]] == one["body"]["S"]


def test_a_rogues_stop_counts_no_longer(honest: Stack) -> None:
    since = datetime.now(UTC)
    stop(honest, "keji", since)
    assert "OPTED_OUT" in codes(honest)
    voided(honest, "keji", since)
    assert "OPTED_OUT" not in codes(honest)


def test_the_operator_sees_the_voids_of_a_party_and_the_log_has_them(honest: Stack) -> None:
    since = datetime.now(UTC)
    stop(honest, "keji", since)
    report = voided(honest, "keji", since)
    shown = honest.operate("party-show", id="keji")["result"]
    assert (shown["state"], shown["voids"]) == ("suspended", [report])
    honest.invoke("sequence", events.load("sequence-clock"))
    pointers = {item["pk"]["S"] for item in honest.items() if item["pk"]["S"].startswith("E#void#")}
    assert pointers == {f"E#void#keji/{report['id']}/1"}


@pytest.mark.parametrize(
    ("request_sent", "status"),
    [
        ({"do": "void", "party": "nobody", "since": "2026-11-01T00:00:00Z"}, 404),
        ({"do": "void", "party": "keji", "since": "2100-11-01T00:00:00Z"}, 422),
        ({"do": "void", "party": "keji", "since": "yesterday"}, 422),
        ({"do": "void", "party": "keji", "since": "2026-11-01T00:00:00Z", "kind": "rumour"}, 422),
        ({"do": "void-undo", "party": "keji", "since": "2026-11-01T00:00:00Z"}, 404),
        ({"do": "void-step", "party": "keji", "id": "none"}, 404),
        ({"do": "erase"}, 422),
    ],
)
def test_what_cannot_be_voided_is_refused(honest: Stack, request_sent: dict[str, Any], status: int) -> None:
    before = honest.items()
    answer = honest.invoke("void", request_sent)
    assert (answer["status"], answer["problem"]["status"]) == (status, status)
    assert honest.items() == before
