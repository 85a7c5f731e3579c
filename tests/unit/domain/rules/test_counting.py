"""Which allows count against a frequency cap, and that each counts once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from duecare.usecases import table
from duecare_core.domain.rules.frequency_caps import Contact, unpack_contacts
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import StoreFailed
from tests.support.packs import cap, hours, packed, row
from tests.support.world import DAY, RECIPIENT, World, consent_members, debt_members, message, stamp

FORTNIGHT = 14


@pytest.fixture
def world() -> World:
    """Two texts in fourteen days, at any hour; otherwise as shipped."""
    elements = row("required", id="elements", jurisdiction="any", elements=["sender_name", "opt_out_wording"])
    words = row("reply_words", id="words", jurisdiction="any", stop=["T"], start=["START"])
    pack = packed(cap(2, days=FORTNIGHT), hours("00:00-24:00", id="hours"), elements, words)
    return World(rules=Rules(pack=pack)).honest()


def ledger(world: World) -> tuple[Contact, ...]:
    key = table.contacts(table.recipient(world.pseudonyms.recipient_key(RECIPIENT)))
    document = world.documents.get([key]).get(key)
    return unpack_contacts(document.sealed) if document else ()


def test_n_are_let_through_and_never_one_more(world: World) -> None:
    reasons = [world.verify(message_id=f"m-{n}").record.reasons for n in range(4)]
    assert reasons == [(), (), ("FREQUENCY_CAP",), ("FREQUENCY_CAP",)]
    assert len(ledger(world)) == 2


def test_a_replay_does_not_count_twice_and_is_no_deny_of_itself(world: World) -> None:
    world.verify(message_id="m-0")
    first = world.verify(message_id="m-1")
    for _ in range(3):
        again = world.verify(message_id="m-1")
        assert again.replayed
        assert again.record == first.record
    assert len(ledger(world)) == 2


def test_an_allow_renewed_counts_once_and_from_its_last_instant(world: World) -> None:
    world.verify(message_id="m-0")
    world.verify(message_id="m-1")
    world.now += DAY
    assert world.verify(message_id="m-1").record.decision == "allow"
    assert [contact.at for contact in ledger(world)] == [
        int((world.now - DAY).timestamp()),
        int(world.now.timestamp()),
    ]
    world.now += (FORTNIGHT - 1) * DAY
    world.debt(as_of=stamp(world.now))
    assert world.verify(message_id="m-2").record.decision == "allow"
    assert world.verify(message_id="m-3").record.reasons == ("FREQUENCY_CAP",)


def test_an_allow_that_was_stopped_and_allowed_again_counts_once(world: World) -> None:
    person = {"recipient": RECIPIENT, "creditor": "mou-zichan"}
    world.verify(message_id="m-1")
    world.accepted("xinxi", "reply", **person, text="T", received_at=stamp(world.now))
    assert world.verify(message_id="m-1").record.reasons == ("OPTED_OUT",)
    world.now += timedelta(seconds=1)
    world.accepted("xinxi", "reply", recipient=RECIPIENT, message_id="m-1", text="START", received_at=stamp(world.now))
    assert world.verify(message_id="m-1").record.attempt == 3
    assert len(ledger(world)) == 1


def test_a_denial_does_not_count(world: World) -> None:
    for n in range(5):
        world.verify(message_id=f"m-{n}", text="【某资产】欠款1元,退订回T")
    assert ledger(world) == ()


def test_shadow_is_judged_by_the_cap_and_does_not_count(world: World) -> None:
    for n in range(5):
        assert world.verify(message_id=f"s-{n}", shadow=True).record.decision == "allow"
    assert ledger(world) == ()
    for n in range(2):
        world.verify(message_id=f"m-{n}")
    shadowed = world.verify(message_id="s-9", shadow=True).record
    assert (shadowed.reasons, shadowed.enforced) == (("FREQUENCY_CAP",), False)


def test_a_rehearsal_is_judged_by_the_cap_at_its_instant_and_does_not_count(world: World) -> None:
    ahead = world.now + 6 * DAY
    for n in range(5):
        assert world.verify(message_id=f"r-{n}", send_at=ahead).record.decision == "allow"
    assert ledger(world) == ()
    for n in range(2):
        world.verify(message_id=f"m-{n}")
    assert world.verify(message_id="r-9", send_at=ahead).record.reasons == ("FREQUENCY_CAP",)


def test_other_creditors_and_gateways_fill_the_same_cap(world: World) -> None:
    world.accepted("other-bank", "consent", **consent_members(world.now))
    world.accepted("other-bank", "debt", **debt_members(world.now, outstanding="5"))
    text = "Other Bank: 欠款5元,退订回T"
    other = world.verify("other-gateway", message_id="o-1", creditor="other-bank", collector=None, text=text)
    assert other.record.decision == "allow"
    assert world.verify(message_id="m-0").record.decision == "allow"
    assert world.reasons() == ["FREQUENCY_CAP"]


def test_messages_of_one_batch_to_one_recipient_fill_the_cap_in_their_order(world: World) -> None:
    results = world.verify_many(*(message(message_id=f"m-{n}") for n in range(4)))
    assert [result.record.decision for result in results] == ["allow", "allow", "deny", "deny"]


def test_a_ledger_that_cannot_be_read_allows_nothing(world: World) -> None:
    world.verify(message_id="m-0")
    key = table.contacts(table.recipient(world.pseudonyms.recipient_key(RECIPIENT)))
    world.documents._documents[key] = world.documents._documents[key]._replace(sealed=b"not a ledger")
    with pytest.raises(StoreFailed):
        world.verify(message_id="m-1")
