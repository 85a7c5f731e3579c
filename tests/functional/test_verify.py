"""POST /v1/verify, from the event to the response."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from tests.functional.conftest import RECIPIENT, Stack
from tests.support import events
from tests.support.world import CASE_TEXT, ISSUER, stamp


def read_receipt(stack: Stack, receipt: str) -> dict[str, Any]:
    """The receipt's claims, verified as a gateway would: PyJWT and the published keys."""
    keys = jwt.PyJWKSet.from_dict(stack.send("verify-jwks").body)
    header = jwt.get_unverified_header(receipt)
    assert header == {"alg": "EdDSA", "kid": header["kid"], "typ": "decision+jws"}
    claims: dict[str, Any] = jwt.decode(
        receipt, keys[header["kid"]], algorithms=["EdDSA"], issuer=ISSUER, options={"require": ["iat", "exp", "jti"]}
    )
    return claims


def test_the_message_of_the_case_is_denied_with_both_reasons(stack: Stack) -> None:
    stack.register()
    answer = stack.send("verify-honest")
    assert (answer.status, answer.body["decision"]) == (200, "deny")
    assert {"CONSENT_MISSING", "DEBT_MISSING"} <= set(answer.reasons)


def test_an_honest_message_is_allowed_with_a_receipt_that_verifies(stack: Stack) -> None:
    answer = stack.honest().verify()
    assert (answer.status, answer.body["decision"], answer.reasons) == (200, "allow", [])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    claims = read_receipt(stack, answer.body["receipt"])
    assert claims["jti"] == answer.body["decision_id"]
    assert claims["decision"] == "allow"
    assert claims["text_sha256"] == "sha256:" + hashlib.sha256(CASE_TEXT.encode()).hexdigest()
    assert claims["exp"] == int(datetime.fromisoformat(answer.body["valid_until"]).timestamp())
    assert claims["exp"] - claims["iat"] == 120
    assert len(claims["relied_on"]) == 3


def test_the_record_is_in_the_table_before_the_answer_is_returned(stack: Stack) -> None:
    answer = stack.honest().verify()
    assert [item["sk"]["S"] for item in stack.items() if item["pk"]["S"] == f"X#{answer.body['decision_id']}"] == ["X"]


def test_the_disclosure_url_is_on_the_domain_that_was_called(stack: Stack) -> None:
    answer = stack.honest().verify()
    assert answer.body["disclosure_url"] == f"https://duecare.example/m/{answer.body['decision_id']}"


def test_a_configured_public_url_is_used_instead(stack: Stack) -> None:
    stack.restart(DUECARE_PUBLIC_URL="https://check.example/")
    answer = stack.honest().verify()
    assert answer.body["disclosure_url"] == f"https://check.example/m/{answer.body['decision_id']}"


def test_a_body_in_base64_is_the_same_body(stack: Stack) -> None:
    first = stack.honest().send("verify-honest")
    assert stack.send("verify-base64").body == {**first.body, "replayed": True}


# Asked again


def test_the_same_message_again_is_the_same_decision_replayed(stack: Stack) -> None:
    first = stack.honest().verify()
    before = stack.items()
    assert stack.verify().body == {**first.body, "replayed": True}
    assert stack.items() == before


def test_after_a_stop_the_same_message_is_denied_as_the_next_attempt(stack: Stack) -> None:
    first = stack.honest().verify()
    stack.one("xinxi", "reply", recipient=RECIPIENT, creditor="mou-zichan", text="T", received_at=stamp(stack.now))
    second = stack.verify()
    assert (second.body["decision"], second.reasons, second.body["replayed"]) == ("deny", ["OPTED_OUT"], False)
    assert (second.body["decision_id"], second.body["attempt"]) == (first.body["decision_id"], 2)


