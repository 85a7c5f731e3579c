"""POST /v1/verify/batch: each message as if it had been asked about alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.functional.answers import Answer
from tests.functional.conftest import RECIPIENT, Stack, leaks
from tests.support import events
from tests.support.world import stamp

MESSAGE: dict[str, Any] = json.loads(events.load("verify-honest")["body"]) | {"recipient": RECIPIENT}
ROUTE = "POST /v1/verify/batch"


def ask(stack: Stack, messages: Any, party: str = "xinxi", **members: Any) -> Answer:
    context = stack.as_party(party) | {"routeKey": ROUTE}
    return stack.send("verify-honest", {"messages": messages, **members}, routeKey=ROUTE, requestContext=context)


def problem(result: dict[str, Any]) -> tuple[int, str]:
    assert set(result) == {"problem"}
    return result["problem"]["status"], result["problem"]["type"].removeprefix("urn:duecare:problem:")


def test_the_results_come_in_the_order_of_the_messages(stack: Stack) -> None:
    stack.honest()
    # In shadow, so that the frequency cap has nothing to say.
    text = MESSAGE["text"]
    messages = [MESSAGE | {"message_id": f"m-{n}", "text": "?" if n % 2 else text, "shadow": True} for n in range(30)]
    results = ask(stack, messages).body["results"]
    assert [result["message_id"] for result in results] == [f"m-{n}" for n in range(30)]
    assert [result["decision"] for result in results] == ["allow", "deny"] * 15
    assert len([item for item in stack.items() if item["sk"]["S"] == "X"]) == 30


def test_each_result_is_that_of_the_message_alone(stack: Stack) -> None:
    stack.honest()
    (result,) = ask(stack, [MESSAGE]).body["results"]
    assert stack.verify().body == {**result, "replayed": True}


def test_a_hundred_messages_to_as_many_recipients_are_answered(stack: Stack) -> None:
    stack.register()
    messages = [MESSAGE | {"message_id": f"m-{n}", "recipient": f"+8613812345{n:03}"} for n in range(100)]
    results = ask(stack, messages).body["results"]
    assert [result["decision"] for result in results] == ["deny"] * 100


def test_the_same_message_twice_is_one_decision_replayed(stack: Stack) -> None:
    stack.honest()
    first, second = ask(stack, [MESSAGE, MESSAGE]).body["results"]
    assert second == {**first, "replayed": True}


def test_two_messages_under_one_id_are_one_decision_and_one_conflict(stack: Stack) -> None:
    stack.honest()
    first, second = ask(stack, [MESSAGE, MESSAGE | {"text": "?"}]).body["results"]
    assert first["decision"] == "allow"
    assert problem(second) == (409, "message-id-reused")


@pytest.mark.parametrize(
    ("bad", "pointer"),
    [
        ({}, "/message_id"),
        (None, ""),
        ("SECRET", ""),
        (MESSAGE | {"recipient": RECIPIENT[3:]}, "/recipient"),
        (MESSAGE | {"recipient": "+447911123456789"}, "/recipient"),
        (MESSAGE | {"channel": RECIPIENT}, "/channel"),
        (MESSAGE | {"send_at": "2026-11-24T09:00:00"}, "/send_at"),
        (MESSAGE | {"send_at": "2020-01-01T00:00:00Z"}, "/send_at"),
        (MESSAGE | {"more": 1}, "/more"),
    ],
    ids=["empty", "null", "string", "national", "impossible", "channel", "no-offset", "past", "unknown"],
)
def test_an_invalid_message_does_not_affect_the_others(stack: Stack, bad: Any, pointer: str) -> None:
    stack.honest()
    good = [MESSAGE | {"message_id": f"m-{n}"} for n in range(2)]
    answer = ask(stack, [good[0], bad, good[1]])
    results = answer.body["results"]
    assert [result.get("decision") for result in results] == ["allow", None, "allow"]
    assert problem(results[1]) == (422, "unacceptable")
    assert results[1]["problem"]["errors"][0]["pointer"] == pointer
    told = json.dumps(answer.body, ensure_ascii=False) + stack.said.getvalue()
    assert not leaks(told)
    assert "SECRET" not in told


@pytest.mark.parametrize(
    "messages", [[], [MESSAGE] * 101, MESSAGE, None, "SECRET"], ids=["none", "too-many", "one", "null", "string"]
)
def test_a_batch_that_is_bad_as_a_whole_is_a_422(stack: Stack, messages: Any) -> None:
    before = stack.honest().items()
    answer = ask(stack, messages)
    assert (answer.status, answer.problem, answer.pointers[0][0]) == (422, "unacceptable", "/messages")
    assert stack.items() == before


def test_an_unknown_member_of_the_batch_is_a_422(stack: Stack) -> None:
    stack.honest()
    assert ask(stack, [MESSAGE], more=1).pointers == [("/more", "unknown-member")]


def test_a_stop_before_the_batch_counts_for_every_message_of_it(stack: Stack) -> None:
    stack.honest().one("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(stack.now))
    messages = [MESSAGE | {"message_id": f"m-{n}"} for n in range(60)]
    assert {result["decision"] for result in ask(stack, messages).body["results"]} == {"deny"}


@pytest.mark.parametrize("party", ["mou-zichan", "keji"])
def test_only_a_gateway_may_ask(stack: Stack, party: str) -> None:
    before = stack.honest().items()
    answer = ask(stack, [MESSAGE], party)
    assert (answer.status, answer.problem) == (403, "wrong-role")
    assert stack.items() == before


def test_a_revoked_key_is_refused_at_once_for_the_whole_batch(stack: Stack) -> None:
    kid = stack.honest().as_party("xinxi")["authorizer"]["lambda"]["kid"]
    stack.operate("key-revoke", id="xinxi", kid=kid)
    before = stack.items()
    answer = ask(stack, [MESSAGE])
    assert (answer.status, answer.problem) == (403, "key-refused")
    assert stack.items() == before


def test_a_suspended_gateway_is_answered_with_denies(stack: Stack) -> None:
    stack.honest().operate("party-suspend", id="xinxi")
    (result,) = ask(stack, [MESSAGE]).body["results"]
    assert [reason["code"] for reason in result["reasons"]] == ["GATEWAY_SUSPENDED"]


def test_reasons_are_in_chinese_if_requested(stack: Stack) -> None:
    stack.register()
    headers = {**events.load("verify-honest")["headers"], "accept-language": "zh-CN"}
    context = stack.as_party("xinxi")
    answer = stack.send(
        "verify-honest", {"messages": [MESSAGE]}, routeKey=ROUTE, requestContext=context, headers=headers
    )
    assert answer.headers["content-language"] == "zh-CN"
    assert "一" <= answer.body["results"][0]["reasons"][0]["message"][0] <= "鿿"
