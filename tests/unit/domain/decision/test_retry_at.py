"""QUIET_HOURS and FREQUENCY_CAP in `decide`: where the recipient is, when to ask again, how long it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from duecare_core.domain.decision.decision import Decision
from tests.support.asked import ask, made, mandate
from tests.support.packs import at, cap, hours, packed

SHANGHAI, NEW_YORK, LOS_ANGELES = "Asia/Shanghai", "America/New_York", "America/Los_Angeles"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
NOON = at("2026-11-24T12:00", SHANGHAI)


def rules_of(decision: Decision) -> list[tuple[str, str]]:
    return [(finding.code, finding.rule) for finding in decision.findings]


# Quiet hours


def test_a_text_at_night_is_denied_until_the_morning_and_names_the_rows() -> None:
    denied = ask(at("2026-11-24T22:00", SHANGHAI))
    assert denied.codes == ("QUIET_HOURS",)
    assert rules_of(denied) == [("QUIET_HOURS", "cn-hours"), ("QUIET_HOURS", "cn-hours-banks")]
    assert denied.retry_at == at("2026-11-25T08:00", SHANGHAI)
    assert denied.regions == ("CN",)


@pytest.mark.parametrize(("clock", "allowed"), [("07:59:59", False), ("08:00", True), ("21:59:59", True)])
def test_the_hours_begin_and_end_to_the_second(clock: str, allowed: bool) -> None:
    assert ask(at(f"2026-11-24T{clock}", SHANGHAI)).allowed is allowed


@pytest.mark.parametrize("zone", ["Etc/GMT+11", "America/Los_Angeles", "Asia/Urumqi", "Europe/London"])
def test_no_stated_time_zone_moves_a_number_away_from_its_own_hours(zone: str) -> None:
    early = at("2026-11-24T07:10", SHANGHAI)
    assert ask(early, zones=(zone,)).codes == ("QUIET_HOURS",)
    assert ask(early, zones=(None, zone)).codes == ("QUIET_HOURS",)  # the consent's


def test_a_stated_time_zone_abroad_adds_its_hours() -> None:
    assert ask(NOON, zones=(NEW_YORK,)).codes == ("QUIET_HOURS",)
    assert ask(at("2026-11-24T21:30", SHANGHAI), zones=(NEW_YORK,)).allowed
    assert ask(at("2026-11-24T23:00", SHANGHAI), zones=("Europe/London",)).codes == ("QUIET_HOURS",)


def test_of_two_stated_zones_both_must_permit_it() -> None:
    morning = at("2026-11-24T09:00", NEW_YORK)
    assert ask(morning, number="+12125550123", zones=(NEW_YORK,)).allowed
    assert ask(morning, number="+12125550123", zones=(NEW_YORK, LOS_ANGELES)).retry_at == at(
        "2026-11-24T08:00", LOS_ANGELES
    )


def test_a_number_of_the_united_states_waits_for_its_area_and_the_region_counts_too() -> None:
    morning = at("2026-11-24T08:30", NEW_YORK)
    assert ask(morning, number="+12125550123").allowed
    assert ask(morning, number="+12125550123", region="US-CA").codes == ("QUIET_HOURS",)


def test_a_number_of_no_country_is_never_in_its_permitted_hours_and_time_does_not_cure_it() -> None:
    denied = ask(datetime(2026, 11, 24, 12, tzinfo=UTC), number="+88216123456")
    assert denied.codes == ("QUIET_HOURS",)
    assert denied.retry_at is None


def test_a_number_of_several_countries_keeps_the_rules_of_all_of_them() -> None:
    denied = ask(at("2026-11-24T07:30", NEW_YORK), number="+18005550123")
    assert len(denied.regions) > 10
    assert denied.codes == ("QUIET_HOURS",)


def test_a_debt_of_no_stated_product_keeps_microfinance_hours_and_another_is_free_of_them() -> None:
    early = at("2026-11-24T08:30", "Asia/Kolkata")
    assert ask(early, number="+919876543210").codes == ("QUIET_HOURS",)
    assert ask(early, number="+919876543210", product="credit_card").allowed


# Frequency caps


def test_the_fourth_text_of_a_day_waits_for_the_next_morning() -> None:
    past = [made(NOON - timedelta(hours=hour)) for hour in (1, 2, 3)]
    denied = ask(NOON, past)
    assert rules_of(denied) == [("FREQUENCY_CAP", "cn-sms-day")]
    assert denied.retry_at == at("2026-11-25T08:00", SHANGHAI)
    assert ask(NOON, past[1:]).allowed


def test_both_reasons_are_said_at_once() -> None:
    night = at("2026-11-24T22:00", SHANGHAI)
    denied = ask(night, [made(NOON)] * 3)
    assert denied.codes == ("QUIET_HOURS", "FREQUENCY_CAP")
    assert denied.retry_at == at("2026-11-25T08:00", SHANGHAI)


def test_a_retry_waits_for_a_cap_that_is_full_when_the_hour_opens() -> None:
    pack = packed(cap(1, window="rolling", days=1), hours("09:00-10:00", id="hours"))
    sent = at("2026-11-24T09:30", SHANGHAI)
    assert ask(NOON, [made(sent)], pack=pack).retry_at == at("2026-11-25T09:30", SHANGHAI)


def test_an_area_code_of_massachusetts_brings_its_cap_whatever_the_debt_says() -> None:
    noon = at("2026-11-24T12:00", NEW_YORK)
    past = [made(noon - DAY), made(noon - 2 * DAY)]
    for stated in ({}, {"region": "US-MA"}, {"region": "US-CA"}, {"region": "CN-SH"}):
        denied = ask(noon, past, number="+16175550123", **stated)
        assert ("FREQUENCY_CAP", "us-ma-contacts") in rules_of(denied)
    assert ask(noon, past, number="+16175550123").retry_at == noon + 5 * DAY
    assert ask(noon, past, number="+14155550123").allowed
    assert not ask(noon, past, number="+14155550123", region="US-MA").allowed
    assert ask(noon, [made(noon, debt_ref="B-2")] * 2, number="+16175550123").allowed


def test_a_time_zone_restated_for_a_number_without_an_area_begins_no_new_calendar_day() -> None:
    """A contact counts until its day has ended in every zone that the number leaves possible."""
    pack = packed(cap(1, window="calendar_day", jurisdiction="AU"))
    sent = at("2026-11-24T23:30", "Australia/Sydney")
    next_morning = at("2026-11-25T00:10", "Australia/Sydney")  # still the 24th in Perth
    for zone in ("Australia/Sydney", "Australia/Lord_Howe", None):
        denied = ask(next_morning, [made(sent)], number="+61412345678", zones=(zone,), pack=pack)
        assert denied.codes == ("FREQUENCY_CAP",)
    in_sydney = ask(next_morning, [made(sent)], number="+61292223333", zones=("Australia/Sydney",), pack=pack)
    assert in_sydney.allowed


def test_the_message_itself_does_not_count_against_itself() -> None:
    pack = packed(cap(1))
    own = structs.replace(made(NOON), message=ask_own_mark())
    assert ask(NOON, [own], pack=pack).allowed
    assert ask(NOON, [made(NOON)], pack=pack).codes == ("FREQUENCY_CAP",)


def ask_own_mark() -> bytes:
    """The mark of the message that `ask` asks about."""
    from duecare_core.domain.rules.frequency_caps import contact  # noqa: PLC0415  beside its one use

    return contact(NOON, "sms", "mou-zichan", None, "this").message


# When time cures, and when it does not


def test_there_is_no_retry_at_if_another_reason_applies_by_then() -> None:
    """The mandate ends in the night: in the morning the hour is right and the mandate gone."""
    night = at("2026-11-24T23:00", SHANGHAI)
    term = mandate(valid_until=night + timedelta(hours=2))
    denied = ask(night, mandate=term)
    assert denied.codes == ("QUIET_HOURS",)
    assert denied.retry_at is None


# How long an allow is good


def test_an_allow_is_good_for_two_minutes_and_not_into_the_quiet_hours() -> None:
    assert ask(NOON).good_for == timedelta(seconds=120)
    assert ask(at("2026-11-24T21:59:15", SHANGHAI)).good_for == timedelta(seconds=45)
    assert ask(at("2026-11-24T21:58", SHANGHAI)).good_for == timedelta(seconds=120)


def test_an_allow_is_valid_no_longer_than_its_facts() -> None:
    term = mandate(valid_until=NOON + 30 * SECOND)
    assert ask(NOON, mandate=term).good_for == 30 * SECOND