def test_another_message_under_the_same_id_is_a_conflict(stack: Stack) -> None:
    stack.honest().verify()
    before = stack.items()
    answer = stack.verify(text=CASE_TEXT + "!")
    assert (answer.status, answer.problem) == (409, "message-id-reused")
    assert stack.items() == before


def test_two_gateways_may_use_the_same_message_id(stack: Stack) -> None:
    stack.honest().operate(**events.load("admin-add-xinxi") | {"id": "other", "key": events.proven("other")})
    assert stack.verify().body["decision_id"] != stack.verify("other").body["decision_id"]


def test_a_message_for_later_is_a_rehearsal_with_a_decision_of_its_own(stack: Stack) -> None:
    later = stack.honest().verify(send_at=stamp(stack.now + timedelta(hours=2)))
    real = stack.verify()
    assert (later.body["provisional"], real.body["provisional"]) == (True, False)
    assert later.body["decision_id"] != real.body["decision_id"]


@pytest.mark.parametrize("ahead", [timedelta(seconds=-300), timedelta(days=8)], ids=str)
def test_a_time_out_of_range_is_not_judged(stack: Stack, ahead: timedelta) -> None:
    before = stack.honest().items()
    answer = stack.verify(send_at=stamp(stack.now + ahead))
    assert (answer.status, answer.problem, answer.pointers[0][0]) == (422, "unacceptable", "/send_at")
    assert stack.items() == before


def test_a_shadow_decision_is_recorded_and_not_enforced(stack: Stack) -> None:
    answer = stack.honest().verify(shadow=True)
    assert (answer.body["decision"], answer.body["enforced"]) == ("allow", False)
    assert read_receipt(stack, answer.body["receipt"])["decision"] == "allow"


# Languages


@pytest.mark.parametrize(
    ("accepts", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("*", "en"),
        ("fr, de;q=0.5", "en"),
        ("zh", "zh-CN"),
        ("zh-CN", "zh-CN"),
        ("ZH-cn", "zh-CN"),
        ("zh-Hant-TW, en;q=0.5", "zh-CN"),
        ("en, zh;q=0.9", "en"),
        ("en;q=0.1, zh-CN; q=0.9", "zh-CN"),
        ("en ; q=0.9 , zh-CN ; q=0.1", "en"),
        ("zh;q=nonsense, en;q=0.3", "en"),
        ("zh;q=0, en;q=0.3", "en"),
        ("," * 5000 + "zh", "en"),
    ],
)
def test_reasons_are_in_the_requested_language(stack: Stack, accepts: str | None, language: str) -> None:
    stack.register()
    event = events.load("verify-honest")
    if accepts is not None:
        event["headers"]["accept-language"] = accepts
    answer = stack.call(event)
    chinese = ["一" <= reason["message"][0] <= "鿿" for reason in answer.body["reasons"]]
    assert chinese
    assert set(chinese) == {language == "zh-CN"}
    assert (answer.headers["content-language"], answer.headers["vary"]) == (language, "Accept-Language")


def test_the_language_changes_nothing_but_the_sentences(stack: Stack) -> None:
    stack.register()
    english, chinese = stack.send("verify-honest").body, stack.send("verify-chinese").body
    assert english["receipt"] == chinese["receipt"]


# Who may ask


def test_without_an_authorizer_the_route_refuses(stack: Stack) -> None:
    stack.honest()
    answer = stack.send("verify-no-authorizer")
    assert (answer.status, answer.problem) == (403, "not-allowed")


@pytest.mark.parametrize("admitted", [{}, {"party": "xinxi"}, {"party": "xinxi", "kid": "x", "exp": "soon"}, None])
def test_an_authorizer_context_that_cannot_be_read_opens_nothing(stack: Stack, admitted: Any) -> None:
    context = stack.honest().as_party("xinxi") | {"authorizer": {"lambda": admitted}}
    answer = stack.send("verify-honest", requestContext=context)
    assert (answer.status, answer.problem) == (403, "not-allowed")


