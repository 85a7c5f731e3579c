"""Caps under any sequence of contacts: never one more than N in any window, and never a wait longer than needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from duecare_core.domain.rules.frequency_caps import (
    Contact,
    counted_contacts,
    drop_expired,
    full_caps,
    pack_contacts,
    unpack_contacts,
)
from duecare_core.domain.rules.rule_types import Cap
from tests.support.packs import PACK, at, cap, packed

ZONES = ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "America/Havana"]
START = at("2026-10-30T00:00")
QUICK = settings(max_examples=200, deadline=None)

caps = st.builds(
    lambda number, window, per, across: packed(
        cap(number, window=window, days=1 if window == "calendar_day" else 2, per=per, across=across)
    ),
    st.integers(1, 3),
    st.sampled_from(["rolling", "calendar_day"]),
    st.sampled_from(["recipient", "debt"]),
    st.sampled_from(["all", "creditor"]),
)
contacts = st.builds(
    Contact,
    st.integers(0, 8 * 24 * 4).map(lambda quarter: int(START.timestamp()) + quarter * 900),
    st.sampled_from(["sms", "voice"]),
    st.sampled_from([b"AAAA", b"BBBB"]),
    st.sampled_from([b"debt-1", b"debt-2", None]),
    st.just(b"message1"),
)
zones = st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True).map(tuple)


def instant(contact: Contact) -> datetime:
    return datetime.fromtimestamp(contact.at, UTC)


def counts_together(row: Cap, one: Contact, other: Contact) -> bool:
    same_creditor = row.across == "all" or one.creditor == other.creditor
    same_debt = row.per == "recipient" or one.debt is None or other.debt is None or one.debt == other.debt
    return one.channel in row.channels and same_creditor and same_debt


def taken(row: Cap, where: tuple[str, ...], past: list[Contact], now: datetime, new: Contact) -> int:
    """How many contacts share a window with one of `now`, in the worst of the zones: the definition, spelled out."""
    together = [instant(one) for one in past if counts_together(row, one, new)]
    if row.window == "rolling":
        return sum(one > now - timedelta(days=row.days) for one in together)
    days = [(ZoneInfo(zone), now.astimezone(ZoneInfo(zone)).date()) for zone in where]
    return max(sum(one.astimezone(zone).date() >= day for one in together) for zone, day in days)


def clocks(where: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
    return tuple(map(ZoneInfo, where))


@QUICK
@given(caps, zones, st.lists(contacts, max_size=12), contacts)
def test_a_cap_is_full_exactly_when_n_are_taken(
    pack: object, where: tuple[str, ...], past: list[Contact], new: Contact
) -> None:
    (row,) = pack.of_kind(Cap)  # type: ignore[attr-defined]
    rules = pack.caps(("CN",), "sms", "collector", None)  # type: ignore[attr-defined]
    now = instant(new)
    new = structs.replace(new, channel="sms")
    found = full_caps(rules, clocks(where), past, now, new)
    assert (found is not None) == (taken(row, where, past, now, new) >= row.max)
    if found:
        assert taken(row, where, past, found.until, new) < row.max
        assert taken(row, where, past, found.until - timedelta(seconds=1), new) >= row.max


@QUICK
@given(
    st.sampled_from(["US-MA", "US-DC", "US-WA", "CN", "AU", "FR"]),
    zones,
    st.lists(contacts, max_size=30),
    contacts,
    st.integers(0, 40 * 24 * 4).map(lambda quarters: quarters * timedelta(minutes=15)),
)
def test_full_caps_depend_now_and_later_on_the_counted_contacts(
    region: str, where: tuple[str, ...], past: list[Contact], one: Contact, later: timedelta
) -> None:
    rules = PACK.caps((region,), "sms", "collector", None)
    new = structs.replace(one, channel="sms")
    now = instant(new)
    resting = counted_contacts(rules, clocks(where), past, now, new)
    for when in (now, now + later):
        assert full_caps(rules, clocks(where), resting, when, new) == full_caps(rules, clocks(where), past, when, new)


@QUICK
@given(st.sampled_from(["US-MA", "US-DC", "US-WA", "CN", "AU", "FR"]), zones, st.lists(contacts, max_size=60))
def test_no_window_ever_holds_more_than_the_cap(region: str, where: tuple[str, ...], tries: list[Contact]) -> None:
    rules = PACK.caps((region,), "sms", "collector", None)
    sent: list[Contact] = []
    ledger: tuple[Contact, ...] = ()
    for one in sorted(tries, key=lambda one: one.at):
        new = structs.replace(one, channel="sms")
        answer = full_caps(rules, clocks(where), ledger, instant(new), new)
        assert answer == full_caps(rules, clocks(where), sent, instant(new), new)  # what expired did not matter
        if answer is None:
            sent.append(new)
            ledger = unpack_contacts(pack_contacts(drop_expired([*ledger, new], instant(new), PACK)))
    for new in sent:
        earlier = [one for one in sent if one.at < new.at]
        for rule in rules:
            if rule.in_force(instant(new).toordinal()):
                assert taken(rule.cap, where, earlier, instant(new), new) < rule.cap.max
