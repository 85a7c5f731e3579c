"""Attacks by the spelling of a number, by days that no calendar has, and by statements that name each other's facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from duecare_core.domain.location.phone import canonical_number
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import unb64
from duecare_core.evidence.record import recipient_digest
from tests.support.world import RECIPIENT, World, consent_members, debt_members, stamp

SECOND = timedelta(seconds=1)
SAO_PAULO, OLD_SAO_PAULO = "+5511981234567", "+551181234567"


@pytest.fixture
def world() -> World:
    return World().honest()


# Spellings of a number


def test_an_old_spelling_of_the_number_does_not_untie_it_from_its_area() -> None:
    """22:30 in São Paulo; the creditor says that the recipient is in the west, where it is 19:30."""
    world = World()
    world.now = datetime(2026, 11, 25, 0, 30, tzinfo=UTC)
    world.honest()
    west = {"recipient": SAO_PAULO, "time_zone": "America/Eirunepe"}
    world.consent(**west)
    world.debt(**west)
    assert "QUIET_HOURS" in world.reasons(recipient=SAO_PAULO)
    assert "QUIET_HOURS" in world.reasons(recipient=OLD_SAO_PAULO)


def test_a_decision_names_the_person_and_not_the_spelling(world: World) -> None:
    """Else the case file of a START in reply to a message under another spelling would fail its checks."""
    world.consent(recipient=SAO_PAULO)
    world.debt(recipient=SAO_PAULO)
    record = world.verify(recipient=OLD_SAO_PAULO).record
    assert record.recipient_digest == recipient_digest(bytes.fromhex(record.salt), canonical_number(SAO_PAULO))


@pytest.mark.parametrize(
    ("stated", "todays"), [("+4407911123456", "+447911123456"), ("+5215512345678", "+525512345678")]
)
def test_the_acknowledgement_of_an_odd_spelling_is_about_todays_number(world: World, stated: str, todays: str) -> None:
    members = {"recipient": stated, "creditor": "mou-zichan", "received_at": stamp(world.now)}
    acknowledgement = world.state("xinxi", "opt-out", **members).acknowledgement
    claims = jws.read(acknowledgement or "").payload
    assert claims["recipient"] == recipient_digest(unb64(claims["recipient_salt"]), canonical_number(todays))


# Days


@pytest.mark.parametrize("day", ["2026-02-29", "2026-02-30", "2026-11-31", "2026-06-31T10:00:00+08:00"])
def test_a_day_that_no_calendar_has_is_rejected_alone(world: World, day: str) -> None:
    """It must not take the other statements of the call with it."""
    bad = world.jws("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=day)
    good = world.jws("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at="2024-02-29")
    results = world.state_all("yunyingshang", [bad, good])
    assert [result.status for result in results] == ["rejected", "accepted"]
    assert results[0].problem is not None
    assert [one.code for one in results[0].problem.errors] == ["no-such-day"]


# Statements that name each other


def test_a_reply_stops_the_creditor_of_its_message_whatever_creditor_the_gateway_names(world: World) -> None:
    world.verify(message_id="m-9")
    world.now += SECOND
    reply = {"recipient": RECIPIENT, "message_id": "m-9", "text": "T", "received_at": stamp(world.now)}
    world.accepted("xinxi", "reply", creditor="other-bank", **reply)
    assert world.reasons() == ["OPTED_OUT"]


def test_a_reply_about_another_recipients_message_counts_for_the_creditor_named_with_it(world: World) -> None:
    other = "+8613812345679"
    world.verify(message_id="m-9")
    reply = {"recipient": other, "message_id": "m-9", "text": "T", "received_at": stamp(world.now)}
    world.accepted("xinxi", "reply", creditor="mou-zichan", **reply)
    world.accepted("mou-zichan", "consent", **consent_members(world.now, recipient=other))
    world.accepted("mou-zichan", "debt", **debt_members(world.now, recipient=other))
    assert world.reasons(recipient=other) == ["OPTED_OUT"]
    assert world.reasons() == []


def test_a_debt_does_not_answer_a_dispute_with_another_creditor(world: World) -> None:
    members = {"recipient": RECIPIENT, "creditor": "other-bank", "claim": "paid", "received_at": stamp(world.now)}
    dispute = world.accepted("xinxi", "dispute", **members)
    world.now += SECOND
    answer = debt_members(world.now, as_of=stamp(world.now), answers_dispute=dispute)
    result = world.state("mou-zichan", "debt", **answer)
    assert result.problem is not None
    assert result.problem.name == "unknown-dispute"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_answer_dated_before_the_dispute_does_not_keep_a_later_one_from_counting(
    world: World, order: tuple[int, int]
) -> None:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "paid", "received_at": stamp(world.now)}
    dispute = world.accepted("xinxi", "dispute", **members)
    world.now += SECOND
    dates = (stamp(world.now - timedelta(hours=1)), stamp(world.now))
    for number in order:
        world.debt(as_of=dates[number], answers_dispute=dispute)
    assert world.reasons() == []
