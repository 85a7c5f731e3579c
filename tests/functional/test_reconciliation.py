"""GET /v1/reconciliation: from a message that was asked about and delivered to the signed result."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from duecare.usecases import table
from duecare.usecases.log.head import Head
from duecare.usecases.log.loggable import index_entries, loggable
from duecare_core.domain.reconciliation import FINDINGS
from duecare_core.evidence.reconciliation import result_digest
from tests.functional.answers import Answer
from tests.functional.conftest import RECIPIENT, Stack, leaks
from tests.support import events, tables
from tests.support.world import CASE_TEXT, ISSUER, stamp

SENT = f"sha256:{hashlib.sha256(CASE_TEXT.encode()).hexdigest()}"
SOON = timedelta(seconds=30)


def ask(stack: Stack, party: str = "xinxi", **query: Any) -> Answer:
    given = {"from": stamp(stack.now - timedelta(hours=1)), "to": stamp(stack.now + SOON)} | query
    present = {name: value for name, value in given.items() if value is not None}
    return stack.send("reconcile-day", queryStringParameters=present, requestContext=stack.as_party(party))


def deliver(stack: Stack, party: str = "xinxi", **changes: Any) -> dict[str, Any]:
    members = {"message_id": "m-1", "at": stamp(datetime.now(UTC)), "status": "delivered", "text_sha256": SENT}
    return stack.one(party, "delivery", **members | changes)


def sequence(stack: Stack, *decision_ids: str) -> None:
    """The pages that the sequencer writes for these decisions, and a log head that is ahead of all of them."""
    documents = tables.documents(stack.endpoint, stack.table)
    found = documents.get([table.decision(decision_id) for decision_id in decision_ids])
    records = [record for document in found.values() if (record := loggable(document, stack.now))]
    documents.commit([mark.document for mark in index_entries(records, 0, stack.now)])
    at = stack.now + timedelta(minutes=10)
    head = Head(size=9, root="00", at=at, verifier_key="", positions={}, swept_at=at, caught_up_at=at)
    documents.commit([table.write(table.LOG_HEAD, None, head)])


@pytest.fixture
def delivered(stack: Stack) -> Stack:
    decided = stack.honest().verify()
    assert decided.body["decision"] == "allow"
    deliver(stack)
    sequence(stack, decided.body["decision_id"])
    return stack


def test_a_day_without_discrepancies_is_reported_and_signed(delivered: Stack) -> None:
    answer = ask(delivered)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    body = answer.body
    assert (body["ok"], body["final"], body["truncated"]) == (True, True, False)
    assert {name: count for name, count in body["counts"].items() if count} == {
        "deliveries": 1,
        "matched": 1,
        "decisions": 1,
        "allowed": 1,
    }
    key, *_ = delivered.send("verify-jwks").body["keys"]
    claims = jwt.decode(body["signed"], jwt.PyJWK(key), ["EdDSA"], issuer=ISSUER)
    assert claims["result_sha256"] == result_digest(body)
    assert jwt.get_unverified_header(body["signed"])["typ"] == "reconciliation+jws"
    assert not leaks(str(body))


def test_missing_deliveries_and_missing_decisions_are_listed(stack: Stack) -> None:
    stack.honest()
    silent = stack.verify(message_id="m-silent").body["decision_id"]
    stopped = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(stack.now)}
    stack.one("xinxi", "opt-out", **stopped)
    denied = stack.verify(message_id="m-denied").body["decision_id"]
    deliver(stack, message_id="m-denied")
    deliver(stack, message_id="m-unasked")
    sequence(stack, silent, denied)
    body = ask(stack).body
    assert not body["ok"]
    listed = {name: [one["message_id"] for one in body[name]] for name in FINDINGS if body[name]}
    assert listed == {
        "delivered_without_decision": ["m-unasked"],
        "delivered_though_denied": ["m-denied"],
        "allowed_without_delivery": ["m-silent"],
    }
    assert body["allowed_without_delivery"][0]["decision_id"] == silent


def test_an_auditor_names_the_gateway(delivered: Stack) -> None:
    assert ask(delivered, "shenji", gateway="xinxi").body["counts"] == ask(delivered).body["counts"]
    missing = ask(delivered, "shenji")
    assert (missing.status, missing.pointers) == (422, [("/gateway", "missing")])
    unknown = ask(delivered, "shenji", gateway="nobody")
    assert (unknown.status, unknown.problem) == (404, "unknown-gateway")


@pytest.mark.parametrize("party", ["mou-zichan", "keji", "yunyingshang"])
def test_other_parties_may_not_reconcile(delivered: Stack, party: str) -> None:
    answer = ask(delivered, party, gateway="xinxi")
    assert (answer.status, answer.problem) == (403, "wrong-role")


def test_a_gateway_sees_its_own_alone(delivered: Stack) -> None:
    answer = ask(delivered, gateway="other-gateway")
    assert (answer.status, answer.problem) == (403, "not-its-own")


def test_a_revoked_key_is_refused_at_once(delivered: Stack) -> None:
    kid = delivered.as_party("xinxi")["authorizer"]["lambda"]["kid"]
    delivered.operate("key-revoke", id="xinxi", kid=kid)
    answer = ask(delivered)
    assert (answer.status, answer.problem) == (403, "key-refused")


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"from": None}, [("/from", "missing")]),
        ({"to": None}, [("/to", "missing")]),
        ({"from": ""}, [("/from", "wrong-type-or-form")]),
        ({"from": "2026-11-01"}, [("/from", "wrong-type-or-form")]),
        ({"from": "2026-11-01T00:00:00"}, [("/from", "wrong-type-or-form")]),
        ({"from": "2026-11-01T00:00:00Z,2026-11-02T00:00:00Z"}, [("/from", "wrong-type-or-form")]),
        ({"from": "1793500000"}, [("/from", "wrong-type-or-form")]),
        ({"to": "2126-11-01T00:00:00Z", "from": "2126-10-31T00:00:00Z"}, [("/to", "in-the-future")]),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:01Z"}, [("/to", "too-long")]),
        ({"from": "0001-01-01T00:00:00+01:00"}, [("/from", "out-of-range")]),
        ({"gateway": "Not An Id"}, [("/gateway", "wrong-type-or-form")]),
        ({"recipient": "x"}, [("/recipient", "unknown-member")]),
    ],
    ids=str,
)
def test_a_query_that_cannot_be_is_refused_by_name(
    stack: Stack, query: dict[str, Any], pointers: list[tuple[str, str]]
) -> None:
    stack.register("xinxi")
    answer = ask(stack, **query)
    assert (answer.status, answer.pointers) == (422, pointers)


def test_no_query_at_all_is_refused(stack: Stack) -> None:
    stack.register("xinxi")
    event = events.load("reconcile-day")
    del event["queryStringParameters"]
    assert stack.call(event | {"requestContext": stack.as_party("xinxi")}).status == 422


def test_a_plus_that_was_not_escaped_is_understood(delivered: Stack) -> None:
    start = (delivered.now - timedelta(hours=1)).astimezone(UTC).replace(microsecond=0)
    spaced = (start + timedelta(hours=8)).isoformat().replace("+00:00", " 08:00")
    assert ask(delivered, **{"from": spaced}).body["from"] == start.isoformat().replace("+00:00", "Z")


def test_without_an_authorizer_the_route_refuses(delivered: Stack) -> None:
    context = events.load("verify-no-authorizer")["requestContext"]
    answer = delivered.send("reconcile-day", requestContext=context)
    assert (answer.status, answer.problem) == (403, "not-allowed")


def test_a_replaced_key_signs_no_longer(delivered: Stack) -> None:
    manager = tables.client("secretsmanager", delivered.endpoint)
    arn = manager.create_secret(Name=f"receipt-{secrets.token_hex(4)}", SecretString=seed("11"))["ARN"]
    delivered.restart(DUECARE_RECEIPT_KEY_SECRET=arn)
    first = ask(delivered).body["signed"]
    manager.put_secret_value(SecretId=arn, SecretString=seed("22"))
    second = ask(delivered).body["signed"]
    assert jwt.get_unverified_header(first)["kid"] != jwt.get_unverified_header(second)["kid"]


def seed(byte: str) -> str:
    return json.dumps({"seed": byte * 32, "retired": []})


@pytest.mark.parametrize(
    ("broken", "part"), [({"DUECARE_RECEIPT_KEY_SECRET": "none"}, "secrets"), ({"DUECARE_TABLE": "none"}, "store")]
)
def test_a_key_or_a_table_that_cannot_be_read_is_a_503(delivered: Stack, broken: dict[str, str], part: str) -> None:
    delivered.restart(**broken)
    answer = ask(delivered)
    assert (answer.status, answer.problem, answer.body["part"]) == (503, "cannot-decide", part)
