"""Every accepted statement is acknowledged, and what a recipient did is in the recipient's chain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from duecare.usecases import table
from duecare.usecases.statements.chains import ChainLink
from duecare.usecases.statements.store import StatementResult
from duecare_core.domain.facts.chain import ChainHead, head_of
from duecare_core.evidence.acknowledgement import TYP
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import unb64
from duecare_core.evidence.record import recipient_digest
from tests.support.world import DAY, NOW, RECIPIENT, World, consent_members, debt_members, mandate_members, stamp

OTHER = "+8613912345678"


@pytest.fixture
def world() -> World:
    return World().honest()


def claims(world: World, result: StatementResult) -> dict[str, Any]:
    """The payload of an acknowledgement whose signature is good."""
    assert result.acknowledgement, result
    read = jws.read(result.acknowledgement)
    assert (read.typ, read.kid) == (TYP, world.acknowledgement_key.kid)
    jws.verify(result.acknowledgement, world.acknowledgement_key.public)
    return read.payload


def stop(world: World, party: str = "xinxi", **changes: Any) -> StatementResult:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(world.now)}
    return world.state(party, "opt-out", **(members | changes))


def dispute(world: World, **changes: Any) -> StatementResult:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "paid", "received_at": stamp(world.now)}
    return world.state("xinxi", "dispute", **(members | changes))


def links(world: World, of: str, recipient: str = RECIPIENT) -> list[str]:
    """The statements of a chain, read by one query."""
    pk = table.chain_links(world.pseudonyms.recipient_key(recipient), of)  # type: ignore[arg-type]
    documents = sorted(world.documents.partition(pk, ""), key=lambda one: one.key.sk)
    assert [int(one.key.sk) for one in documents] == list(range(1, len(documents) + 1))
    return [table.read(one, ChainLink).statement for one in documents]


def stored_head(world: World, of: str, recipient: str = RECIPIENT) -> ChainHead | None:
    key = table.chain_head(table.recipient(world.pseudonyms.recipient_key(recipient)), of)  # type: ignore[arg-type]
    return table.find(world.documents.get([key]), key, ChainHead)


def test_an_acknowledgement_says_what_was_accepted_when_and_about_whom(world: World) -> None:
    world.now += timedelta(microseconds=999_999)
    result = stop(world)
    told = claims(world, result)
    salt = unb64(told["recipient_salt"])
    assert len(salt) == 16
    assert told == {
        "statement_id": result.statement_id,
        "kind": "opt-out",
        "party": "xinxi",
        "iat": int(world.now.timestamp()),
        "effect": "in_force",
        "recipient": recipient_digest(salt, RECIPIENT),  # type: ignore[arg-type]
        "recipient_salt": told["recipient_salt"],
        "chain": {"of": "mou-zichan", "seq": 1, "head": head_of("mou-zichan", [result.statement_id]).head},  # type: ignore[union-attr]
    }


def test_a_statement_about_no_recipient_and_one_that_opens_have_no_chain(world: World) -> None:
    at = stamp(world.now)
    told = claims(world, world.state("mou-zichan", "mandate", **mandate_members(world.now, as_of=at)))
    assert set(told) == {"statement_id", "kind", "party", "iat", "effect"}
    told = claims(world, world.state("mou-zichan", "debt", **debt_members(world.now, as_of=at)))
    assert "chain" not in told
    assert "recipient" in told


def test_the_same_jws_again_returns_the_first_acknowledgement_byte_for_byte(world: World) -> None:
    token = world.jws("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    (first,) = world.state_all("xinxi", [token])
    stop(world, received_at=stamp(world.now + timedelta(seconds=1)))  # the chain goes on
    world.now += DAY
    (again,) = world.state_all("xinxi", [token])
    assert (again.status, again.effect) == ("unchanged", "in_force")
    assert again.acknowledgement == first.acknowledgement


@pytest.mark.parametrize("replaced", [False, True])
def test_the_same_content_under_a_new_iat_returns_the_first_acknowledgement(world: World, replaced: bool) -> None:
    """Also if a newer statement has replaced the first one since, so that no state names it."""
    at = stamp(world.now)
    first = stop(world, received_at=at)
    if replaced:
        stop(world, received_at=stamp(world.now + timedelta(seconds=5)))
    world.now += timedelta(minutes=5)
    again = stop(world, received_at=at)
    assert again.statement_id != first.statement_id
    assert (again.status, again.same_as) == ("unchanged", first.statement_id)
    assert again.acknowledgement == first.acknowledgement
    assert len(links(world, "mou-zichan")) == 1 + replaced


def test_a_repeated_dispute_has_the_first_acknowledgement_under_either_id(world: World) -> None:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "paid", "received_at": stamp(world.now)}
    first = world.state("xinxi", "dispute", **members)
    world.now += timedelta(minutes=5)
    token = world.jws("xinxi", "dispute", **members)
    for _ in range(2):
        (again,) = world.state_all("xinxi", [token])
        assert (again.status, again.same_as) == ("unchanged", first.statement_id)
        assert again.acknowledgement == first.acknowledgement
    assert links(world, "mou-zichan") == [first.statement_id]
    world.now += timedelta(minutes=5)
    world.debt(as_of=stamp(world.now), answers_dispute=again.statement_id)
    assert world.reasons() == []


def test_an_older_statement_is_superseded_by_one_that_its_party_may_read(world: World) -> None:
    newer = world.debt(as_of=stamp(world.now))
    told = claims(world, world.state("mou-zichan", "debt", **debt_members(world.now, as_of=stamp(world.now - DAY / 2))))
    assert (told["effect"], told["superseded_by"]) == ("superseded", newer)


def test_a_party_does_not_learn_of_another_partys_statement_that_superseded_its_own(world: World) -> None:
    stop(world, "mou-zichan")
    older = stop(world, received_at=stamp(world.now - DAY))
    told = claims(world, older)
    assert told["effect"] == "superseded"
    assert "superseded_by" not in told
    assert told["chain"]["seq"] == 2


@pytest.mark.parametrize("channels", [{}, {"channels": ["sms"]}])
def test_a_consent_older_than_its_revocation_is_superseded(world: World, channels: dict[str, Any]) -> None:
    revoked = {"recipient": RECIPIENT, "creditor": "mou-zichan", "revoked_at": stamp(world.now - DAY)}
    newer = world.accepted("mou-zichan", "consent-revocation", **revoked, **channels)
    members = consent_members(world.now, granted_at=stamp(world.now - DAY), channels=["sms", "voice"])
    if channels:
        members["channels"] = ["sms"]
    told = claims(world, world.state("mou-zichan", "consent", **members))
    assert (told["effect"], told["superseded_by"]) == ("superseded", newer)


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("consent", consent_members(NOW, granted_at=stamp(NOW - 2 * DAY))),
        ("debt", debt_members(NOW, debt_ref="B-9")),
    ],
)
def test_a_fact_about_an_earlier_holder_of_the_number_is_superseded(
    world: World, kind: str, members: dict[str, Any]
) -> None:
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now - DAY))
    told = claims(world, world.state("mou-zichan", kind, **members))
    assert told["effect"] == "superseded"
    assert "superseded_by" not in told  # the carrier's statement


def effect(world: World, result: StatementResult) -> str:
    return str(claims(world, result)["effect"])


def reopened(world: World) -> None:
    """A stop and a revocation, an hour after an allow, and a START that answers the allow."""
    world.verify(message_id="answered")
    world.now += timedelta(hours=1)
    stop(world)
    world.accepted(
        "mou-zichan", "consent-revocation", recipient=RECIPIENT, creditor="mou-zichan", revoked_at=stamp(world.now)
    )
    world.now += timedelta(hours=1)
    start = {"recipient": RECIPIENT, "received_at": stamp(world.now), "text": "START", "message_id": "answered"}
    assert effect(world, world.state("xinxi", "reply", **start)) == "in_force"
    world.now += timedelta(hours=1)


@pytest.mark.parametrize("older", ["stop", "stop-of-all", "revocation", "start"])
def test_what_a_newer_statement_of_another_kind_undoes_is_superseded(world: World, older: str) -> None:
    """The stop of all stays in force: the START re-opened one creditor."""
    reopened(world)
    before = stamp(world.now - timedelta(hours=1, minutes=30))
    if older == "stop":
        told = stop(world, received_at=before)
    elif older == "stop-of-all":
        told = stop(world, creditor="*", received_at=before)
    elif older == "start":
        stop(world, "other-gateway")
        start = {"recipient": RECIPIENT, "text": "START", "message_id": "answered", "received_at": stamp(world.now)}
        told = world.state("xinxi", "reply", **start)
    else:
        members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "channels": ["sms"]}
        early = stamp(world.now - timedelta(days=1))
        told = world.state("mou-zichan", "consent-revocation", **members, revoked_at=early)
    assert effect(world, told) == ("in_force" if older == "stop-of-all" else "superseded")


@pytest.mark.parametrize("why", ["revoked", "reassigned", "restated"])
def test_a_consent_that_the_recipient_has_to_confirm_has_no_effect_yet(world: World, why: str) -> None:
    if why == "restated":
        reopened(world)
    elif why == "revoked":
        revoked = {"recipient": RECIPIENT, "creditor": "mou-zichan", "revoked_at": stamp(world.now - DAY)}
        world.accepted("xinxi", "consent-revocation", **revoked)
    else:
        world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now - DAY))
        world.debt(as_of=stamp(world.now))
    told = world.state("mou-zichan", "consent", **consent_members(world.now, granted_at=stamp(world.now)))
    assert effect(world, told) == "none"
    assert world.reasons() == ["CONSENT_UNCONFIRMED"]


def test_a_consent_that_the_recipient_confirmed_is_in_force(world: World) -> None:
    reopened(world)
    granted = stamp(world.now - timedelta(hours=1, minutes=30))
    assert effect(world, world.state("mou-zichan", "consent", **consent_members(world.now, granted_at=granted))) == (
        "in_force"
    )
    assert world.reasons() == []


def test_a_rejected_statement_has_neither_effect_nor_acknowledgement(world: World) -> None:
    result = stop(world, "xinxi", creditor="nobody")
    assert (result.status, result.effect, result.acknowledgement) == ("rejected", None, None)
    assert links(world, "nobody") == []


def test_everything_that_a_recipient_did_is_in_the_chain_of_its_creditor_in_the_order_of_acceptance(
    world: World,
) -> None:
    ids = [
        stop(world).statement_id,
        dispute(world).statement_id,
        world.accepted(
            "xinxi", "consent-revocation", recipient=RECIPIENT, creditor="mou-zichan", revoked_at=stamp(world.now)
        ),
        world.accepted(
            "xinxi", "reply", recipient=RECIPIENT, creditor="mou-zichan", text="T", received_at=stamp(world.now - DAY)
        ),
    ]
    assert links(world, "mou-zichan") == ids
    assert stored_head(world, "mou-zichan") == head_of("mou-zichan", ids)
    assert links(world, "*") == links(world, "other-bank") == []


def test_what_concerns_everyone_is_in_the_chain_of_everyone(world: World) -> None:
    ids = [
        stop(world, creditor="*").statement_id,
        world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now)),
    ]
    assert links(world, "*") == ids
    assert links(world, "mou-zichan") == []


@pytest.mark.parametrize("text", ["好的", "START"])
def test_a_reply_that_means_nothing_and_a_start_that_does_not_count_are_in_no_chain(world: World, text: str) -> None:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "text": text, "received_at": stamp(world.now)}
    told = claims(world, world.state("xinxi", "reply", **members))
    assert told["effect"] == "none"
    assert "chain" not in told
    assert links(world, "mou-zichan") == []


def test_a_start_that_counts_is_in_the_chain(world: World) -> None:
    world.verify(message_id="m-1")
    world.now += timedelta(minutes=1)
    stopped = stop(world).statement_id
    world.now += timedelta(minutes=1)
    reply = {"recipient": RECIPIENT, "message_id": "m-1", "text": "START", "received_at": stamp(world.now)}
    started = world.state("xinxi", "reply", **reply)
    assert claims(world, started)["chain"]["seq"] == 2
    assert links(world, "mou-zichan") == [stopped, started.statement_id]


def test_the_chains_of_two_recipients_are_two(world: World) -> None:
    one, other = stop(world).statement_id, stop(world, recipient=OTHER).statement_id
    assert (links(world, "mou-zichan"), links(world, "mou-zichan", OTHER)) == ([one], [other])


def test_a_rotated_key_acknowledges_the_same_again(world: World) -> None:
    from duecare_core.evidence.acknowledgement import AcknowledgementKey  # noqa: PLC0415

    token = world.jws("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(world.now))
    (first,) = world.state_all("xinxi", [token])
    old = claims(world, first)
    world.acknowledgement_key = AcknowledgementKey(b"z" * 32)
    (again,) = world.state_all("xinxi", [token])
    assert again.acknowledgement != first.acknowledgement
    assert claims(world, again) == old


def test_without_the_key_nothing_is_accepted() -> None:
    from duecare_core.errors import SecretsFailed  # noqa: PLC0415

    world = World().honest()

    class NoKey:
        def sign(self, _payload: Any) -> str:
            raise SecretsFailed("a secret cannot be read")

    world.acknowledgement_key = NoKey()  # type: ignore[assignment]
    with pytest.raises(SecretsFailed):
        stop(world)
    assert world.reasons() == []
    assert links(world, "mou-zichan") == []


# Decisions


def test_a_decision_records_the_chains_that_it_read_its_creditors_first(world: World) -> None:
    assert world.verify(message_id="m-1").record.chains == ()
    of_all = stop(world, creditor="*").statement_id
    assert [one.of for one in world.verify(message_id="m-2").record.chains] == ["*"]
    own = dispute(world, debt_ref="A-9").statement_id
    world.state("xinxi", "opt-out", recipient=RECIPIENT, creditor="other-bank", received_at=stamp(world.now))
    record = world.verify(message_id="m-3").record
    assert record.chains == (head_of("mou-zichan", [own]), head_of("*", [of_all]))


def test_consent_of_another_number_does_not_move_the_chain(world: World) -> None:
    world.accepted("mou-zichan", "consent", **consent_members(world.now, recipient=OTHER))
    assert stored_head(world, "mou-zichan", OTHER) is None
