"""Guarantees 1 and 2 under faults: no allow is answered without its record, and every failure ends in a 503 or in an
answer that is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.conftest import Faulty
from tests.functional.answers import Answer

ERRORS: dict[str, dict[str, Any]] = {
    "throttled": {"error": {"code": "ProvisionedThroughputExceededException"}},
    "throttled-otherwise": {"error": {"code": "ThrottlingException"}},
    "request-limit": {"error": {"code": "RequestLimitExceeded"}},
    "internal-error": {"error": {"code": "InternalServerError", "status": 500}},
    "unavailable": {"error": {"code": "ServiceUnavailable", "status": 503}},
    "no-table": {"error": {"code": "ResourceNotFoundException"}},
    "access-denied": {"error": {"code": "AccessDeniedException"}},
    "expired-credentials": {"error": {"code": "ExpiredTokenException"}},
    "reset": {"reset": True},
    "time-out": {"timeout_ms": 4000},
}
READS = ["Query", "BatchGetItem"]
# An allow that counts is written together with the contact ledger.
WRITE = "TransactWriteItems"
LASTING = [(WRITE, fault) for fault in ERRORS] + [
    (read, fault) for read in READS for fault in ("throttled", "unavailable", "no-table", "reset", "time-out")
]
PASSING = [
    *((WRITE, fault) for fault in ("throttled", "internal-error", "unavailable", "reset", "time-out")),
    *((read, fault) for read in READS for fault in ("throttled", "reset")),
]
# The response is cut, or garbled, after DynamoDB has done its work.
SPOILED: dict[str, dict[str, Any]] = {
    "cut": {"response": {"abort_frac": 0.3}},
    "cut-at-once": {"response": {"abort_bytes": 0}},
    "truncated": {"response": {"truncate_frac": 0.5}},
    "corrupt": {"response": {"corrupt_bytes": 16}},
    "throttled-once-stored": {"response": {"truncate_bytes": 1}},
}


def cannot_decide(answer: Answer, part: str = "store") -> None:
    assert (answer.status, answer.problem, answer.body["part"]) == (503, "cannot-decide", part), answer
    assert answer.headers["retry-after"]
    assert "decision" not in answer.body


@pytest.mark.parametrize(("operation", "fault"), LASTING)
def test_a_call_that_keeps_failing_is_a_503_and_no_record(faulty: Faulty, operation: str, fault: str) -> None:
    faulty.broken({"operation": operation, **ERRORS[fault]})
    cannot_decide(faulty.verify())
    assert faulty.proxy.fired()
    assert faulty.records() == []


@pytest.mark.parametrize(("operation", "fault"), PASSING)
def test_a_call_that_fails_once_is_retried(faulty: Faulty, operation: str, fault: str) -> None:
    faulty.broken({"operation": operation, **ERRORS[fault], "times": 1})
    answer = faulty.verify()
    assert (answer.status, answer.body["decision"]) == (200, "allow")
    assert len(faulty.proxy.fired()) == 1
    assert len(faulty.records()) == 1


@pytest.mark.parametrize("fault", SPOILED)
@pytest.mark.parametrize("operation", READS)
def test_a_truncated_read_never_becomes_an_allow(faulty: Faulty, operation: str, fault: str) -> None:
    """The recipient has opted out. A read that omits documents must not become an allow."""
    faulty.one("xinxi", "opt-out", recipient="+8613812345678", creditor="*", received_at=faulty.now.isoformat())
    faulty.broken({"operation": operation, **SPOILED[fault]})
    answer = faulty.verify()
    assert faulty.proxy.fired()
    if answer.status == 200:
        assert answer.body["decision"] == "deny"
    else:
        cannot_decide(answer)


# The record's own write


def test_a_persistent_transaction_conflict_on_the_record_is_a_503(faulty: Faulty) -> None:
    faulty.broken({"operation": WRITE, "error": {"code": "TransactionConflictException"}})
    cannot_decide(faulty.verify(), "contention")
    assert faulty.records() == []


def test_a_single_transaction_conflict_is_retried(faulty: Faulty) -> None:
    faulty.broken({"operation": WRITE, "error": {"code": "TransactionConflictException"}, "times": 1})
    assert faulty.verify().body["decision"] == "allow"
    assert len(faulty.records()) == 1


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_record_stored_with_its_response_lost_is_answered_once(faulty: Faulty, fault: str) -> None:
    faulty.broken({"operation": WRITE, **SPOILED[fault], "times": 1})
    answer = faulty.verify()
    assert (answer.status, answer.body["decision"], answer.body["attempt"]) == (200, "allow", 1)
    assert answer.body["replayed"] is False
    assert faulty.proxy.fired()
    (record,) = faulty.records()
    assert record["version"]["N"] == "1"
    faulty.broken()
    assert faulty.verify().body == {**answer.body, "replayed": True}
    assert faulty.records() == [record]


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_record_whose_responses_are_all_lost_is_a_503_and_replayed_later(faulty: Faulty, fault: str) -> None:
    faulty.broken({"operation": WRITE, **SPOILED[fault]})
    cannot_decide(faulty.verify())
    (record,) = faulty.records()
    faulty.broken()
    again = faulty.verify()
    assert (again.body["decision"], again.body["attempt"], again.body["replayed"]) == ("allow", 1, True)
    assert faulty.records() == [record]


@pytest.mark.parametrize("fault", SPOILED)
@pytest.mark.parametrize("times", [1, None])
def test_every_answered_allow_has_its_record(faulty: Faulty, fault: str, times: int | None) -> None:
    faulty.broken({"operation": WRITE, **SPOILED[fault], "times": times})
    answer = faulty.verify()
    if answer.status == 200:
        assert f"X#{answer.body['decision_id']}" in [record["pk"]["S"] for record in faulty.records()]
    else:
        cannot_decide(answer)


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_second_attempt_with_its_response_lost_stays_the_second(faulty: Faulty, fault: str) -> None:
    first = faulty.verify()
    faulty.one("xinxi", "opt-out", recipient="+8613812345678", creditor="*", received_at=faulty.now.isoformat())
    # The first Put conflicts with the stored record; the Put that replaces it is the one to fail.
    replaces = "ConditionExpression && contains(ConditionExpression, 'version')"
    faulty.broken({"operation": "PutItem", "body": replaces, **SPOILED[fault], "times": 1})
    second = faulty.verify()
    assert faulty.proxy.fired()
    assert (first.body["attempt"], second.body["attempt"], second.reasons) == (1, 2, ["OPTED_OUT"])
    (record,) = faulty.records()
    assert record["version"]["N"] == "2"


def test_a_failed_replacement_keeps_the_earlier_record_and_is_a_503(faulty: Faulty) -> None:
    faulty.verify()
    before = faulty.records()
    faulty.one("xinxi", "opt-out", recipient="+8613812345678", creditor="*", received_at=faulty.now.isoformat())
    replaces = "ConditionExpression && contains(ConditionExpression, 'version')"
    faulty.broken({"operation": "PutItem", "body": replaces, **ERRORS["internal-error"]})
    cannot_decide(faulty.verify())
    assert faulty.records() == before


def test_status_names_the_failing_part(faulty: Faulty) -> None:
    faulty.broken({"operation": "BatchGetItem", **ERRORS["throttled"]})
    cannot_decide(faulty.send("verify-status"))


def test_decisions_resume_when_the_table_recovers(faulty: Faulty) -> None:
    faulty.broken({**ERRORS["reset"]})
    cannot_decide(faulty.verify())
    faulty.broken()
    assert faulty.verify().body["decision"] == "allow"
