"""Frequency caps: N and never N+1, and the first instant at which one more is allowed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from duecare_core.domain.location.localtime import zone as local_zone
from duecare_core.domain.rules.frequency_caps import (
    Contact,
    FullCaps,
    counted_contacts,
    drop_expired,
    full_caps,
    pack_contacts,
    unpack_contacts,
    without_message,
)
from duecare_core.domain.rules.frequency_caps import contact as make
from duecare_core.domain.rules.pack import Pack
from tests.support.packs import PACK, at, cap, packed

SHANGHAI, NEW_YORK, SYDNEY = "Asia/Shanghai", "America/New_York", "Australia/Sydney"
BANK, OTHER, MESSAGE = b"bank", b"othr", b"message1"
DAY = timedelta(days=1)


def contact(instant: datetime, debt: bytes | None = b"debt-1", creditor: bytes = BANK, channel: str = "sms") -> Contact:
    return Contact(int(instant.timestamp()), channel, creditor, debt, MESSAGE)


def ask(
    region: str, zone: str | tuple[str, ...], past: list[Contact], instant: datetime, pack: Pack = PACK, **of: Any
) -> FullCaps | None:
    new = contact(instant, **of)
    zones = tuple(map(local_zone, (zone,) if isinstance(zone, str) else zone))
    return full_caps(pack.caps((region,), new.channel, "collector", "other"), zones, past, instant, new)


def test_china_lets_three_texts_a_day_through_and_the_next_at_midnight() -> None:
    past = [contact(at(f"2026-11-24T{hour}:00", SHANGHAI)) for hour in ("09", "10")]
    noon = at("2026-11-24T12:00", SHANGHAI)
    assert ask("CN", SHANGHAI, past, noon) is None
    past.append(contact(noon))
    blocked = ask("CN", SHANGHAI, past, noon)
    assert blocked == FullCaps(("cn-sms-day",), at("2026-11-25T00:00", SHANGHAI))
    assert ask("CN", SHANGHAI, past, at("2026-11-24T23:59:59", SHANGHAI)) == blocked
    assert ask("CN", SHANGHAI, past, at("2026-11-25T00:00", SHANGHAI)) is None


def test_chinas_day_counts_every_creditor_and_debt() -> None:
    nine = at("2026-11-24T09:00", SHANGHAI)
    past = [contact(nine, b"debt-1"), contact(nine, b"debt-2", OTHER), contact(nine, b"debt-3")]
    assert ask("CN", SHANGHAI, past, nine, debt=b"debt-4", creditor=b"new!")


def test_a_contact_on_another_channel_does_not_count_unless_the_row_counts_it() -> None:
    nine = at("2026-11-24T09:00", SHANGHAI)
    past = [contact(nine, channel="voice")] * 3
    assert ask("CN", SHANGHAI, past, nine) is None
    assert ask("CN", SHANGHAI, past, nine, channel="voice")
    assert ask("US-MA", NEW_YORK, past, nine)


def test_massachusetts_lets_two_through_in_seven_days_per_debt() -> None:
    first, second = at("2026-11-24T09:00:07", NEW_YORK), at("2026-11-26T10:00", NEW_YORK)
    past = [contact(first), contact(second)]
    blocked = ask("US-MA", NEW_YORK, past, second + DAY)
    assert blocked == FullCaps(("us-ma-contacts",), first + 7 * DAY)
    assert ask("US-MA", NEW_YORK, past, first + 7 * DAY - timedelta(seconds=1)) == blocked
    assert ask("US-MA", NEW_YORK, past, first + 7 * DAY) is None
    assert ask("US-MA", NEW_YORK, past, second + DAY, debt=b"debt-2") is None


@pytest.mark.parametrize("region", ["US-CA", "GB", "IN", "PH", "ID"])
def test_a_country_with_hours_and_no_frequency_of_its_own_has_the_default_cap_for_texts(region: str) -> None:
    nine = at("2026-11-24T09:00", NEW_YORK)
    assert ask(region, NEW_YORK, [contact(nine)] * 2, nine + DAY) is None
    assert ask(region, NEW_YORK, [contact(nine)] * 3, nine + DAY) == FullCaps(("elsewhere-frequency",), nine + 7 * DAY)


def test_a_contact_of_no_named_debt_counts_against_every_debt() -> None:
    nine = at("2026-11-24T09:00", NEW_YORK)
    assert ask("US-MA", NEW_YORK, [contact(nine, None), contact(nine, b"debt-1")], nine)
    assert ask("US-MA", NEW_YORK, [contact(nine, b"debt-2"), contact(nine, b"debt-1")], nine, debt=None)


def test_the_last_of_several_full_caps_says_when() -> None:
    start = at("2026-11-02T09:00", SYDNEY)
    past = [contact(start + day * DAY) for day in (0, 3, 6, 9, 12, 15, 18, 21, 24, 27)]
    blocked = ask("AU", SYDNEY, past, start + 27 * DAY)
    assert blocked == FullCaps(("au-week", "au-month"), start + 31 * DAY)
    assert ask("AU", SYDNEY, past, start + 31 * DAY) is None


def test_of_two_zones_the_strictest_day_counts() -> None:
    zones = ("Asia/Tokyo", "America/Los_Angeles")
    sent = at("2026-11-24T23:00", "Asia/Tokyo")  # still 24 November, 06:00, in Los Angeles
    past = [contact(sent)] * 3
    midnight = at("2026-11-25T00:00", "America/Los_Angeles")
    assert ask("CN", zones, past, at("2026-11-25T00:00", "Asia/Tokyo")) == FullCaps(("cn-sms-day",), midnight)
    assert ask("CN", zones, past, midnight) is None


def test_a_day_of_twenty_five_hours_is_one_day() -> None:
    pack = packed(cap(1, jurisdiction="US", window="calendar_day"))
    sent = at("2026-11-01T00:00", NEW_YORK)
    blocked = ask("US", NEW_YORK, [contact(sent)], sent + timedelta(hours=24), pack)
    assert blocked == FullCaps(("x-row",), sent + timedelta(hours=25))


def test_a_contact_dated_ahead_counts_as_one_of_now() -> None:
    noon = at("2026-11-24T12:00", SHANGHAI)
    ahead = [contact(noon + timedelta(seconds=3))] * 3
    assert ask("CN", SHANGHAI, ahead, noon)
    pack = packed(cap(1))
    assert ask("CN", SHANGHAI, ahead, noon, pack) == FullCaps(("x-row",), noon + timedelta(days=1, seconds=3))


def test_a_cap_ends_with_its_row() -> None:
    pack = packed(cap(1, days=7, until="2026-12-31"))
    sent = at("2026-12-30T12:00", SHANGHAI)
    end = at("2027-01-01T00:00", SHANGHAI)
    assert ask("CN", SHANGHAI, [contact(sent)], sent, pack) == FullCaps(("x-row",), end)
    assert ask("CN", SHANGHAI, [contact(sent)], end, pack) is None


def test_a_cap_that_begins_while_one_waits_is_kept() -> None:
    """On 31 December one text a day is allowed; from 1 January one in seven days."""
    pack = packed(
        cap(1, window="calendar_day", until="2026-12-31"), cap(1, id="y-row", days=7, **{"from": "2027-01-01"})
    )
    sent = at("2026-12-31T12:00", SHANGHAI)
    assert ask("CN", SHANGHAI, [contact(sent)], sent, pack) == FullCaps(("x-row",), sent + 7 * DAY)


def test_per_creditor_caps_count_one_creditor() -> None:
    pack = packed(cap(1, across="creditor"))
    noon = at("2026-11-24T12:00", SHANGHAI)
    assert ask("CN", SHANGHAI, [contact(noon, creditor=OTHER)], noon, pack) is None
    assert ask("CN", SHANGHAI, [contact(noon)], noon, pack)


# The contacts on which an answer depends


def resting(region: str, zone: str, past: list[Contact], instant: datetime, **of: Any) -> tuple[Contact, ...]:
    new = contact(instant, **of)
    caps = PACK.caps((region,), new.channel, "collector", "other")
    return counted_contacts(caps, (local_zone(zone),), past, instant, new)


def test_an_answer_rests_on_the_contacts_of_today_alone() -> None:
    nine = at("2026-11-24T09:00", SHANGHAI)
    past = [contact(nine - DAY), contact(nine - timedelta(hours=9)), contact(nine)]
    assert resting("CN", SHANGHAI, past, nine + timedelta(hours=1)) == tuple(past[1:])
    assert resting("CN", SHANGHAI, past, nine + DAY) == ()


def test_it_rests_on_no_more_of_them_than_the_cap_allows() -> None:
    nine = at("2026-11-24T09:00", SHANGHAI)
    past = [contact(nine + timedelta(minutes=minute)) for minute in range(5)]
    assert resting("CN", SHANGHAI, past, nine + timedelta(hours=1)) == tuple(past[2:])


def test_it_rests_on_none_that_no_cap_counts_with_it() -> None:
    nine = at("2026-11-24T09:00", NEW_YORK)
    past = [contact(nine), contact(nine, b"debt-2"), contact(nine, None)]
    assert resting("AU", NEW_YORK, past, nine + DAY) == (past[2], past[0])


# The contacts that are kept


def test_a_contact_that_no_row_can_count_any_more_is_dropped() -> None:
    now = at("2026-11-24T12:00")
    old, recent = contact(now - timedelta(days=31, minutes=6)), contact(now - timedelta(days=30))
    assert drop_expired([recent, old], now, PACK) == (recent,)


def test_of_many_contacts_about_one_debt_only_the_newest_are_kept() -> None:
    now = at("2026-11-24T12:00")
    many = [contact(now - timedelta(hours=hour)) for hour in range(200)]
    kept = drop_expired(many, now, PACK)
    assert len(kept) == 10  # the largest cap, Australia's month
    assert kept == tuple(sorted(many, key=lambda one: one.at))[-10:]


def test_a_ledger_holds_forty_contacts_in_a_kibibyte() -> None:
    contacts = tuple(contact(at("2026-11-24T12:00") + n * DAY, bytes([n] * 6) if n else None) for n in range(40))
    data = pack_contacts(contacts)
    assert len(data) == 40 * 24 <= 1024
    assert unpack_contacts(data) == contacts


@pytest.mark.parametrize("data", [b"x", bytes(23), bytes(25), bytes(5) + b"\x04" + bytes(18)])
def test_a_ledger_that_cannot_be_read_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="ledger"):
        unpack_contacts(data)


@pytest.mark.parametrize("marks", [(b"bank", b"", MESSAGE), (b"", b"debt-1", MESSAGE), (b"bank", b"debt-1", b"")])
def test_digests_of_another_length_are_not_written(marks: tuple[bytes, bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="ledger"):
        pack_contacts([Contact(0, "sms", *marks)])


def test_a_message_that_is_asked_about_again_does_not_count_against_itself() -> None:
    noon = at("2026-11-24T12:00", SHANGHAI)
    one, two = (make(noon, "sms", "mou-zichan", "A-1", f"decision-{n}") for n in (1, 2))
    assert without_message([one, two], make(noon + DAY, "sms", "mou-zichan", "A-1", "decision-1")) == (two,)


def test_two_debts_and_two_creditors_have_different_digests() -> None:
    noon = at("2026-11-24T12:00", SHANGHAI)
    marks = {
        (made.creditor, made.debt)
        for made in (make(noon, "sms", creditor, debt, "d") for creditor in ("a", "b") for debt in ("1", "2", None))
    }
    assert len(marks) == 6
