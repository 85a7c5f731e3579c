"""POST /v1/statements, from the event to what becomes of each statement."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import aws_encryption_sdk
import botocore.session
import pytest

from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import b64, public_jwk, thumbprint, unb64
from duecare_core.evidence.jose.proof import proven_jwk
from duecare_core.evidence.statement import read_sealed, sign, statement_id
from tests.functional.conftest import RECIPIENT, Stack, leaks
from tests.functional.keys import p256
from tests.support import events
from tests.support.world import (
    ISSUER,
    OUTSTANDING,
    consent_members,
    debt_members,
    mandate_members,
    stamp,
)

HOUR = timedelta(hours=1)


def rejected(stack: Stack, token: str, party: str = "mou-zichan") -> dict[str, Any]:
    """The problem of a statement that must not be stored, while a good one in the same call counts."""
    before = [item for item in stack.items() if item["pk"]["S"] not in ("P#mou-zichan", "P#xinxi")]
    answer = stack.state(party, token)
    (result,) = answer.body["results"]
    assert (answer.status, result["status"]) == (200, "rejected")
    assert result["statement_id"] == statement_id(token)
    told = json.dumps(answer.body, ensure_ascii=False)
    assert not leaks(told)
    assert "SECRET" not in told + stack.said.getvalue()
    assert [item for item in stack.items() if item["pk"]["S"] not in ("P#mou-zichan", "P#xinxi")] == before
    return dict(result["problem"])


def codes(problem: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in problem.get("errors", [])]


def name(problem: dict[str, Any]) -> str:
    return str(problem["type"]).removeprefix("urn:duecare:problem:")


# Accepted statements


def test_each_kind_of_statement_is_accepted_from_the_roles_that_may_state_it(stack: Stack) -> None:
    stack.honest()
    recipient = {"recipient": RECIPIENT, "creditor": "mou-zichan"}
    received = {"received_at": stamp(stack.now - HOUR)}
    assert stack.one("xinxi", "opt-out", **recipient, **received)["status"] == "accepted"
    assert stack.one("xinxi", "dispute", **recipient, claim="paid", **received)["status"] == "accepted"
    assert stack.one("xinxi", "reply", **recipient, text="嗯", **received)["read_as"] == "none"
    revoked = {"revoked_at": stamp(stack.now - HOUR)}
    assert stack.one("xinxi", "consent-revocation", **recipient, **revoked)["status"] == "accepted"
    moved = {"recipient": RECIPIENT, "effective_at": stamp(stack.now - HOUR)}
    assert stack.one("yunyingshang", "number-reassignment", **moved)["status"] == "accepted"


def test_the_same_statement_again_is_unchanged(stack: Stack) -> None:
    stack.register()
    token = stack.jws("mou-zichan", "consent", **consent_members(stack.now))
    first = stack.state("mou-zichan", token)
    before = stack.items()
    again = stack.state("mou-zichan", token, token)
    assert [result["status"] for result in first.body["results"]] == ["accepted"]
    assert [result["status"] for result in again.body["results"]] == ["unchanged"] * 2
    assert stack.items() == before


def test_the_same_content_under_a_new_iat_is_unchanged(stack: Stack) -> None:
    stack.register()
    members = consent_members(stack.now)
    first = stack.one("mou-zichan", "consent", **members)
    second = stack.one("mou-zichan", "consent", **members, iat=int(stack.now.timestamp()) - 5)
    assert (second["status"], second["same_as"]) == ("unchanged", first["statement_id"])


def test_another_content_of_the_same_instant_is_a_conflict(stack: Stack) -> None:
    stack.honest()
    members = debt_members(stack.now, outstanding="9431")
    problem = rejected(stack, stack.jws("mou-zichan", "debt", **members))
    assert (problem["status"], name(problem)) == (409, "conflict")
    assert stack.verify().body["decision"] == "allow"


def test_the_result_of_a_reply_says_how_it_was_read_each_time(stack: Stack) -> None:
    stack.honest()
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(stack.now)}
    token = stack.jws("xinxi", "reply", **members, text=" t。")
    assert stack.state("xinxi", token).body["results"][0]["read_as"] == "opt_out"
    assert stack.state("xinxi", token).body["results"][0]["read_as"] == "opt_out"
    start = stack.one("xinxi", "reply", **members | {"text": "START"})
    assert (start["status"], start["read_as"]) == ("accepted", "opt_in")


def test_a_reply_may_name_the_message_instead_of_the_creditor(stack: Stack) -> None:
    stack.honest().verify()
    members = {"recipient": RECIPIENT, "message_id": "m-1", "text": "T", "received_at": stamp(stack.now)}
    assert stack.one("xinxi", "reply", **members)["read_as"] == "opt_out"
    assert stack.verify().reasons == ["OPTED_OUT"]


def test_a_rejected_statement_does_not_affect_the_others_of_the_call(stack: Stack) -> None:
    stack.register()
    good = [
        stack.jws("mou-zichan", "mandate", **mandate_members(stack.now)),
        stack.jws("mou-zichan", "consent", **consent_members(stack.now)),
        stack.jws("mou-zichan", "debt", **debt_members(stack.now)),
    ]
    bad = ["not a statement", stack.jws("keji", "debt", **debt_members(stack.now))]
    answer = stack.state("mou-zichan", bad[0], good[0], good[1], bad[1], good[2])
    statuses = [result["status"] for result in answer.body["results"]]
    assert statuses == ["rejected", "accepted", "accepted", "rejected", "accepted"]
    assert stack.verify().body["decision"] == "allow"


def test_each_statement_is_kept_encrypted_and_can_be_opened_with_the_key(stack: Stack, secured: dict[str, str]) -> None:
    stack.register()
    token = stack.jws("mou-zichan", "consent", **consent_members(stack.now))
    stack.state("mou-zichan", token)
    (kept,) = [item for item in stack.items() if item["pk"]["S"] == f"S#{statement_id(token)}"]
    sealed = kept["sealed"]["B"]
    assert token.encode() not in sealed
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(
        key_ids=[secured["DUECARE_STATEMENT_KEY"]], botocore_session=botocore.session.get_session()
    )
    data, _ = aws_encryption_sdk.EncryptionSDKClient().decrypt(source=sealed, key_provider=provider)
    assert read_sealed(data).jws == token


# Signatures and who they are of


def with_header(token: str, **members: Any) -> str:
    """The same payload and signature under another header."""
    header, payload, signature = token.split(".")
    changed = json.loads(unb64(header)) | members
    kept = {member: value for member, value in changed.items() if value is not None}
    return f"{b64(json.dumps(kept).encode())}.{payload}.{signature}"


def with_payload(token: str, data: bytes) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{b64(data)}.{signature}"


FORGED: dict[str, Callable[[str], str]] = {
    "alg-none": lambda token: with_header(token, alg="none"),
    "alg-none-unsigned": lambda token: with_header(token, alg="none").rpartition(".")[0] + ".",
    "alg-hs256": lambda token: with_header(token, alg="HS256"),
    "alg-rs256": lambda token: with_header(token, alg="RS256"),
    "alg-of-another-key": lambda token: with_header(token, alg="ES256"),
    "unsigned": lambda token: token.rpartition(".")[0] + ".",
    "two-parts": lambda token: token.rpartition(".")[0],
    "four-parts": lambda token: token + ".e30",
    "another-signature": lambda token: token[:-10] + "A" * 10,
    "padded": lambda token: token + "==",
    "a-payload-changed": lambda token: with_payload(token, b'{"iss":"mou-zichan"}'),
    "a-payload-that-is-no-object": lambda token: with_payload(token, b'["SECRET"]'),
    "a-payload-not-utf-8": lambda token: with_payload(token, b'{"SECRET":"\xff"}'),
    "a-payload-with-a-member-twice": lambda token: with_payload(token, b'{"iss":"a","iss":"b"}'),
    "no-kid": lambda token: with_header(token, kid=None),
    "kid-of-nobody": lambda token: with_header(token, kid="nobody"),
    "kid-of-another-party": lambda token: with_header(token, kid=thumbprint(events.key("keji"))),
    "no-typ": lambda token: with_header(token, typ=None),
    "typ-of-a-token": lambda token: with_header(token, typ="JWT"),
    "typ-of-a-receipt": lambda token: with_header(token, typ="decision+jws"),
    "typ-of-another-kind": lambda token: with_header(token, typ="debt+jws"),
    "an-embedded-key": lambda token: with_header(token, jwk=public_jwk(events.key("keji"))),
    "a-key-address": lambda token: with_header(token, jku="https://SECRET.example/jwks.json"),
    "crit": lambda token: with_header(token, crit=["b64"], b64=False),
    "with-a-space": lambda token: " " + token,
    "with-a-new-line": lambda token: token + "\n",
    "json-serialization": lambda token: json.dumps({"payload": token.split(".")[1]}),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_statement_that_is_not_properly_signed_is_rejected(stack: Stack, forged: str) -> None:
    stack.register()
    token = stack.jws("mou-zichan", "consent", **consent_members(stack.now))
    problem = rejected(stack, FORGED[forged](token))
    assert (problem["status"], name(problem)) == (422, "unacceptable")
    assert codes(problem)


def test_a_statement_signed_with_the_public_key_as_an_hmac_secret_is_rejected(stack: Stack) -> None:
    stack.register()
    public = events.key("mou-zichan")["x"].encode()
    token = stack.jws("mou-zichan", "consent", **consent_members(stack.now))
    start = with_header(token, alg="HS256").rpartition(".")[0]
    for secret in (public, unb64(public.decode())):
        problem = rejected(stack, f"{start}.{b64(hmac.digest(secret, start.encode(), 'sha256'))}")
        assert name(problem) == "unacceptable"


def test_a_statement_of_another_party_is_rejected_even_with_its_own_signature(stack: Stack) -> None:
    stack.register()
    token = stack.jws("mou-zichan", "consent", **consent_members(stack.now))
    assert name(rejected(stack, token, "xinxi")) == "unacceptable"


def test_a_statement_whose_iss_is_not_the_caller_is_rejected(stack: Stack) -> None:
    stack.register()
    token = stack.jws("mou-zichan", "consent", **consent_members(stack.now), iss="xinxi")
    problem = rejected(stack, token)
    assert (problem["status"], name(problem)) == (403, "not-the-issuer")


@pytest.mark.parametrize("audience", ["https://elsewhere.example", "", ISSUER + "/", [ISSUER], None], ids=str)
def test_a_statement_for_another_service_is_rejected(stack: Stack, audience: Any) -> None:
    stack.register()
    token = stack.jws("mou-zichan", "consent", **consent_members(stack.now), aud=audience)
    assert codes(rejected(stack, token))[0][0] == "/aud"


def test_a_statement_signed_with_a_revoked_key_is_rejected(stack: Stack) -> None:
    stack.register()
    new = events.key("mou-zichan, later")
    assert stack.operate("key-add", id="mou-zichan", key=proven_jwk(new, stack.now))["status"] == 200
    old = events.key("mou-zichan")
    stack.operate("key-revoke", id="mou-zichan", kid=thumbprint(old))
    claims = {"iss": "mou-zichan", "aud": ISSUER, "iat": int(stack.now.timestamp()), **consent_members(stack.now)}
    event = {"requestContext": stack.as_party("mou-zichan", kid=thumbprint(new))}
    tokens = [sign("consent", claims, old), sign("consent", claims, new)]
    answer = stack.send("state-honest", {"statements": tokens}, **event)
    assert [result["status"] for result in answer.body["results"]] == ["rejected", "accepted"]
    assert codes(answer.body["results"][0]["problem"]) == [("/kid", "unknown-key")]


def test_a_p256_key_signs_as_well(stack: Stack) -> None:
    stack.register()
    private = p256()
    assert stack.operate("key-add", id="mou-zichan", key=proven_jwk(private, stack.now))["status"] == 200
    claims = {"iss": "mou-zichan", "aud": ISSUER, "iat": int(stack.now.timestamp()), **consent_members(stack.now)}
    answer = stack.state("mou-zichan", sign("consent", claims, private))
    assert answer.body["results"][0]["status"] == "accepted"


# Members

ABSENT = object()
BAD_MEMBERS: dict[str, tuple[str, str, Any, str]] = {
    # name: (kind, member, value, code)
    "unknown-member": ("consent", "secret", "SECRET", "unknown-member"),
    "no-recipient": ("consent", "recipient", ABSENT, "missing"),
    "recipient-national": ("consent", "recipient", RECIPIENT[3:], "wrong-type-or-form"),
    "recipient-impossible": ("consent", "recipient", "+447911123456789", "not-e164"),
    "channel-unknown": ("consent", "channels", ["sms", "SECRET"], "unknown-value"),
    "no-channel": ("consent", "channels", [], "wrong-type-or-form"),
    "method-unknown": ("consent", "method", RECIPIENT, "unknown-value"),
    "notice-no-digest": ("consent", "notice", "SECRET", "wrong-type-or-form"),
    "notice-in-capitals": ("consent", "notice", "sha256:" + "A" * 64, "wrong-type-or-form"),
    "granted-without-offset": ("consent", "granted_at", "2026-10-01T10:00:00", "wrong-type-or-form"),
    "granted-as-a-number": ("consent", "granted_at", 1793500000, "wrong-type-or-form"),
    "granted-in-the-future": ("consent", "granted_at", "2099-01-01T00:00:00Z", "dated-ahead"),
    "expired-before-it-was-granted": ("consent", "expires_at", "2001-01-01T00:00:00Z", "out-of-order"),
    "time-zone-unknown": ("consent", "time_zone", "Asia/Nowhere", "unknown-time-zone"),
    "time-zone-a-path": ("consent", "time_zone", "../../etc/passwd", "wrong-type-or-form"),
    "iat-in-the-future": ("consent", "iat", 4_000_000_000, "in-the-future"),
    "iat-negative": ("consent", "iat", -1, "wrong-type-or-form"),
    "iat-a-string": ("consent", "iat", "1793500000", "wrong-type-or-form"),
    "iat-endless": ("consent", "iat", 1e300, "wrong-type-or-form"),
    "amount-negative": ("debt", "outstanding", "-1", "wrong-type-or-form"),
    "amount-with-a-plus": ("debt", "outstanding", "+1", "wrong-type-or-form"),
    "amount-with-an-exponent": ("debt", "outstanding", "1e5", "wrong-type-or-form"),
    "amount-of-30-digits": ("debt", "outstanding", "9" * 30, "wrong-type-or-form"),
    "amount-with-a-leading-zero": ("debt", "outstanding", "027911", "wrong-type-or-form"),
    "amount-with-a-comma": ("debt", "outstanding", "27,911", "wrong-type-or-form"),
    "amount-full-width": ("debt", "outstanding", "２７９１１", "wrong-type-or-form"),
    "amount-infinite": ("debt", "outstanding", "Infinity", "wrong-type-or-form"),
    "amount-not-a-number": ("debt", "outstanding", "NaN", "wrong-type-or-form"),
    "amount-a-json-number": ("debt", "outstanding", 27911.0, "wrong-type-or-form"),
    "amount-empty": ("debt", "outstanding", "", "wrong-type-or-form"),
    "amount-with-a-new-line": ("debt", "outstanding", "27911\n", "wrong-type-or-form"),
    "amount-too-precise": ("debt", "outstanding", "27911.005", "too-precise"),
    "amount-of-nothing": ("debt", "outstanding", "0.00", "nothing-owed"),
    "currency-unknown": ("debt", "currency", "XYZ", "unknown-currency"),
    "currency-in-small-letters": ("debt", "currency", "cny", "wrong-type-or-form"),
    "currency-gold": ("debt", "currency", "XAU", "unknown-currency"),
    "debt-ref-with-a-control-character": ("debt", "debt_ref", "A\x001", "wrong-type-or-form"),
    "debt-ref-empty": ("debt", "debt_ref", "", "wrong-type-or-form"),
    "as-of-in-the-future": ("debt", "as_of", "2099-01-01T00:00:00Z", "dated-ahead"),
    "valid-for-too-long": ("debt", "valid_until", "2099-01-01T00:00:00Z", "too-long"),
    "valid-before-it-was": ("debt", "valid_until", "2001-01-01T00:00:00Z", "out-of-order"),
    "status-unknown": ("debt", "status", "SECRET", "unknown-value"),
    "region-unknown": ("debt", "region", "China", "wrong-type-or-form"),
    "collectors-not-a-list": ("debt", "collectors", "keji", "wrong-type-or-form"),
    "an-answer-to-no-dispute": ("debt", "answers_dispute", "sha256:" + "0" * 64, "unknown-dispute"),
    "mandate-ends-before-it-begins": ("mandate", "valid_until", "2001-01-01T00:00:00Z", "out-of-order"),
    "mandate-for-all": ("mandate", "collector", "*", "wrong-type-or-form"),
}


@pytest.mark.parametrize("case", BAD_MEMBERS)
def test_a_member_that_cannot_be_accepted_is_named_by_its_place(stack: Stack, case: str) -> None:
    stack.register()
    kind, member, value, code = BAD_MEMBERS[case]
    members = {"consent": consent_members, "debt": debt_members, "mandate": mandate_members}[kind](stack.now)
    members = {key: other for key, other in members.items() if key != member}
    if value is not ABSENT:
        members[member] = value
    problem = rejected(stack, stack.jws("mou-zichan", kind, **members))
    assert problem["status"] == 422
    assert any(at.startswith(f"/{member}") and told == code for at, told in codes(problem)), problem


@pytest.mark.parametrize(
    "text", [None, "", "T" * 2001, 1, ["T"]], ids=lambda text: type(text).__name__ + str(len(str(text)))
)
def test_a_reply_without_a_text_of_its_own_is_rejected(stack: Stack, text: Any) -> None:
    stack.register()
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "text": text, "received_at": stamp(stack.now)}
    assert codes(rejected(stack, stack.jws("xinxi", "reply", **members), "xinxi"))[0][0] == "/text"


def test_a_reply_names_its_creditor_or_its_message(stack: Stack) -> None:
    members = {"recipient": RECIPIENT, "text": "T", "received_at": stamp(stack.honest().now)}
    assert codes(rejected(stack, stack.jws("xinxi", "reply", **members), "xinxi")) == [("/message_id", "one-of")]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"message_id": "never-asked"}, "unknown-message"),
        ({"message_id": "m-1", "recipient": "+8613912345678"}, "another-recipient"),
        ({"creditor": "nobody"}, "unknown-creditor"),
        ({"creditor": "keji"}, "unknown-creditor"),
    ],
    ids=["no-such-message", "another-recipient", "no-such-creditor", "not-a-creditor"],
)
def test_a_reply_to_an_unknown_message_or_creditor_is_rejected(
    stack: Stack, members: dict[str, str], problem: str
) -> None:
    stack.honest().verify()
    whole = {"recipient": RECIPIENT, "text": "T", "received_at": stamp(stack.now)} | members
    assert name(rejected(stack, stack.jws("xinxi", "reply", **whole), "xinxi")) == problem


# Who may


@pytest.mark.parametrize("party", ["keji", "xinxi", "yunyingshang", "shenji"])
@pytest.mark.parametrize("kind", ["consent", "debt", "mandate"])
def test_only_a_creditor_states_consents_debts_and_mandates(stack: Stack, party: str, kind: str) -> None:
    stack.register()
    members = {"consent": consent_members, "debt": debt_members, "mandate": mandate_members}[kind](stack.now)
    problem = rejected(stack, stack.jws(party, kind, **members), party)
    assert (problem["status"], name(problem)) == (403, "wrong-role")


def test_a_collector_without_a_mandate_may_not_speak_for_that_creditors_recipients(stack: Stack) -> None:
    stack.register()
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(stack.now)}
    problem = rejected(stack, stack.jws("keji", "opt-out", **members), "keji")
    assert (problem["status"], name(problem)) == (403, "not-its-own")


@pytest.mark.parametrize("party", ["keji", "mou-zichan"])
def test_only_a_gateway_states_a_stop_of_all(stack: Stack, party: str) -> None:
    stack.honest()
    members = {"recipient": RECIPIENT, "creditor": "*", "received_at": stamp(stack.now)}
    result = stack.one(party, "opt-out", **members)
    assert (result["status"], result["problem"]["type"]) == ("rejected", "urn:duecare:problem:wrong-role")
    assert stack.verify().reasons == []


def test_a_suspended_gateway_may_still_make_protective_statements(stack: Stack) -> None:
    stack.honest().operate("party-suspend", id="xinxi")
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "text": "T", "received_at": stamp(stack.now)}
    assert stack.one("xinxi", "reply", **members)["status"] == "accepted"


def test_only_protective_statements_of_a_suspended_creditor_count(stack: Stack) -> None:
    stack.honest().operate("party-suspend", id="mou-zichan")
    recipient = {"recipient": RECIPIENT, "creditor": "mou-zichan"}
    answer = stack.state(
        "mou-zichan",
        stack.jws("mou-zichan", "consent", **consent_members(stack.now, granted_at=stamp(stack.now))),
        stack.jws("mou-zichan", "consent-revocation", **recipient, revoked_at=stamp(stack.now)),
    )
    assert [result["status"] for result in answer.body["results"]] == ["rejected", "accepted"]
    assert name(answer.body["results"][0]["problem"]) == "party-suspended"


def test_a_suspended_creditor_that_states_nothing_protective_is_refused_in_each_result(stack: Stack) -> None:
    stack.register()
    stack.operate("party-suspend", id="mou-zichan")
    before = stack.items()
    answer = stack.send("state-honest")
    assert answer.status == 200
    assert [name(result["problem"]) for result in answer.body["results"]] == ["party-suspended"] * 3
    assert {result["problem"]["status"] for result in answer.body["results"]} == {403}
    assert stack.items() == before


@pytest.mark.parametrize(
    ("changes", "status", "problem"),
    [
        ({"exp": "1793500000"}, 401, "token-expired"),
        ({"kid": "nobody"}, 403, "key-refused"),
        ({"party": "nobody"}, 403, "key-refused"),
    ],
    ids=["expired", "unknown-key", "unregistered"],
)
def test_a_caller_that_only_the_authorizers_cache_knows_is_refused(
    stack: Stack, changes: dict[str, str], status: int, problem: str
) -> None:
    stack.register()
    before = stack.items()
    answer = stack.send("state-honest", requestContext=stack.as_party("mou-zichan", **changes))
    assert (answer.status, answer.problem) == (status, problem)
    assert stack.items() == before


def test_without_an_authorizer_the_route_refuses(stack: Stack) -> None:
    stack.register()
    answer = stack.send("state-honest", requestContext=events.load("verify-no-authorizer")["requestContext"])
    assert (answer.status, answer.problem) == (403, "not-allowed")


def test_the_result_of_a_statement_reveals_nothing_of_other_parties_statements(stack: Stack) -> None:
    """An opt-out is accepted alike whether or not the recipient has a debt."""
    stack.honest()
    results = [
        stack.one("xinxi", "opt-out", recipient=number, creditor="mou-zichan", received_at=stamp(stack.now))
        for number in (RECIPIENT, "+8613912345678")
    ]
    acknowledged = [jws.read(result.pop("acknowledgement")).payload for result in results]
    assert results[0] | {"statement_id": ""} == results[1] | {"statement_id": ""}
    own: dict[str, Any] = dict.fromkeys(("statement_id", "recipient", "recipient_salt", "iat"), "")
    own["chain"] = {"of": "mou-zichan", "seq": 1}
    for told in acknowledged:
        told["chain"].pop("head")
    assert acknowledged[0] | own == acknowledged[1] | own
    assert [told["chain"] for told in acknowledged] == [own["chain"]] * 2


def test_no_stored_item_holds_a_number_in_the_clear(stack: Stack) -> None:
    """The table knows recipients by pseudonym only, and statements only sealed."""
    stack.honest()
    told = json.dumps(stack.items(), default=lambda data: base64.b64encode(data).decode(), ensure_ascii=False)
    assert OUTSTANDING in told
    assert not leaks(told)


# Acknowledgements


def look_up(stack: Stack, statement_id: str, party: str = "xinxi") -> Any:
    event = events.load("evidence-statement") | {"pathParameters": {"id": statement_id}}
    event["requestContext"]["authorizer"] = stack.as_party(party)["authorizer"]
    return stack.call(event)


def test_an_accepted_statement_is_acknowledged_by_a_published_key_that_is_no_receipt_key(stack: Stack) -> None:
    stack.honest()
    result = stack.one("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(stack.now))
    assert result["effect"] == "in_force"
    read = jws.read(result["acknowledgement"])
    keys = {key["kid"]: key for key in stack.send("verify-jwks").body["keys"]}
    assert keys[read.kid]["purpose"] == "acknowledgement"
    jws.verify(result["acknowledgement"], keys[read.kid])
    assert jws.read(stack.verify().body["receipt"]).kid != read.kid


def test_the_acknowledgement_is_given_again_with_the_proof_of_the_log(stack: Stack) -> None:
    stack.honest()
    result = stack.one("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(stack.now))
    found = look_up(stack, result["statement_id"])
    assert (found.status, found.body["log"]) == (200, {"logged": False})
    stack.invoke("sequence", events.load("sequence-clock"))
    for asked in (result["statement_id"], result["statement_id"].replace(":", "%3A")):
        found = look_up(stack, asked)
        assert found.body["statement_id"] == result["statement_id"]
        assert found.body["acknowledgement"] == result["acknowledgement"]
        assert found.body["log"]["logged"] is True
        assert found.body["log"]["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    assert look_up(stack, result["statement_id"], "shenji").status == 200
    assert look_up(stack, result["statement_id"], "mou-zichan").problem == "unknown-statement"
