"""No statement of an interested party moves a recipient away from the hours, the rules and the caps of the number."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.packs import at
from tests.support.world import World, consent_members, debt_members, stamp

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
ENGLISH = "[某资产] This is from a debt collector: you owe CNY 27911. Reply STOP to opt out."
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def world_at(now: datetime, number: str = "+8613812345678") -> World:
    world = World().register()
    world.now = now
    world.engage()
    world.consent(recipient=number)
    return world


def codes(world: World, number: str, **debt: Any) -> list[str]:
    world.debt(recipient=number, **debt)
    return world.reasons(recipient=number, text=ENGLISH + " 退订回T")


# The attacks of a creditor, as they were made


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Pago_Pago", "Pacific/Kiritimati", "Asia/Tokyo"])
def test_a_stated_zone_does_not_open_the_night_in_shanghai(zone: str) -> None:
    night = at("2026-11-24T07:10", SHANGHAI)
    assert "QUIET_HOURS" in codes(world_at(night), "+8613812345678", time_zone=zone)


def test_a_zone_stated_with_the_consent_does_not_open_it_either() -> None:
    world = world_at(at("2026-11-24T07:10", SHANGHAI))
    world.consent(granted_at=stamp(world.now - DAY), time_zone="America/Los_Angeles")
    assert "QUIET_HOURS" in codes(world, "+8613812345678")


def test_tokyo_does_not_open_the_evening_in_new_york() -> None:
    evening = at("2026-11-24T21:30", NEW_YORK)
    assert "QUIET_HOURS" in codes(world_at(evening, "+12125550123"), "+12125550123", time_zone="Asia/Tokyo")
    by_day = at("2026-11-24T18:30", NEW_YORK)  # 08:30 in Tokyo
    assert codes(world_at(by_day, "+12125550123"), "+12125550123", time_zone="Asia/Tokyo") == []


@pytest.mark.parametrize("region", ["US-CA", "IN-MH", "US-KS", "GB-ENG"])
def test_a_region_abroad_does_not_remove_chinas_cap(region: str) -> None:
    world = world_at(at("2026-11-24T09:00", SHANGHAI))
    world.debt(region=region)
    found = world.verify(message_id="first", text=ENGLISH + " 退订回T").record.reasons
    assert {"QUIET_HOURS"} >= set(found)  # the region's own hours may add a denial
    world = world_at(at("2026-11-24T21:30", SHANGHAI))
    world.debt(region=region)
    allowed = [
        world.verify(message_id=f"m-{number}", text=ENGLISH + " 退订回T").record.decision == "allow"
        for number in range(30)
    ]
    assert sum(allowed) <= 3


def test_a_zone_restated_before_each_burst_does_not_begin_a_new_day() -> None:
    start = at("2026-11-24T08:10", SHANGHAI)
    zones = ["Asia/Tokyo", "Asia/Kamchatka", "Asia/Urumqi", None, "Asia/Karachi"]
    world = world_at(start)
    allowed = 0
    for burst, zone in enumerate(zones):
        world.now = start + burst * 3 * HOUR
        stated = {} if zone is None else {"time_zone": zone}
        world.debt(as_of=stamp(world.now), **stated)
        for number in range(6):
            decided = world.verify(message_id=f"m-{burst}-{number}")
            allowed += decided.record.decision == "allow"
    assert allowed <= 3


@pytest.mark.parametrize("region", ["CN-ZZZ", "US-XX", "XX-00", "US-NYC"])
def test_a_region_that_iso_3166_2_does_not_list_is_rejected(region: str) -> None:
    world = World().register()
    result = world.state("mou-zichan", "debt", **debt_members(world.now, region=region))
    assert result.problem
    assert [(one.pointer, one.code) for one in result.problem.errors] == [("/region", "unknown-region")]
    assert region not in str(result.problem.errors)


@pytest.mark.parametrize(
    "zone",
    [
        *("Etc/GMT+11", "Etc/UTC", "localtime", "posixrules", "right/Asia/Shanghai", "posix/Asia/Shanghai"),
        *("UTC", "EST", "PRC", "Factory", "US/Pacific"),
    ],
)
@pytest.mark.parametrize("kind", ["debt", "consent"])
def test_a_zone_that_is_no_place_is_rejected(kind: str, zone: str) -> None:
    world = World().register()
    members = {"debt": debt_members, "consent": consent_members}[kind](world.now, time_zone=zone)
    result = world.state("mou-zichan", kind, **members)
    assert result.problem
    assert [(one.pointer, one.code) for one in result.problem.errors] == [("/time_zone", "unknown-time-zone")]


@pytest.mark.parametrize(
    ("number", "noon"),
    [
        ("+447911123456", "Europe/London"),
        ("+14155550123", "America/Los_Angeles"),
        ("+919812345678", "Asia/Kolkata"),
        ("+639171234567", "Asia/Manila"),
        ("+6281234567890", "Asia/Makassar"),
    ],
)
def test_every_country_has_a_cap_for_texts(number: str, noon: str) -> None:
    world = world_at(at("2026-11-24T12:00", noon), number)
    world.debt(recipient=number)
    decided = [
        world.verify(message_id=f"m-{one}", recipient=number, text=ENGLISH + " 退订回T").record for one in range(30)
    ]
    assert [record.decision for record in decided] == ["allow"] * 3 + ["deny"] * 27
    assert set(decided[-1].reasons) == {"FREQUENCY_CAP"}


def test_an_exchange_of_unalaska_waits_for_alaska() -> None:
    number = "+19075810123"
    early = at("2026-11-24T08:30", "Pacific/Honolulu")  # 09:30 in Anchorage
    assert codes(world_at(early, number), number) == []
    late = at("2026-11-24T20:30", "Pacific/Honolulu")  # 21:30 in Anchorage
    assert codes(world_at(late, number), number) == ["QUIET_HOURS"]


def test_an_area_code_brings_its_states_cap_whatever_the_debt_says() -> None:
    number = "+16175550123"  # Massachusetts: 2 in 7 days
    world = world_at(at("2026-11-24T12:00", NEW_YORK), number)
    world.debt(recipient=number, region="US-KS", time_zone=NEW_YORK)
    decided = [
        world.verify(message_id=f"m-{one}", recipient=number, text=ENGLISH + " 退订回T").record for one in range(3)
    ]
    assert [record.decision for record in decided] == ["allow", "allow", "deny"]


def test_a_toll_free_number_has_the_rows_of_every_state() -> None:
    number = "+18005551234"
    world = world_at(at("2026-11-24T14:00", NEW_YORK), number)
    # Nothing but a stated zone opens an hour at all: from Guam to Hawaii it is always night somewhere.
    world.debt(recipient=number, time_zone=NEW_YORK)
    decided = [
        world.verify(message_id=f"m-{one}", recipient=number, text=ENGLISH + " 退订回T").record for one in range(3)
    ]
    assert [record.decision for record in decided] == ["allow", "allow", "deny"]


# Honest statements


def test_a_mobile_number_of_australia_is_narrowed_by_its_region() -> None:
    number = "+61412345678"
    early = at("2026-11-24T08:00", "Australia/Brisbane")  # 06:00 in Perth
    assert codes(world_at(early, number), number) == ["QUIET_HOURS"]
    assert codes(world_at(early, number), number, region="AU-QLD") == []
    assert codes(world_at(early, number), number, time_zone="Australia/Brisbane") == []
    world = world_at(early, number)
    world.consent(recipient=number, granted_at=stamp(early - DAY), time_zone="Australia/Perth")
    assert codes(world, number, region="AU-QLD") == ["QUIET_HOURS"]  # they disagree: both count
