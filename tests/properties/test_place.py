"""No stated place is kinder than the number's own: for any number, region and time zones of debt and consent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.domain.location import zone_names
from duecare_core.domain.location.iso_regions import PARTS
from duecare_core.domain.location.locate import UNKNOWN, Place, country_of, locate
from duecare_core.domain.rules.applicable import ApplicableRules
from duecare_core.domain.rules.frequency_caps import Contact
from tests.support.packs import PACK

START = datetime(2026, 12, 1, tzinfo=UTC)
# The first digits of a number that is tied to an area, and the digits that may follow.
TIED = {"+1212555": 4, "+1617555": 4, "+1415555": 4, "+1907581": 4, "+1850432": 4, "+1416555": 4, "+6129222": 4}
# One country with one clock: nothing can be narrowed, so the same holds.
ONE_CLOCK = {"+86138": 8, "+4479111": 5, "+91981": 7, "+63917": 7, "+852912": 5}
# Several zones are possible, or any.
UNTIED = {"+61412": 6, "+6281234": 6, "+7916": 7, "+1800555": 4, "+88216": 6}


def numbers(plans: dict[str, int]) -> st.SearchStrategy[str]:
    def of(prefix: str) -> st.SearchStrategy[str]:
        return st.integers(0, 10 ** plans[prefix] - 1).map(lambda digits: f"{prefix}{digits:0{plans[prefix]}d}")

    return st.sampled_from(sorted(plans)).flatmap(of)


listed = [f"{country}-{part}" for country, parts in PARTS.items() for part in parts.split()]
near = [code for code in listed if code[:2] in ("US", "CN", "AU", "ID", "IN", "GB", "CA", "RU")]
regions = st.one_of(st.none(), st.sampled_from(near), st.sampled_from(listed))
zones = st.one_of(st.none(), st.sampled_from(sorted(zone_names.COUNTRIES_OF)))
instants = st.integers(0, 4 * 24 * 30).map(lambda quarters: START + timedelta(minutes=15 * quarters))
contacts = st.lists(
    st.builds(Contact, st.integers(0, 10 * 24 * 4).map(lambda quarters: int(START.timestamp()) + 900 * quarters),
              st.just("sms"), st.just(b"AAAA"), st.sampled_from([b"debt-1", b"debt-2"]), st.just(b"message1")),
    max_size=6,
)  # fmt: skip
NEW = Contact(0, "sms", b"AAAA", b"debt-1", b"message2")


def rules(place: Place, at: datetime) -> ApplicableRules:
    return ApplicableRules(PACK, place, "sms", "collector", None, at)


@settings(max_examples=300)
@given(numbers(TIED | ONE_CLOCK), regions, zones, zones, instants, contacts)
def test_a_number_that_is_tied_keeps_every_hour_every_cap_and_every_demand(
    number: str, region: str | None, debt: str | None, consent: str | None, at: datetime, past: list[Contact]
) -> None:
    alone = locate(number)
    stated = locate(number, region=region, time_zones=(debt, consent))
    assert set(stated.zones) >= set(alone.zones)
    before, after = rules(alone, at), rules(stated, at)
    assert after.quiet() or not before.quiet()
    assert after.full_caps(past, NEW) or not before.full_caps(past, NEW)
    assert set(after.required(promotional=True)) >= set(before.required(promotional=True))
    assert after.forbidden() >= before.forbidden()


@settings(max_examples=300)
@given(numbers(UNTIED), regions, zones, zones, instants)
def test_a_number_that_is_not_tied_has_the_hours_of_each_stated_place_and_lies_where_the_number_may(
    number: str, region: str | None, debt: str | None, consent: str | None, at: datetime
) -> None:
    alone = locate(number)
    stated = locate(number, region=region, time_zones=(debt, consent))
    named = {zone for zone in (debt, consent) if zone}
    assert set(stated.zones) >= named
    if region:
        assert region in stated.regions
        own = Place((region,), locate("+88216123456", region=region).zones)
        assert set(own.zones) <= set(stated.zones)
        assert rules(stated, at).quiet() or not rules(own, at).quiet()
    # Nothing that is possible goes away, but for a stated place that the number leaves possible.
    if alone != UNKNOWN:
        possible_zone = any(set(zone_names.COUNTRIES_OF[zone].split()) & set(alone.regions) for zone in named)
        possible_region = region is not None and country_of(region) in alone.regions
        if not possible_region:
            assert set(stated.regions) >= set(alone.regions)
            if not possible_zone:
                assert set(stated.zones) >= set(alone.zones)
    assert {*stated.zones, *stated.set_aside} >= set(alone.zones)  # days are counted in every possible zone


@settings(max_examples=200)
@given(numbers(UNTIED), st.lists(zones, min_size=2, max_size=6))
def test_no_statement_of_a_zone_begins_a_new_day(number: str, restated: list[str | None]) -> None:
    """A contact that a calendar day's cap counts under one statement is counted under every other."""
    every = [locate(number, time_zones=(zone,)) for zone in restated]
    days = [{*place.zones, *place.set_aside} for place in every]
    assert all(counted >= set(locate(number).zones) for counted in days)