@pytest.mark.parametrize("party", ["mou-zichan", "keji", "yunyingshang", "shenji"])
def test_only_a_gateway_may_ask(stack: Stack, party: str) -> None:
    before = stack.honest().items()
    answer = stack.verify(party)
    assert (answer.status, answer.problem) == (403, "wrong-role")
    assert stack.items() == before


def test_a_suspended_gateway_is_answered_with_a_deny(stack: Stack) -> None:
    stack.honest().operate("party-suspend", id="xinxi")
    answer = stack.verify()
    assert (answer.status, answer.body["decision"], answer.reasons) == (200, "deny", ["GATEWAY_SUSPENDED"])


@pytest.mark.parametrize(("party", "reason"), [("mou-zichan", "CREDITOR_SUSPENDED"), ("keji", "COLLECTOR_SUSPENDED")])
def test_a_suspension_counts_at_once_and_ends_at_once(stack: Stack, party: str, reason: str) -> None:
    stack.honest().operate("party-suspend", id=party)
    assert stack.verify(message_id="during").reasons == [reason]
    stack.operate("party-resume", id=party)
    assert stack.verify(message_id="after").reasons == []


@pytest.mark.parametrize("halted", [{}, {"creditor": "mou-zichan"}, {"gateway": "xinxi"}], ids=str)
def test_a_halt_counts_at_once_and_ends_at_once(stack: Stack, halted: dict[str, str]) -> None:
    stack.honest().operate("halt", on=True, **halted)
    assert stack.verify(message_id="during").reasons == ["HALTED"]
    stack.operate("halt", on=False, **halted)
    assert stack.verify(message_id="after").reasons == []


def test_a_revoked_key_is_refused_at_once_although_the_authorizer_caches_it(stack: Stack) -> None:
    context = stack.honest().as_party("xinxi")
    kid = context["authorizer"]["lambda"]["kid"]
    assert stack.operate("key-revoke", id="xinxi", kid=kid)["status"] == 200
    before = stack.items()
    answer = stack.send("verify-honest", requestContext=context)
    assert (answer.status, answer.problem) == (403, "key-refused")
    assert stack.items() == before


def test_a_token_that_expired_while_the_authorizer_cached_it_is_refused(stack: Stack) -> None:
    before = stack.honest().items()
    exp = str(int(stack.now.timestamp()) - 90)
    answer = stack.send("verify-honest", requestContext=stack.as_party("xinxi", exp=exp))
    assert (answer.status, answer.problem) == (401, "token-expired")
    assert stack.items() == before


def test_a_token_within_the_clock_skew_still_counts(stack: Stack) -> None:
    exp = str(int(datetime.now(UTC).timestamp()) - 30)
    assert stack.honest().send("verify-honest", requestContext=stack.as_party("xinxi", exp=exp)).status == 200


def test_another_partys_key_is_refused(stack: Stack) -> None:
    kid = stack.honest().as_party("keji")["authorizer"]["lambda"]["kid"]
    answer = stack.send("verify-honest", requestContext=stack.as_party("xinxi", kid=kid))
    assert (answer.status, answer.problem) == (403, "key-refused")


def test_an_unregistered_party_is_refused(stack: Stack) -> None:
    answer = stack.send("verify-honest")
    assert (answer.status, answer.problem) == (403, "key-refused")
    assert stack.items() == []


# Metrics


def test_each_outcome_is_counted_without_personal_data(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.honest()
    capsys.readouterr()
    stack.verify(message_id="secret-of-the-gateway")
    stack.verify(message_id="m-2", text="no sign")
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [metric for metric in ("Allowed", "Denied") if metric in metrics[0]] == ["Allowed"]
    assert [metric for metric in ("Allowed", "Denied") if metric in metrics[1]] == ["Denied"]
    assert all(metric["service"] == "test" for metric in metrics)
    assert "secret-of-the-gateway" not in json.dumps(metrics)
