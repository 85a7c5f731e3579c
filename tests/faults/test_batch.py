"""Batches under faults: a failure of one message withholds its answer only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.conftest import Faulty
from tests.faults.test_verify import ERRORS, SPOILED, cannot_decide
from tests.functional.test_batch import MESSAGE, ask, problem
from tests.support import events

# Of one recipient, these would go one after the other; of several, side by side.
NUMBERS = [f"+861381234567{n}" for n in range(5)]


def messages() -> list[dict[str, Any]]:
    return [MESSAGE | {"message_id": f"m-{n}", "recipient": number} for n, number in enumerate(NUMBERS)]


def put_of(faulty: Faulty, n: int) -> dict[str, Any]:
    """Only the write of the n-th message's record."""
    pseudonyms = faulty.service("verify").decider().verify._pseudonyms
    return {"operation": "PutItem", "body": f"Item.pk.S == 'X#{pseudonyms.decision_id('xinxi', f'm-{n}')}'"}


@pytest.fixture
def warm(faulty: Faulty) -> Faulty:
    faulty.send("verify-status")
    return faulty


@pytest.mark.parametrize("fault", ["throttled", "internal-error", "access-denied", "reset"])
def test_a_failed_record_withholds_its_own_answer_only(warm: Faulty, fault: str) -> None:
    warm.broken({**put_of(warm, 2), **ERRORS[fault]})
    answer = ask(warm, messages())
    assert warm.proxy.fired()
    results = answer.body["results"]
    assert problem(results[2]) == (503, "cannot-decide")
    told = [result["decision_id"] for n, result in enumerate(results) if n != 2]
    assert sorted(record["pk"]["S"] for record in warm.records()) == sorted(f"X#{one}" for one in told)


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_record_stored_with_its_response_lost_is_answered_once(warm: Faulty, fault: str) -> None:
    warm.broken({**put_of(warm, 2), **SPOILED[fault], "times": 1})
    results = ask(warm, messages()).body["results"]
    assert warm.proxy.fired()
    assert [(result["attempt"], result["replayed"]) for result in results] == [(1, False)] * 5
    assert {record["version"]["N"] for record in warm.records()} == {"1"}
    assert len(warm.records()) == 5


@pytest.mark.parametrize("operation", ["Query", "BatchGetItem"])
@pytest.mark.parametrize("fault", ["throttled", "no-table", "reset"])
def test_a_failed_read_decides_no_message(warm: Faulty, operation: str, fault: str) -> None:
    warm.broken({"operation": operation, **ERRORS[fault]})
    cannot_decide(ask(warm, messages()))
    assert warm.records() == []


@pytest.mark.parametrize("operation", ["Query", "BatchGetItem", "PutItem"])
@pytest.mark.parametrize("fault", ["throttled", "unavailable", "reset"])
def test_a_single_failure_is_retried(warm: Faulty, operation: str, fault: str) -> None:
    warm.broken({"operation": operation, **ERRORS[fault], "times": 1})
    results = ask(warm, messages()).body["results"]
    assert len(warm.proxy.fired()) == 1
    assert [result["decision"] for result in results] == ["deny"] * 5
    assert len(warm.records()) == 5


def test_an_allow_in_a_batch_always_has_its_record(warm: Faulty) -> None:
    body = json.loads(events.load("verify-honest")["body"])
    for fault in SPOILED:
        warm.broken({"operation": "TransactWriteItems", **SPOILED[fault], "times": 3})
        results = ask(warm, [body | {"message_id": f"{fault}-{n}"} for n in range(3)]).body.get("results", [])
        stored = {record["pk"]["S"] for record in warm.records()}
        assert {f"X#{one['decision_id']}" for one in results if one.get("decision") == "allow"} <= stored
