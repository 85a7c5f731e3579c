"""Guarantee 11 as a property: a dishonest creditor, collector and gateway against an honest recipient.

The recipient has acted, or it is night where the number is, or its caps are full. Whatever the interested parties then
state, in any order, the message stays denied. The one statement that may open the way is the creditor's answer to a
dispute, so that is not among theirs here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.world import (
    DAY,
    RECIPIENT,
    World,
    consent_members,
    debt_members,
    mandate_members,
    stamp,
)

SECOND = timedelta(seconds=1)
PERSON = {"recipient": RECIPIENT, "creditor": "mou-zichan"}
# From the past, now, and dated ahead as far as a clock may be wrong.
TIMES = st.sampled_from([-DAY, -SECOND, timedelta(0), SECOND, 59 * SECOND])
ZONES = st.sampled_from([None, "Asia/Shanghai", "America/New_York", "Europe/London", "Etc/GMT+11", "right/UTC"])
REGIONS = st.sampled_from([None, "CN-SH", "US-CA", "IN-MH", "CN-ZZZ"])

Move = Callable[[World], None]


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


@st.composite
def consents(draw: st.DrawFn) -> Move:
    after, zone, method = draw(TIMES), draw(ZONES), draw(st.sampled_from(["web", "sms", "paper"]))

    def move(world: World) -> None:
        members = _given(granted_at=stamp(world.now + after), time_zone=zone, method=method)
        world.state("mou-zichan", "consent", **consent_members(world.now, **members))

    return move


@st.composite
def debts(draw: st.DrawFn) -> Move:
    after, zone, region = draw(TIMES), draw(ZONES), draw(REGIONS)
    ref = draw(st.sampled_from(["A-1", "A-2", "L-1b"]))
    status = draw(st.sampled_from(["open", "open", "settled", "withdrawn"]))

    def move(world: World) -> None:
        members = _given(as_of=stamp(world.now + after), time_zone=zone, region=region, debt_ref=ref, status=status)
        world.state("mou-zichan", "debt", **debt_members(world.now, **members))

    return move


@st.composite
def mandates(draw: st.DrawFn) -> Move:
    after, collector = draw(TIMES), draw(st.sampled_from(["keji", "other-collector"]))

    def move(world: World) -> None:
        members = mandate_members(world.now, as_of=stamp(world.now + after), collector=collector)
        world.state("mou-zichan", "mandate", **members)

    return move


@st.composite
def stops(draw: st.DrawFn) -> Move:
    """Stops, revocations, disputes and reassignments of their own, to fill slots or to hide the recipient's."""
    party = draw(st.sampled_from(["mou-zichan", "keji", "other-gateway"]))
    kind, dated = draw(
        st.sampled_from([("opt-out", "received_at"), ("consent-revocation", "revoked_at"), ("dispute", "received_at")])
    )
    after, ref = draw(TIMES), draw(st.sampled_from([None, "A-1", "B-9"]))

    def move(world: World) -> None:
        members = PERSON | {dated: stamp(world.now + after)}
        if kind == "dispute":
            members |= _given(claim="not_mine", debt_ref=ref)
        world.state(party, kind, **members)

    return move


@st.composite
def starts(draw: st.DrawFn) -> Move:
    """A START by a gateway that has no allow of its own to this number."""
    after, named = draw(TIMES), draw(st.sampled_from(["honest-1", "theirs-0", "theirs-1", "never-asked", None]))

    def move(world: World) -> None:
        members = _given(message_id=named) or PERSON
        members = {"recipient": RECIPIENT, "text": "START", "received_at": stamp(world.now + after)} | members
        world.state("other-gateway", "reply", **members)

    return move


@st.composite
def questions(draw: st.DrawFn) -> Move:
    """The dishonest gateway asks: for delivery, in shadow mode, or for later."""
    number, shadow, later = draw(st.integers(0, 1)), draw(st.booleans()), draw(st.booleans())
    collector = draw(st.sampled_from(["keji", "mou-zichan"]))

    def move(world: World) -> None:
        changes: dict[str, Any] = {"message_id": f"theirs-{number}-{shadow}-{later}-{collector}", "shadow": shadow}
        if later:
            changes |= {"message_id": f"later-{world.now.timestamp()}-{shadow}-{collector}", "send_at": world.now + DAY}
        world.verify("other-gateway", collector=collector, **changes)

    return move


@st.composite
def waits(draw: st.DrawFn) -> Move:
    """Seconds, so that night stays night and the day of a cap stays the same."""
    seconds = draw(st.integers(1, 90))

    def move(world: World) -> None:
        world.now += seconds * SECOND

    return move


MOVES = st.lists(
    st.one_of(consents(), debts(), mandates(), stops(), starts(), questions(), waits()), min_size=1, max_size=12
)


def opt_out(world: World) -> None:
    world.accepted("xinxi", "reply", **PERSON, text="T", received_at=stamp(world.now))


def opt_out_of_all(world: World) -> None:
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(world.now))


def revoke(world: World) -> None:
    world.accepted("xinxi", "consent-revocation", **PERSON, revoked_at=stamp(world.now))


def dispute_all(world: World) -> None:
    world.accepted("xinxi", "dispute", **PERSON, claim="not_mine", received_at=stamp(world.now))


def change_hands(world: World) -> None:
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))


def night_falls(world: World) -> None:
    world.now = world.now.replace(hour=15, minute=10)  # 23:10 in Shanghai


def fill_the_caps(world: World) -> None:
    for number in range(3):
        assert world.verify(message_id=f"cap-{number}").record.decision == "allow"


CONSENT = {"CONSENT_REVOKED", "CONSENT_UNCONFIRMED"}
DEBT = {"DEBT_DISPUTED", "DEBT_SETTLED", "DEBT_WITHDRAWN"}
# What happened, and the reasons of which at least one must remain.
ACTS: dict[Move, set[str]] = {
    opt_out: {"OPTED_OUT"},
    opt_out_of_all: {"OPTED_OUT"},
    revoke: CONSENT,
    dispute_all: DEBT,
    change_hands: {"NUMBER_REASSIGNED", "CONSENT_UNCONFIRMED", "CONSENT_REVOKED"},
    night_falls: {"QUIET_HOURS"},
    fill_the_caps: {"FREQUENCY_CAP"},
}


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moves=MOVES)
def test_no_statement_of_an_interested_party_undoes_it(act: Move, moves: list[Move]) -> None:
    world = World().honest()
    world.verify(message_id="honest-1", shadow=act is fill_the_caps)
    world.now += SECOND
    act(world)
    world.now += SECOND
    for move in moves:
        move(world)
        for gateway in ("xinxi", "other-gateway"):
            record = world.verify(gateway, message_id="last", shadow=True).record
            assert record.decision == "deny"
            assert ACTS[act] & set(record.reasons), record.reasons
