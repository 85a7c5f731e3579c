"""One message, one decision: idempotency, attempts, rehearsals, shadow, receipts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import jwt
import msgspec
import pytest

from duecare.ports import Document, Key
from duecare.runtime.responses import answer
from duecare.usecases import table
from duecare.usecases.audit.look_up import LookUp
from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_core.engine import engine
from duecare_core.errors import Conflict, NotAllowed, NotFound, StoreFailed, Unacceptable
from duecare_core.evidence.canonical import canonical, digest
from duecare_core.evidence.receipt import receipt
from duecare_core.evidence.record import as_json
from tests.support.memory import MemoryArchive
from tests.support.packs import PACK
from tests.support.world import CASE_TEXT, DAY, ISSUER, NOW, RECIPIENT, World, stamp


@pytest.fixture
def world() -> World:
    return World().honest()


def claims(world: World, decided: StoredDecision) -> dict[str, object]:
    """The claims of the receipt, verified without code of this project."""
    token = receipt(decided.record, ISSUER, decided.envelope.kid, decided.envelope.signature)
    (key,) = world.receipt_key.jwks()["keys"]
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "EdDSA", "kid": key["kid"], "typ": "decision+jws"}
    return jwt.decode(token, jwt.PyJWK(key), algorithms=["EdDSA"], options={"verify_exp": False, "verify_iat": False})


def test_the_receipt_says_what_was_decided_and_verifies(world: World) -> None:
    decided = world.verify(debt_ref="A-1")
    record = decided.record
    told = claims(world, decided)
    assert told == {
        "iss": ISSUER,
        "iat": int(world.now.timestamp()),
        "exp": int(world.now.timestamp()) + 120,
        "jti": record.decision_id,
        "attempt": 1,
        "provisional": False,
        "enforced": True,
        "gateway": "xinxi",
        "message_id": "m-1",
        "creditor": "mou-zichan",
        "collector": "keji",
        "channel": "sms",
        "decision": "allow",
        "reasons": [],
        "text_sha256": "sha256:" + hashlib.sha256(CASE_TEXT.encode()).hexdigest(),
        "recipient": "sha256:" + hashlib.sha256(bytes.fromhex(record.salt) + RECIPIENT.encode()).hexdigest(),
        "relied_on": list(record.relied_on),
        "rules_version": PACK.version,
        "engine": engine(),
        "rules_sha256": PACK.digest,
        "record_sha256": digest(canonical(as_json(record))),
    }
    assert len(record.relied_on) == 4


def test_the_same_question_again_is_replayed_with_the_same_receipt(world: World) -> None:
    first, again = world.verify(), world.verify()
    assert not first.replayed
    assert again.replayed
    assert again.record == first.record
    assert again.envelope == first.envelope


def test_an_expired_receipt_is_renewed_as_the_same_attempt(world: World) -> None:
    first = world.verify()
    world.now += timedelta(seconds=120)
    again = world.verify()
    assert again.replayed
    assert again.record.attempt == 1
    assert again.record.decision_id == first.record.decision_id
    assert again.record.valid_until == world.now + timedelta(seconds=120)
    assert claims(world, again)["exp"] == int(world.now.timestamp()) + 120


def test_another_outcome_is_recorded_as_the_next_attempt(world: World) -> None:
    first = world.verify()
    world.accepted("xinxi", "reply", recipient=RECIPIENT, message_id="m-1", text="T", received_at=stamp(world.now))
    second = world.verify()
    world.now += timedelta(seconds=1)
    world.accepted("xinxi", "reply", recipient=RECIPIENT, message_id="m-1", text="START", received_at=stamp(world.now))
    third = world.verify()
    assert [one.record.decision for one in (first, second, third)] == ["allow", "deny", "allow"]
    assert [one.record.attempt for one in (first, second, third)] == [1, 2, 3]
    assert {one.record.decision_id for one in (first, second, third)} == {first.record.decision_id}
    assert not second.replayed


@pytest.mark.parametrize(
    "change", [{"text": CASE_TEXT + "。"}, {"recipient": "+8613912345678"}, {"debt_ref": "A-1"}, {"shadow": True}]
)
def test_another_body_under_the_same_message_id_is_a_conflict(world: World, change: dict[str, object]) -> None:
    world.verify()
    with pytest.raises(Conflict) as conflict:
        world.verify(**change)
    assert conflict.value.name == "message-id-reused"


def test_two_gateways_may_use_the_same_message_id(world: World) -> None:
    one, other = world.verify("xinxi"), world.verify("other-gateway")
    assert one.record.decision_id != other.record.decision_id


def test_a_rehearsal_is_judged_at_its_instant_and_has_a_slot_of_its_own(world: World) -> None:
    world.debt(as_of=stamp(world.now), valid_until=stamp(world.now + 2 * DAY))
    real = world.verify()
    rehearsal = world.verify(send_at=world.now + 3 * DAY)
    assert (real.record.decision, real.record.provisional) == ("allow", False)
    assert (rehearsal.record.decision, rehearsal.record.provisional) == ("deny", True)
    assert rehearsal.record.reasons == ("DEBT_STALE",)
    assert rehearsal.record.decision_id != real.record.decision_id
    assert claims(world, rehearsal)["provisional"] is True


@pytest.mark.parametrize("seconds", [-120, 0, 120])
def test_a_send_at_about_now_is_the_real_message(world: World, seconds: int) -> None:
    assert not world.verify(send_at=world.now + timedelta(seconds=seconds)).record.provisional


@pytest.mark.parametrize("offset", [timedelta(seconds=-121), timedelta(days=7, seconds=1)])
def test_a_send_at_out_of_range_is_rejected(world: World, offset: timedelta) -> None:
    with pytest.raises(Unacceptable):
        world.verify(send_at=world.now + offset)


@pytest.mark.parametrize("send_at", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_an_extreme_send_at_is_rejected(world: World, send_at: datetime) -> None:
    with pytest.raises(Unacceptable):
        world.verify(send_at=send_at)


def test_a_shadow_decision_is_recorded_in_full_and_not_enforced(world: World) -> None:
    decided = world.verify(shadow=True)
    assert decided.record.decision == "allow"
    assert decided.record.enforced is False
    assert world.verify(message_id="m-2").record.enforced is True


def test_a_suspended_gateway_is_answered_with_a_deny(world: World) -> None:
    world.operate.suspend("xinxi")
    assert world.verify().record.reasons == ("GATEWAY_SUSPENDED",)


def test_only_a_gateway_may_ask(world: World) -> None:
    with pytest.raises(NotAllowed) as refused:
        world.verify("mou-zichan")
    assert refused.value.name == "wrong-role"


def test_a_revoked_key_is_rejected_despite_a_cached_authorization(world: World) -> None:
    world.operate.revoke_key("xinxi", world.caller("xinxi").kid)
    with pytest.raises(NotAllowed) as refused:
        world.verify()
    assert refused.value.name == "key-refused"


@pytest.mark.parametrize("number", ["+1202555", "+4407911123456", "+99912345678"])
def test_an_impossible_number_is_rejected(world: World, number: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        world.verify(recipient=number)
    assert number not in str(refused.value.detail) + str(refused.value.errors)


def test_neither_number_nor_text_is_stored_in_the_clear(world: World) -> None:
    world.verify()
    for document in world.documents._documents.values():
        stored = document.body + document.sealed + document.summary
        assert RECIPIENT.encode() not in stored
        assert RECIPIENT[1:].encode() not in stored
        assert "欠款".encode() not in stored


def test_a_decision_is_shown_to_its_gateway_its_creditor_and_auditors_only(world: World) -> None:
    decided = world.verify()
    look_up = LookUp(world.documents, MemoryArchive, lambda: world.inputs_key, world.clock)
    for party in ("xinxi", "mou-zichan", "shenji"):
        assert look_up(world.caller(party), decided.record.decision_id).decided.record == decided.record
    for party in ("keji", "other-gateway", "other-bank", "yunyingshang"):
        with pytest.raises(NotFound):
            look_up(world.caller(party), decided.record.decision_id)
    for unknown in ("a" * 26, "", "../x", decided.record.decision_id + "\n"):
        with pytest.raises(NotFound):
            look_up(world.caller("xinxi"), unknown)


def test_the_answer_is_in_the_requested_language() -> None:
    world = World().register()
    decided = world.verify()
    url = "https://duecare.example"
    english = msgspec.to_builtins(answer(decided, issuer=ISSUER, public_url=url, language="en"))
    chinese = msgspec.to_builtins(answer(decided, issuer=ISSUER, public_url=url, language="zh-CN"))
    assert english["reasons"][0]["code"] == chinese["reasons"][0]["code"]
    assert english["reasons"][0]["message"].isascii()
    assert not chinese["reasons"][0]["message"].isascii()
    assert english["disclosure_url"] == f"{url}/m/{decided.record.decision_id}"
    assert "retry_at" not in english


@pytest.mark.parametrize("sort_key", ["S#mou-zichan", "L", "Y#anything", ""])
def test_a_document_of_an_unknown_kind_among_the_facts_is_never_ignored(world: World, sort_key: str) -> None:
    """It may be a stop that another version of the program wrote."""
    pk = table.recipient(world.pseudonyms.recipient_key(RECIPIENT))
    world.documents.commit([Document(Key(pk, sort_key), 1, b"{}")])
    with pytest.raises(StoreFailed, match="unknown kind"):
        world.verify()


@pytest.mark.parametrize("spelling", ["+5491123456789", "+541123456789"])
def test_a_case_file_binds_a_consent_in_either_spelling_of_its_number(spelling: str) -> None:
    """World.verify replays the decision with the checks of a case file."""
    world = World().register()
    world.engage()
    world.now = NOW.replace(hour=15)  # noon in Buenos Aires
    world.consent(recipient=spelling)
    world.debt(recipient=spelling, currency="CNY")
    assert world.verify(recipient="+541123456789").record.decision == "allow"
