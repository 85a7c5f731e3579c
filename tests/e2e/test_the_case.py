"""The case of 20 October 2023, end to end over HTTP against the deployed template."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from duecare_core.domain.location.localtime import zone
from tests.e2e.conftest import Caller, at, operate, recipient
from tests.support.engines import Stack
from tests.support.world import CASE_TEXT, NOTICE

HONEST_TEXT = "【某资产】您好,您在我司的欠款余额为27911元,请与我们联系商议还款安排。退订回T"
Register = Callable[..., Caller]


@pytest.fixture
def creditor(register: Register) -> Caller:
    return register("mou-zichan", "creditor", name="某资产", sender_names=("某资产",))


@pytest.fixture
def collector(register: Register, creditor: Caller) -> Caller:
    keji = register("keji", "collector", name="科技公司")
    mandate = {"collector": keji.party, "channels": ["sms"], "status": "active", "as_of": at(minutes=-1)}
    stated = creditor.state("mandate", valid_from=at(days=-1), valid_until=at(days=30), **mandate)
    assert stated["status"] == "accepted"
    return keji


@pytest.fixture
def gateway(register: Register, collector: Caller) -> Caller:
    """A gateway that the collector has engaged."""
    xinxi = register("xinxi", "gateway", name="信息公司")
    route = {"gateway": xinxi.party, "channels": ["sms"], "status": "active", "as_of": at(minutes=-1)}
    stated = collector.state("route", valid_from=at(days=-1), valid_until=at(days=30), **route)
    assert stated["status"] == "accepted"
    return xinxi


@pytest.fixture
def message(creditor: Caller, collector: Caller) -> dict[str, Any]:
    number = recipient()
    return {"message_id": f"m-{number}", "recipient": number, "creditor": creditor.party, "channel": "sms",
            "collector": collector.party, "text": CASE_TEXT}  # fmt: skip


def reasons(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [reason["code"] for reason in answer.json()["reasons"]]


def consent_and_debt(creditor: Caller, number: str) -> None:
    consent = creditor.state("consent", recipient=number, channels=["sms"], granted_at=at(minutes=-2),
                             method="contract", notice=NOTICE)  # fmt: skip
    debt = creditor.state("debt", recipient=number, debt_ref="2023-0417", currency="CNY", outstanding="27911",
                          as_of=at(minutes=-1), status="open")  # fmt: skip
    assert [consent["status"], debt["status"]] == ["accepted", "accepted"]


def test_the_message_of_the_case_is_denied_with_both_reasons(gateway: Caller, message: dict[str, Any]) -> None:
    # As it would be judged at noon in Shanghai: at night there is a third reason.
    message["recipient"] = f"+8613800{message['recipient'][-6:]}"
    noon = datetime.now(zone("Asia/Shanghai")).replace(hour=12) + timedelta(days=1)
    answer = gateway.post("/v1/verify", {**message, "send_at": noon.isoformat()})
    assert answer.json()["decision"] == "deny"
    assert reasons(answer) == ["CONSENT_MISSING", "DEBT_MISSING"]


def test_an_honest_message_is_allowed_until_the_recipient_replies_t(
    stack: Stack, creditor: Caller, gateway: Caller, message: dict[str, Any]
) -> None:
    honest = {**message, "text": HONEST_TEXT}
    consent_and_debt(creditor, message["recipient"])
    allowed = gateway.post("/v1/verify", honest)
    assert (allowed.json()["decision"], reasons(allowed)) == ("allow", [])
    receipt = read_receipt(stack, allowed.json()["receipt"])
    assert receipt["message_id"] == message["message_id"]
    assert receipt["decision"] == "allow"
    assert receipt["text_sha256"] == "sha256:" + hashlib.sha256(HONEST_TEXT.encode()).hexdigest()

    stopped = gateway.state("reply", recipient=message["recipient"], message_id=message["message_id"], text="T",
                            received_at=at())  # fmt: skip
    assert (stopped["status"], stopped["read_as"]) == ("accepted", "opt_out")
    denied = gateway.post("/v1/verify", honest)
    assert reasons(denied) == ["OPTED_OUT"]
    assert denied.json()["decision_id"] == allowed.json()["decision_id"]
    assert denied.json()["attempt"] == allowed.json()["attempt"] + 1


def test_the_same_question_gets_the_same_answer(creditor: Caller, gateway: Caller, message: dict[str, Any]) -> None:
    consent_and_debt(creditor, message["recipient"])
    honest = {**message, "text": HONEST_TEXT}
    first, second = (gateway.post("/v1/verify", honest).json() for _ in range(2))
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["receipt"] == second["receipt"]
    conflict = gateway.post("/v1/verify", {**honest, "text": CASE_TEXT})
    assert conflict.status_code == 409


def test_a_decision_is_shown_to_those_it_concerns_and_to_nobody_else(
    register: Register, creditor: Caller, collector: Caller, gateway: Caller, message: dict[str, Any]
) -> None:
    decided = gateway.post("/v1/verify", message).json()
    path = f"/v1/decisions/{decided['decision_id']}"
    auditor, stranger = register("shenji", "auditor"), register("other-gateway", "gateway")
    seen = {caller.party: caller.get(path).status_code for caller in (gateway, creditor, auditor, stranger, collector)}
    assert list(seen.values())[:4] == [200, 200, 200, 404]
    assert seen[collector.party] in (403, 404)
    assert gateway.get(path).json()["answer"]["receipt"] == decided["receipt"]


def test_a_suspension_counts_at_once(stack: Stack, creditor: Caller, gateway: Caller, message: dict[str, Any]) -> None:
    consent_and_debt(creditor, message["recipient"])
    honest = {**message, "text": HONEST_TEXT}
    assert reasons(gateway.post("/v1/verify", honest)) == []
    assert operate(stack, {"do": "party-suspend", "id": creditor.party})["status"] == 200
    assert reasons(gateway.post("/v1/verify", honest)) == ["CREDITOR_SUSPENDED"]


def test_a_halt_stops_one_creditor(stack: Stack, creditor: Caller, gateway: Caller, message: dict[str, Any]) -> None:
    consent_and_debt(creditor, message["recipient"])
    assert operate(stack, {"do": "halt", "on": True, "creditor": creditor.party})["status"] == 200
    assert reasons(gateway.post("/v1/verify", {**message, "text": HONEST_TEXT})) == ["HALTED"]


def test_the_api_refuses_an_unknown_caller(stack: Stack, gateway: Caller, message: dict[str, Any]) -> None:
    unsigned = httpx.post(f"{stack.url}/v1/verify", json=message)
    assert unsigned.status_code == 401
    unproven = ["nonsense", jwt.encode({"iss": gateway.party}, "", algorithm="none"), gateway.token(iss="mou-zichan")]
    signed = [gateway.token(aud="other"), gateway.token(exp=4_000_000_000)]
    for token, status in [*((token, 403) for token in unproven), *((token, 401) for token in signed)]:
        refused = httpx.post(f"{stack.url}/v1/verify", json=message, headers={"Authorization": f"Bearer {token}"})
        assert refused.status_code == status, token


def test_a_party_without_the_role_gets_a_403_that_says_why(creditor: Caller, message: dict[str, Any]) -> None:
    answer = creditor.post("/v1/verify", message)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")


def test_a_bad_body_gets_its_problem_and_repeats_nothing(gateway: Caller, message: dict[str, Any]) -> None:
    bad = gateway.post("/v1/verify", {**message, "recipient": "13812345678", "surplus": 1})
    assert bad.status_code == 422
    assert "13812345678" not in bad.text
    headers = {"Authorization": f"Bearer {gateway.token()}", "Content-Type": "application/json"}
    broken = gateway.http.post("/v1/verify", content=b'{"message_id": ', headers=headers)
    assert (broken.status_code, broken.json()["type"]) == (400, "urn:duecare:problem:unreadable")


def test_public_routes_need_no_token(stack: Stack) -> None:
    discovery = httpx.get(f"{stack.url}/.well-known/duecare").json()
    assert discovery["issuer"] == stack.outputs["Issuer"]
    assert discovery["jwks_uri"] == f"{stack.url}/.well-known/jwks.json"
    assert httpx.get(discovery["jwks_uri"]).json()["keys"][0]["crv"] == "Ed25519"
    assert httpx.get(f"{stack.url}/v1/status").status_code == 200
    assert httpx.get(f"{stack.url}/openapi.json").json()["openapi"].startswith("3.1")


def read_receipt(stack: Stack, receipt: str) -> dict[str, Any]:
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{stack.url}/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(receipt)
    assert header["typ"] == "decision+jws"
    key = keys[header["kid"]]
    return dict(jwt.decode(receipt, key, algorithms=["EdDSA"], issuer=stack.outputs["Issuer"]))
