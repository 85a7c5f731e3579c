"""Acceptance of statements: entitled parties, repetitions, conflicts, rejections."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from duecare.usecases import table
from duecare_core.errors import BadToken, NotAllowed, StoreFailed
from duecare_core.evidence.jose import keys
from duecare_core.evidence.jose.proof import proven_jwk
from duecare_core.evidence.statement import read_sealed, sign, statement_id
from tests.functional.keys import p256
from tests.support.world import (
    DAY,
    ISSUER,
    KEYS,
    RECIPIENT,
    World,
    consent_members,
    debt_members,
    mandate_members,
    stamp,
)


@pytest.fixture
def world() -> World:
    return World().honest()


def problem(world: World, party: str, kind: str, /, **members: Any) -> str:
    result = world.state(party, kind, **members)
    assert result.status == "rejected"
    assert result.problem is not None
    codes = [violation.code for violation in result.problem.errors]
    return codes[0] if codes else result.problem.name


def test_a_statement_is_stored_sealed_with_the_state_it_made(world: World) -> None:
    token = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="B"))
    (result,) = world.state_all("mou-zichan", [token])
    key = table.statement(result.statement_id)
    document = world.documents.get([key])[key]
    assert result.statement_id == statement_id(token)
    assert read_sealed(world.sealer.open(document.sealed)) == (token, result.acknowledgement)
    assert RECIPIENT.encode() not in document.body


def test_the_same_jws_twice_changes_nothing(world: World) -> None:
    token = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="B"))
    assert [result.status for result in world.state_all("mou-zichan", [token, token])] == ["accepted", "unchanged"]


def test_the_same_content_under_a_new_iat_is_unchanged_and_names_the_first_statement(world: World) -> None:
    first = world.debt(debt_ref="B", outstanding="5", as_of="2026-11-23T12:00:00+00:00")
    world.now += timedelta(minutes=5)
    members = debt_members(world.now, debt_ref="B", outstanding="5.00", as_of="2026-11-23T20:00:00+08:00")
    again = world.state("mou-zichan", "debt", **members)
    assert (again.status, again.same_as) == ("unchanged", first)
    assert again.statement_id != first


def test_a_repeated_dispute_names_the_one_to_answer(world: World) -> None:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "paid", "received_at": stamp(world.now)}
    first = world.accepted("xinxi", "dispute", **members)
    world.now += timedelta(minutes=5)
    again = world.state("xinxi", "dispute", **members)
    assert (again.status, again.same_as) == ("unchanged", first)


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("debt", debt_members(World().now, outstanding="5")),
        ("consent", consent_members(World().now, method="web")),
        ("mandate", mandate_members(World().now, channels=["sms", "voice"])),
    ],
)
def test_other_content_at_the_same_instant_is_a_conflict(world: World, kind: str, members: dict[str, Any]) -> None:
    assert problem(world, "mou-zichan", kind, **members) == "conflict"


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("debt", debt_members(World().now, as_of=stamp(World().now - 2 * DAY), status="settled")),
        ("consent", consent_members(World().now, granted_at=stamp(World().now - 40 * DAY))),
        ("mandate", mandate_members(World().now, as_of=stamp(World().now - 2 * DAY), status="revoked")),
    ],
)
def test_an_older_statement_is_accepted_and_superseded(world: World, kind: str, members: dict[str, Any]) -> None:
    assert world.state("mou-zichan", kind, **members).status == "accepted"
    assert world.reasons() == []


def test_a_rejected_statement_does_not_affect_the_others_of_the_call(world: World) -> None:
    good = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="B"))
    bad = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="C", outstanding="-1"))
    assert [result.status for result in world.state_all("mou-zichan", [bad, good, "garbage"])] == [
        "rejected",
        "accepted",
        "rejected",
    ]


# Who may


@pytest.mark.parametrize("party", ["keji", "xinxi", "yunyingshang", "shenji"])
@pytest.mark.parametrize("kind", ["consent", "debt", "mandate"])
def test_only_a_creditor_states_consent_debt_and_mandate(world: World, party: str, kind: str) -> None:
    members = {"consent": consent_members, "debt": debt_members, "mandate": mandate_members}[kind](world.now)
    assert problem(world, party, kind, **members) == "wrong-role"


def test_a_creditor_states_stops_for_itself_only(world: World) -> None:
    stop = {"recipient": RECIPIENT, "received_at": stamp(world.now)}
    assert problem(world, "mou-zichan", "opt-out", **stop, creditor="other-bank") == "not-its-own"
    assert world.state("mou-zichan", "opt-out", **stop, creditor="mou-zichan").status == "accepted"
    assert problem(world, "mou-zichan", "opt-out", **stop, creditor="*") == "wrong-role"
    assert problem(world, "keji", "opt-out", **stop, creditor="*") == "wrong-role"


def test_a_collector_states_stops_for_creditors_that_gave_it_a_mandate(world: World) -> None:
    stop = {"recipient": RECIPIENT, "received_at": stamp(world.now)}
    assert problem(world, "keji", "opt-out", **stop, creditor="other-bank") == "not-its-own"
    assert problem(world, "other-collector", "opt-out", **stop, creditor="mou-zichan") == "not-its-own"
    assert world.state("keji", "opt-out", **stop, creditor="mou-zichan").status == "accepted"


def test_a_stop_for_an_unknown_creditor_is_rejected(world: World) -> None:
    stop = {"recipient": RECIPIENT, "received_at": stamp(world.now), "creditor": "mou-zichen"}
    assert problem(world, "xinxi", "opt-out", **stop) == "unknown-creditor"


def test_a_suspended_party_may_still_state_protective_kinds(world: World) -> None:
    world.operate.suspend("mou-zichan")
    stop = world.jws("mou-zichan", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    debt = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="B"))
    results = world.state_all("mou-zichan", [debt, stop])
    assert [result.status for result in results] == ["rejected", "accepted"]
    assert results[0].problem is not None
    assert (results[0].problem.status, results[0].problem.name) == (403, "party-suspended")


def test_a_statement_of_a_suspended_party_that_protects_nobody_is_refused_in_its_own_result(world: World) -> None:
    world.operate.suspend("mou-zichan")
    result = world.state("mou-zichan", "debt", **debt_members(world.now))
    assert (result.status, result.problem and result.problem.name) == ("rejected", "party-suspended")


def test_a_suspended_gateway_may_report_a_stop_but_not_a_start(world: World) -> None:
    """A START opens the way for messages, so a gateway that was suspended for inventing replies cannot report one."""
    world.verify(message_id="m-1")
    world.operate.suspend("xinxi")
    reply = {"recipient": RECIPIENT, "message_id": "m-1", "received_at": stamp(world.now)}
    results = [world.state("xinxi", "reply", text=text, **reply) for text in ("START", "hello", "T")]
    assert [result.status for result in results] == ["rejected", "rejected", "accepted"]
    assert [result.problem and result.problem.status for result in results] == [403, 403, None]
    assert results[2].read_as == "opt_out"


def test_a_revoked_key_and_an_ended_token_are_refused_at_once(world: World) -> None:
    caller = world.caller("mou-zichan")
    token = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="B"))
    world.now += timedelta(hours=1, seconds=61)
    with pytest.raises(BadToken):
        world.state_use_case(caller, [token])
    world.now -= timedelta(hours=1)
    world.operate.revoke_key("mou-zichan", caller.kid)
    with pytest.raises(NotAllowed):
        world.state_use_case(caller, [token])


def test_an_es256_signature_in_der_form_is_rejected_with_an_error_that_says_so(world: World) -> None:
    jwk = p256()
    world.operate.add_key("mou-zichan", proven_jwk(jwk, world.now))
    header = {"alg": "ES256", "kid": keys.thumbprint(jwk), "typ": "debt+jws"}
    claims = {"iss": "mou-zichan", "aud": ISSUER, "iat": int(world.now.timestamp())} | debt_members(world.now)
    start = ".".join(keys.b64(json.dumps(part).encode()) for part in (header, claims))
    signature = jwt.PyJWK({**jwk, "alg": "ES256"}).key.sign(start.encode(), ECDSA(SHA256()))
    der = f"{start}.{keys.b64(signature)}"
    result, other = world.state_use_case(world.caller("mou-zichan"), [der, f"{start}.{keys.b64(b's' * 64)}"])
    assert result.problem
    assert "DER" in result.problem.errors[0].message
    assert "RFC 7518" in result.problem.errors[0].message
    assert other.problem
    assert "DER" not in other.problem.errors[0].message


# Replies


@pytest.mark.parametrize(
    "text", ["T", "t ", "TD", "R", "N", "退订", " 退订!", "拒收", "停止", "不要发了", "“T”", "Stop."]
)
@pytest.mark.parametrize("how", [{"creditor": "mou-zichan"}, {"message_id": "m-1"}])
def test_an_opt_out_word_stops_the_creditor_at_once(world: World, text: str, how: dict[str, str]) -> None:
    world.verify(message_id="m-1")
    result = world.state("xinxi", "reply", recipient=RECIPIENT, text=text, received_at=stamp(world.now), **how)
    assert (result.status, result.read_as) == ("accepted", "opt_out")
    assert world.reasons() == ["OPTED_OUT"]


def test_other_words_are_kept_and_stop_nothing(world: World) -> None:
    result = world.state(
        "xinxi", "reply", recipient=RECIPIENT, creditor="mou-zichan", text="好的,明天还", received_at=stamp(world.now)
    )
    assert (result.status, result.read_as) == ("accepted", "none")
    assert world.reasons() == []


def test_a_repeated_reply_is_answered_with_its_meaning(world: World) -> None:
    token = world.jws(
        "xinxi", "reply", recipient=RECIPIENT, creditor="mou-zichan", text="T", received_at=stamp(world.now)
    )
    results = world.state_all("xinxi", [token, token])
    assert [(result.status, result.read_as) for result in results] == [
        ("accepted", "opt_out"),
        ("unchanged", "opt_out"),
    ]


def test_a_reply_to_a_message_that_went_to_another_number_is_rejected(world: World) -> None:
    world.verify(message_id="m-1")
    reply = {"message_id": "m-1", "text": "T", "received_at": stamp(world.now)}
    assert problem(world, "xinxi", "reply", recipient="+8613912345678", **reply) == "another-recipient"
    assert problem(world, "xinxi", "reply", recipient=RECIPIENT, **(reply | {"message_id": "m-2"})) == "unknown-message"
    neither = {"text": "T", "received_at": stamp(world.now)}
    assert problem(world, "xinxi", "reply", recipient=RECIPIENT, **neither) == "one-of"


def test_a_reply_to_an_unknown_message_counts_for_the_creditor_named_with_it(world: World) -> None:
    reply = {"message_id": "m-9", "creditor": "mou-zichan", "text": "T", "received_at": stamp(world.now)}
    world.accepted("xinxi", "reply", recipient=RECIPIENT, **reply)
    assert world.reasons() == ["OPTED_OUT"]


# Bad statements

BAD: list[tuple[dict[str, Any], str]] = [
    ({"recipient": "13812345678"}, "wrong-type-or-form"),
    ({"recipient": "+86 138 1234 5678"}, "wrong-type-or-form"),
    ({"recipient": "+8613812345678\n"}, "wrong-type-or-form"),
    ({"recipient": "+1202555"}, "not-e164"),
    ({"recipient": "+440791112345"}, "not-e164"),
    ({"outstanding": "-1"}, "wrong-type-or-form"),
    ({"outstanding": "1e5"}, "wrong-type-or-form"),
    ({"outstanding": "1" * 30}, "wrong-type-or-form"),
    ({"outstanding": "0"}, "nothing-owed"),
    ({"outstanding": 27911}, "wrong-type-or-form"),
    ({"outstanding": "1.001"}, "too-precise"),
    ({"currency": "XYZ"}, "unknown-currency"),
    ({"currency": "cny"}, "wrong-type-or-form"),
    ({"currency": "JPY", "outstanding": "1.5"}, "too-precise"),
    ({"as_of": "2026-11-23T09:00:00"}, "wrong-type-or-form"),
    ({"as_of": "2026-11-24T09:00:01+00:00"}, "dated-ahead"),
    ({"as_of": "yesterday"}, "wrong-type-or-form"),
    ({"valid_until": "2026-12-29T09:00:01+00:00"}, "too-long"),
    ({"valid_until": "2026-11-01T00:00:00+00:00"}, "out-of-order"),
    ({"time_zone": "Asia/Atlantis"}, "unknown-time-zone"),
    ({"time_zone": "../../etc/passwd"}, "wrong-type-or-form"),
    ({"as_of": "9999-12-31T23:59:59-01:00"}, "out-of-range"),
    ({"as_of": "0001-01-01T00:00:00+01:00"}, "out-of-range"),
    ({"valid_until": "9999-12-31T23:59:59-01:00"}, "out-of-range"),
    ({"debt_ref": "A\u0007"}, "wrong-type-or-form"),
    ({"debt_ref": ""}, "wrong-type-or-form"),
    ({"status": "sold"}, "unknown-value"),
    ({"note": "hello"}, "unknown-member"),
    ({"iat": 1e13}, "wrong-type-or-form"),
    ({"iat": 1800000000}, "in-the-future"),
    ({"aud": "https://elsewhere.example"}, "wrong-audience"),
    ({"iss": "other-bank"}, "not-the-issuer"),
]


@pytest.mark.parametrize(("change", "code"), BAD, ids=[f"{next(iter(change))}-{code}" for change, code in BAD])
def test_a_bad_debt_is_rejected_by_name_and_never_repeated(world: World, change: dict[str, Any], code: str) -> None:
    before = dict(world.documents._documents)
    members = debt_members(world.now, debt_ref="B") | change
    result = world.state("mou-zichan", "debt", **members)
    assert result.status == "rejected"
    assert result.problem is not None
    named = [violation.code for violation in result.problem.errors] or [result.problem.name]
    assert code in named
    told = result.problem.detail + "".join(map(str, result.problem.errors))
    assert "138" not in told
    assert "hello" not in told
    assert world.documents._documents == before


def test_a_number_has_one_spelling_and_a_stop_in_another_holds_for_it(world: World) -> None:
    for spelling in ("+4407911123456", "+86013812345678"):
        consent = consent_members(world.now, recipient=spelling)
        assert problem(world, "mou-zichan", "consent", **consent) == "not-e164"
    assert world.reasons() == []
    stop = {"recipient": "+86013812345678", "creditor": "mou-zichan", "received_at": stamp(world.now)}
    world.accepted("xinxi", "opt-out", **stop)
    assert world.reasons() == ["OPTED_OUT"]
    nobody = stop | {"recipient": "+1202555"}
    assert problem(world, "xinxi", "opt-out", **nobody) == "not-e164"


def test_the_digest_of_an_identity_is_not_at_rest_for_it_can_be_guessed(world: World) -> None:
    digest = "sha256:" + "a" * 64
    world.debt(debt_ref="B", subject=digest)
    world.consent(granted_at=stamp(world.now), subject=digest)
    assert all(b"a" * 64 not in one.body for one in world.documents._documents.values())


def test_a_call_that_takes_too_long_is_given_up_and_goes_on_where_it_stood(world: World) -> None:
    tokens = [world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref=f"D-{n}")) for n in range(3)]
    commit, world.documents.commit = world.documents.commit, lambda documents: (commit(documents), slow())[0]

    def slow() -> None:
        world.now += timedelta(seconds=10)

    with pytest.raises(StoreFailed):
        world.state_all("mou-zichan", tokens)
    results = [result.status for result in world.state_all("mou-zichan", tokens)]
    assert results == ["unchanged", "unchanged", "accepted"]


def test_a_statement_signed_by_another_partys_key_is_rejected(world: World) -> None:
    members = {"iss": "mou-zichan", "aud": ISSUER, "iat": int(world.now.timestamp()), **debt_members(world.now)}
    (result,) = world.state_all("mou-zichan", [sign("debt", members, KEYS["other-bank"])])
    assert result.problem is not None
    assert result.problem.errors[0].code == "unknown-key"


def test_a_signature_that_does_not_verify_is_rejected(world: World) -> None:
    token = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="B"))
    header, payload, signature = token.split(".")
    other = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="C")).split(".")[1]
    for forged in (
        f"{header}.{other}.{signature}",
        f"{header}.{payload}.{keys.b64(bytes(64))}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.{signature}",
        f"{header}.{payload}.{signature} ",
        f"{header}.{payload}.{signature}\n",
    ):
        (result,) = world.state_all("mou-zichan", [forged])
        assert result.status == "rejected"


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"none","kid":"KID","typ":"debt+jws"}',
        '{"alg":"HS256","kid":"KID","typ":"debt+jws"}',
        '{"alg":"ES256","kid":"KID","typ":"debt+jws"}',
        '{"alg":"EdDSA","kid":"KID","typ":"JWT"}',
        '{"alg":"EdDSA","kid":"KID","typ":"debts+jws"}',
        '{"alg":"EdDSA","kid":"KID"}',
        '{"alg":"EdDSA","kid":"KID","typ":"debt+jws","crit":["b64"],"b64":false}',
        '{"alg":"EdDSA","kid":"KID","typ":"debt+jws","jku":"https://elsewhere.example"}',
        '{"alg":"EdDSA","alg":"none","kid":"KID","typ":"debt+jws"}',
        '{"alg":"EdDSA","kid":5,"typ":"debt+jws"}',
        "[]",
        "not json",
    ],
)
def test_a_header_out_of_the_contract_is_rejected(world: World, header: str) -> None:
    token = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="B"))
    _, payload, signature = token.split(".")
    made = header.replace("KID", keys.thumbprint(KEYS["mou-zichan"]))
    (result,) = world.state_all("mou-zichan", [f"{keys.b64(made.encode())}.{payload}.{signature}"])
    assert result.status == "rejected"
