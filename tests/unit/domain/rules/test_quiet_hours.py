"""Quiet hours: exact at their edges, in every zone, through every change of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from duecare_core.domain.location.localtime import zone as local_zone
from duecare_core.domain.location.locate import UNKNOWN, Place, locate
from duecare_core.domain.rules.pack import DatedHours, Pack
from duecare_core.domain.rules.quiet_hours import first_permitted, is_quiet
from tests.support.packs import PACK, at, hours, packed, row

SHANGHAI, NEW_YORK, CHICAGO, LOS_ANGELES = "Asia/Shanghai", "America/New_York", "America/Chicago", "America/Los_Angeles"
SYDNEY, JAKARTA, KOLKATA = "Australia/Sydney", "Asia/Jakarta", "Asia/Kolkata"


def rules(
    region: str, pack: Pack = PACK, product: str | None = "other", sender: Any = "collector"
) -> tuple[DatedHours, ...]:
    return pack.hours((region,), "sms", sender, product)


def opens(region: str, zone: str | tuple[str, ...], instant: datetime, **options: Any) -> datetime | None:
    zones = (zone,) if isinstance(zone, str) else zone
    return first_permitted(rules(region, **options), map(local_zone, zones), instant)


def silent(found: tuple[DatedHours, ...], zones: tuple[str, ...], instant: datetime) -> bool:
    return is_quiet(found, map(local_zone, zones), instant)


def clocks(place: Place) -> list[tzinfo]:
    return [local_zone(name) for name in place.zones]


@pytest.mark.parametrize(
    ("region", "zone", "permitted", "quiet", "again"),
    [
        ("CN", SHANGHAI, "2026-11-24T21:59:59", "2026-11-24T22:00", "2026-11-25T08:00"),
        ("CN", SHANGHAI, "2026-11-24T08:00", "2026-11-24T07:59:59", "2026-11-24T08:00"),
        ("CN", SHANGHAI, "2026-11-24T21:59:59.999999", "2026-11-24T00:00", "2026-11-24T08:00"),
        ("US", NEW_YORK, "2026-11-24T20:59:59", "2026-11-24T21:00", "2026-11-25T08:00"),
        ("US-MA", NEW_YORK, "2026-11-24T08:00", "2026-11-24T07:59:59", "2026-11-24T08:00"),
        ("US-WA", LOS_ANGELES, "2026-11-24T08:00", "2026-11-24T07:45", "2026-11-24T08:00"),
        ("GB", "Europe/London", "2026-11-24T20:59", "2026-11-24T21:00", "2026-11-25T08:00"),
        ("PH", "Asia/Manila", "2026-11-24T06:00", "2026-11-24T22:00", "2026-11-25T06:00"),
        ("FR", "Europe/Paris", "2026-11-24T19:59:59", "2026-11-24T20:00", "2026-11-25T08:00"),
        ("AU", SYDNEY, "2026-11-27T07:30", "2026-11-27T21:00", "2026-11-28T09:00"),  # Friday to Saturday
        ("AU", SYDNEY, "2026-11-29T09:00", "2026-11-29T08:59:59", "2026-11-29T09:00"),  # Sunday
        ("AU", SYDNEY, "2026-11-29T20:59", "2026-11-29T21:00", "2026-11-30T07:30"),  # Sunday to Monday
        ("AU", SYDNEY, "2026-12-24T20:59", "2026-12-24T21:00", "2026-12-27T09:00"),  # over two holidays to Sunday
        ("ID", JAKARTA, "2026-11-28T19:59", "2026-11-28T20:00", "2026-11-30T08:00"),  # Saturday to Monday
        ("ID", JAKARTA, "2026-08-18T08:00", "2026-08-17T12:00", "2026-08-18T08:00"),  # Independence Day
        ("ID", JAKARTA, "2026-12-26T08:00", "2026-12-25T12:00", "2026-12-26T08:00"),
        ("IN", KOLKATA, "2026-11-24T18:59:59", "2026-11-24T19:00", "2026-11-25T08:00"),
    ],
)
def test_the_edges_of_a_day(region: str, zone: str, permitted: str, quiet: str, again: str) -> None:
    allowed = at(permitted, zone)
    assert not silent(rules(region), (zone,), allowed)
    assert opens(region, zone, allowed) == allowed
    assert silent(rules(region), (zone,), at(quiet, zone))
    assert opens(region, zone, at(quiet, zone)) == at(again, zone)


def test_microfinance_hours_in_india_end_with_the_year_and_the_others_begin() -> None:
    early, late = "T08:30", "T18:30"
    for time in (early, late):
        assert silent(rules("IN", product="microfinance"), (KOLKATA,), at("2026-12-31" + time, KOLKATA))
        assert not silent(rules("IN", product="microfinance"), (KOLKATA,), at("2027-01-01" + time, KOLKATA))
        assert not silent(rules("IN", product="credit_card"), (KOLKATA,), at("2026-12-31" + time, KOLKATA))
    assert silent(rules("IN", product=None), (KOLKATA,), at("2026-12-31T18:30", KOLKATA))
    # The year's last evening opens by the next year's rule.
    assert opens("IN", KOLKATA, at("2026-12-31T18:30", KOLKATA), product="microfinance") == at(
        "2027-01-01T08:00", KOLKATA
    )


def test_indias_hours_do_not_lapse_at_the_turn_of_the_year() -> None:
    for day in ("2026-12-31", "2027-01-01"):
        assert silent(rules("IN"), (KOLKATA,), at(day + "T07:59:59", KOLKATA))
        assert silent(rules("IN"), (KOLKATA,), at(day + "T19:00", KOLKATA))
        assert not silent(rules("IN"), (KOLKATA,), at(day + "T18:59:59", KOLKATA))


def test_a_number_with_two_zones_must_be_permitted_in_both() -> None:
    place = locate("+12085550123")  # Idaho: Boise and the north
    found = rules("US")
    assert silent(found, place.zones, at("2026-11-24T08:30", "America/Boise"))
    assert first_permitted(found, clocks(place), at("2026-11-24T07:00", "America/Boise")) == at(
        "2026-11-24T08:00", LOS_ANGELES
    )
    assert silent(found, place.zones, at("2026-11-24T21:00", "America/Boise"))


def test_a_number_of_two_countries_keeps_the_hours_of_both() -> None:
    place = locate("+447700900123")
    found = PACK.hours(place.regions, "sms", "collector", None)
    london = "Europe/London"
    assert not silent(found, place.zones, at("2026-11-24T19:59", london))
    assert first_permitted(found, clocks(place), at("2026-11-24T20:00", london)) == at("2026-11-25T08:00", london)


def test_an_unknown_country_is_never_an_hour_to_write() -> None:
    found = PACK.hours(UNKNOWN.regions, "sms", "collector", None)
    for hour in range(24):
        assert silent(found, UNKNOWN.zones, at("2026-11-24T00:00") + timedelta(hours=hour))
    assert first_permitted(found, clocks(UNKNOWN), at("2026-11-24T00:00")) is None


def test_an_unknown_country_with_a_stated_zone_has_the_hours_of_elsewhere() -> None:
    place = locate("+88216123456", time_zones=["Asia/Tokyo"])
    found = PACK.hours(place.regions, "sms", "collector", None)
    assert first_permitted(found, clocks(place), at("2026-11-24T20:00", "Asia/Tokyo")) == at(
        "2026-11-25T08:00", "Asia/Tokyo"
    )


def test_nothing_opens_later_than_within_eight_days() -> None:
    pack = packed(row("quiet_hours", permitted=[{"days": ["mon"], "from": "08:00", "to": "09:00"}]))
    monday = at("2026-11-23T09:00", SHANGHAI)
    assert opens("CN", SHANGHAI, monday, pack=pack) == at("2026-11-30T08:00", SHANGHAI)
    never = packed(hours("08:00-09:00"), hours("09:00-10:00", id="y-row"))
    assert opens("CN", SHANGHAI, monday, pack=never) is None


def test_a_year_without_known_holidays_quiet() -> None:
    assert opens("AU", SYDNEY, at("2035-12-31T12:00", SYDNEY)) == at("2035-12-31T12:00", SYDNEY)
    assert opens("AU", SYDNEY, at("2036-01-05T12:00", SYDNEY)) is None


# Gaps and folds


def night(*windows: str, **options: Any) -> Pack:
    return packed(hours(*windows, jurisdiction="US", **options))


def test_a_quiet_hour_in_a_fold_is_quiet_in_both_passes() -> None:
    pack = night("01:00-02:00", quiet=True)  # 2026-11-01 in New York has this hour twice
    first, second = at("2026-11-01T01:30", NEW_YORK), at("2026-11-01T01:30", NEW_YORK, fold=1)
    assert second - first == timedelta(hours=1)
    for instant in (first, second):
        assert silent(rules("US", pack), (NEW_YORK,), instant)
        assert opens("US", NEW_YORK, instant, pack=pack) == at("2026-11-01T02:00", NEW_YORK)


def test_a_permitted_hour_in_a_fold_is_permitted_in_both_passes() -> None:
    pack = night("01:00-01:30")
    assert opens("US", NEW_YORK, at("2026-11-01T00:10", NEW_YORK), pack=pack) == at("2026-11-01T01:00", NEW_YORK)
    between = at("2026-11-01T01:45", NEW_YORK)  # of the first pass: the second opens a quarter of an hour later
    assert opens("US", NEW_YORK, between, pack=pack) == at("2026-11-01T01:00", NEW_YORK, fold=1)
    assert opens("US", NEW_YORK, between, pack=pack) == datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    after = at("2026-11-01T01:30", NEW_YORK, fold=1)
    assert opens("US", NEW_YORK, after, pack=pack) == at("2026-11-02T01:00", NEW_YORK)


def test_an_opening_in_a_gap_is_the_end_of_the_gap() -> None:
    pack = night("02:30-05:00")  # 2027-03-14 in New York goes from 02:00 to 03:00
    assert opens("US", NEW_YORK, at("2027-03-14T01:00", NEW_YORK), pack=pack) == datetime(2027, 3, 14, 7, tzinfo=UTC)
    assert opens("US", NEW_YORK, at("2027-03-15T01:00", NEW_YORK), pack=pack) == at("2027-03-15T02:30", NEW_YORK)


def test_a_window_within_a_gap_does_not_open_that_day() -> None:
    pack = night("02:15-02:45")
    assert opens("US", NEW_YORK, at("2027-03-14T01:00", NEW_YORK), pack=pack) == at("2027-03-15T02:15", NEW_YORK)


def test_a_day_without_midnight_opens_where_it_begins() -> None:
    pack = packed(hours("00:00-01:00", "12:00-13:00", jurisdiction="CU"))
    havana = "America/Havana"  # 2028-03-12 begins at 01:00
    assert opens("CU", havana, at("2028-03-11T23:30", havana), pack=pack) == at("2028-03-12T12:00", havana)


@pytest.mark.parametrize(
    ("quiet", "again"), [("2026-10-31T21:00", "2026-11-01T08:00"), ("2027-03-13T21:00", "2027-03-14T08:00")]
)
def test_eight_oclock_is_eight_oclock_after_the_clock_has_changed(quiet: str, again: str) -> None:
    assert opens("US", NEW_YORK, at(quiet, NEW_YORK)) == at(again, NEW_YORK)


def test_a_clock_of_half_hours_is_kept() -> None:
    lord_howe = "Australia/Lord_Howe"  # its summer time is half an hour
    assert opens("AU", lord_howe, at("2027-04-03T21:00", lord_howe)) == at("2027-04-04T09:00", lord_howe)
