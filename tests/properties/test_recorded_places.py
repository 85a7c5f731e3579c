"""The places and clocks in a decision's inputs: a replay needs no number tables and no time zones of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.domain.decision.decision import Decision
from duecare_core.domain.location.localtime import advance_to, offsets, wall_time, zone
from duecare_core.domain.rules.pack import Pack
from duecare_core.errors import BadEvidence
from duecare_core.evidence.casefile.inputs import JudgedPlace, clocks_between, judged_place
from duecare_core.evidence.casefile.places import RecordedZone, geography
from tests.support.asked import ask, made
from tests.support.packs import PACK, cap, packed

# Weeks in which clocks change: in the north and the south, by an hour and by half an hour, and for a month of fasting.
CHANGES = [
    "2026-03-08",
    "2026-03-29",
    "2026-04-05",
    "2026-10-04",
    "2026-10-25",
    "2026-11-01",
    "2026-02-15",
    "2026-03-22",
]
NUMBERS = [
    *("+8613812345678", "+12125550123", "+12085550123", "+442079460958", "+61412345678", "+18005550123"),
    "+212612345678",
]
ZONES = [
    *(
        "America/New_York",
        "America/Havana",
        "Europe/London",
        "Australia/Sydney",
        "Australia/Lord_Howe",
        "Asia/Shanghai",
    ),
    *("Africa/Casablanca", "America/Santiago", "Pacific/Chatham", "Asia/Kolkata", "Pacific/Kiritimati"),
]
DAY = timedelta(days=1)
instants = st.builds(
    lambda day, seconds: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-3 * 86400, 3 * 86400),
)
places = st.fixed_dictionaries(
    {
        "number": st.sampled_from(NUMBERS),
        "region": st.sampled_from([None, "US-MA", "US-WA", "AU-NSW"]),
        "zones": st.lists(st.sampled_from([None, *ZONES]), max_size=2).map(tuple),
    }
)
pasts = st.lists(st.tuples(st.integers(-40 * 24, 2), st.integers(0, 59)), max_size=10)
# Caps that reach far back and make the search reach far ahead.
CAPS = packed(
    cap(2, id="x-day", jurisdiction="any", window="calendar_day"), cap(4, id="x-month", jurisdiction="any", days=30)
)


def recorded(decision: Decision) -> tuple[JudgedPlace, ...]:
    several = len(decision.places) > 1
    return tuple(judged_place(one, decision, several=several) for one in decision.places)


@settings(max_examples=300, deadline=None)
@given(places, instants, pasts, st.sampled_from([PACK, CAPS]))
def test_the_recorded_places_and_clocks_give_the_same_decision(
    place: dict[str, object], now: datetime, ago: list[tuple[int, int]], pack: Pack
) -> None:
    past = [made(now + timedelta(hours=hours, minutes=minutes), f"m-{n}") for n, (hours, minutes) in enumerate(ago)]
    decision = ask(now, past, pack=pack, **place)  # type: ignore[arg-type]
    there = geography(recorded(decision), decision.regions)
    again = ask(now, decision.contacts, geography=there, pack=pack, **place)  # type: ignore[arg-type]
    assert (again.codes, again.findings, again.retry_at, again.regions, again.good_for) == (
        *(decision.codes, decision.findings, decision.retry_at, decision.regions, decision.good_for),
    )
    assert again.contacts == decision.contacts


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ZONES), instants, st.integers(0, 60), st.integers(0, 100))
def test_a_recorded_clock_shows_what_the_zones_clock_shows_in_its_period(
    name: str, first: datetime, days: int, percent: int
) -> None:
    last = first + days * DAY
    ((_, text),) = clocks_between([name], first, last).items()
    clock, here = RecordedZone(name, text), zone(name)
    at = first + (last - first) * percent / 100
    assert wall_time(at, clock) == wall_time(at, here)
    assert at.astimezone(clock).utcoffset() == at.astimezone(here).utcoffset()
    assert at.astimezone(clock).astimezone(UTC) == at
    target = wall_time(at, here).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    if at + DAY + timedelta(hours=2) <= last:
        assert advance_to(at, target, clock) == advance_to(at, target, here)


@given(st.sampled_from(ZONES), instants, st.integers(0, 400))
def test_the_offsets_of_a_period_are_its_first_one_and_its_changes(name: str, first: datetime, days: int) -> None:
    last = first + days * DAY
    found = offsets(name, first, last)
    assert [at for at, _ in found] == sorted({at for at, _ in found})
    assert all(one[1] != other[1] for one, other in pairwise(found))
    assert found[0][0] == int(first.timestamp())
    assert found[-1][0] <= last.timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "", "8", "+8:00", "+08:60", "+24:00", "+08:00 ", "+08:00 2026-11-01T06:00:00Z", "+08:00 yesterday +09:00",
        "+08:00 2026-11-01T06:00:00+01:00 +09:00", "+08:00 2026-11-01T06:00:00Z +09:00 2026-10-01T06:00:00Z +08:00",
    ],
)  # fmt: skip
def test_offsets_that_nobody_writes_are_refused(text: str) -> None:
    with pytest.raises(BadEvidence):
        RecordedZone("Asia/Shanghai", text)
