"""GET /v1/decisions/{id}: for its gateway, its creditor and auditors; to anyone else it does not exist."""

from __future__ import annotations

from typing import Any

import pytest

from duecare_core.evidence.canonical import canonical, digest
from tests.functional.answers import Answer
from tests.functional.conftest import RECIPIENT, Stack, leaks
from tests.functional.test_verify import read_receipt
from tests.support import events
from tests.support.world import stamp


def look_up(stack: Stack, party: str, decision_id: str, language: str = "", **context: Any) -> Answer:
    event = events.load("evidence-decision")
    event["headers"]["accept-language"] = language
    event |= {"pathParameters": {"id": decision_id}, "requestContext": stack.as_party(party, **context)}
    return stack.call(event)


def look_up_attempt(stack: Stack, decision_id: str, attempt: str) -> Answer:
    event = events.load("evidence-decision") | {"queryStringParameters": {"attempt": attempt}}
    return stack.call(event | {"pathParameters": {"id": decision_id}, "requestContext": stack.as_party("xinxi")})


@pytest.fixture
def decided(stack: Stack) -> Answer:
    return stack.honest().verify()


@pytest.mark.parametrize("party", ["xinxi", "mou-zichan", "shenji"])
def test_its_gateway_its_creditor_and_auditors_read_a_decision(stack: Stack, decided: Answer, party: str) -> None:
    answer = look_up(stack, party, decided.body["decision_id"])
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.body["answer"] == decided.body
    assert answer.body["log"] == {"logged": False}
    assert not leaks(str(answer.body))


def test_the_record_has_the_digest_that_the_receipt_carries(stack: Stack, decided: Answer) -> None:
    record = look_up(stack, "xinxi", decided.body["decision_id"]).body["record"]
    claims = read_receipt(stack, decided.body["receipt"])
    assert digest(canonical(record)) == claims["record_sha256"]
    salted = digest(bytes.fromhex(record["salt"]) + RECIPIENT.encode())
    assert record["recipient"] == claims["recipient"] == salted


def test_a_denied_message_can_be_looked_up_in_chinese(stack: Stack) -> None:
    stack.register()
    denied = stack.send("verify-chinese")
    answer = look_up(stack, "mou-zichan", denied.body["decision_id"], "zh-CN")
    assert answer.body["answer"] == denied.body


def test_the_newest_attempt_is_returned(stack: Stack, decided: Answer) -> None:
    stack.one("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(stack.now))
    second = stack.verify()
    assert look_up(stack, "xinxi", decided.body["decision_id"]).body["answer"] == second.body


def test_a_named_attempt_is_returned_or_unknown(stack: Stack, decided: Answer) -> None:
    decision_id = decided.body["decision_id"]
    assert look_up_attempt(stack, decision_id, "1").body["answer"] == decided.body
    assert look_up_attempt(stack, decision_id, "2").status == 404


@pytest.mark.parametrize("attempt", ["", "0", "-1", "01", "1.0", "one", "１", "1 ", "9999999999"])
def test_an_attempt_that_is_no_number_is_a_422(stack: Stack, attempt: str) -> None:
    stack.register()
    answer = look_up_attempt(stack, events.DECISION, attempt)
    assert (answer.status, answer.problem) == (422, "unacceptable")
    assert [error["pointer"] for error in answer.body["errors"]] == ["/attempt"]


def test_to_another_gateway_creditor_collector_or_carrier_it_does_not_exist(stack: Stack, decided: Answer) -> None:
    for party, role in (("other-gateway", "gateway"), ("other-creditor", "creditor")):
        key = events.proven(party)
        stack.operate("party-add", id=party, roles=[role], name="Other", sender_names=[], key=key)
    unknown = look_up(stack, "xinxi", events.DECISION)
    for party in ("other-gateway", "other-creditor", "keji", "yunyingshang"):
        answer = look_up(stack, party, decided.body["decision_id"])
        assert (answer.status, answer.problem) == (404, "unknown-decision")
        # Other parties cannot distinguish it from a decision that does not exist.
        assert answer == unknown


@pytest.mark.parametrize(
    "decision_id",
    ["", "*", "a", "A" * 26, "a" * 27, "a" * 26 + "\n", "../" * 9, "\ud800" * 26, "a" * 100_000, "余" * 26],
    ids=["empty", "star", "short", "capitals", "long", "new-line", "path", "surrogates", "huge", "chinese"],
)
def test_a_malformed_id_is_unknown(stack: Stack, decision_id: str) -> None:
    stack.register("xinxi")
    answer = look_up(stack, "xinxi", decision_id)
    assert (answer.status, answer.problem) == (404, "unknown-decision")


@pytest.mark.parametrize("party", ["xinxi", "mou-zichan", "shenji"])
def test_a_suspended_party_is_refused(stack: Stack, decided: Answer, party: str) -> None:
    stack.operate("party-suspend", id=party)
    answer = look_up(stack, party, decided.body["decision_id"])
    assert (answer.status, answer.problem) == (403, "party-suspended")


def test_a_revoked_key_is_refused_at_once(stack: Stack, decided: Answer) -> None:
    kid = stack.as_party("xinxi")["authorizer"]["lambda"]["kid"]
    stack.operate("key-revoke", id="xinxi", kid=kid)
    answer = look_up(stack, "xinxi", decided.body["decision_id"])
    assert (answer.status, answer.problem) == (403, "key-refused")


def test_an_expired_token_is_refused(stack: Stack, decided: Answer) -> None:
    answer = look_up(stack, "xinxi", decided.body["decision_id"], exp="1793500000")
    assert (answer.status, answer.problem) == (401, "token-expired")


def test_without_an_authorizer_the_route_refuses(stack: Stack, decided: Answer) -> None:
    context = events.load("verify-no-authorizer")["requestContext"]
    event = events.load("evidence-decision") | {"requestContext": context}
    answer = stack.call(event)
    assert (answer.status, answer.problem) == (403, "not-allowed")


def test_looking_up_needs_the_key_of_decisions_alone(stack: Stack, decided: Answer) -> None:
    stack.restart(DUECARE_STATEMENT_KEY="no-such-key")
    assert look_up(stack, "xinxi", decided.body["decision_id"]).status == 200
    stack.restart(DUECARE_INPUTS_SECRET="no-such-secret")
    assert look_up(stack, "xinxi", decided.body["decision_id"]).status == 503
