"""Quiet hours against a search minute by minute."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.domain.location.localtime import zone as local_zone
from duecare_core.domain.rules.pack import DatedHours, Pack
from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.quiet_hours import first_permitted, is_quiet
from duecare_core.domain.rules.rule_types import DAYS
from duecare_core.errors import BadPack
from tests.support.packs import PACK, at, row

MINUTE = timedelta(minutes=1)
WITHIN = timedelta(days=3)
# Half hours, quarter hours, changes at midnight, changes of half an hour, a change backwards for a month.
ZONES = [
    *("Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu"),
    *("America/St_Johns", "Africa/Casablanca", "Pacific/Chatham", "America/Scoresbysund", "Africa/Cairo"),
    *("Asia/Beirut", "Etc/GMT+12", "Pacific/Kiritimati"),
]
CHANGES = [
    "2026-11-01",
    "2027-03-14",
    "2026-10-25",
    "2027-03-28",
    "2026-10-04",
    "2027-04-04",
    "2027-02-07",
    "2027-03-14",
]


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    start, length = draw(st.integers(0, 95)), draw(st.integers(1, 80))
    end = (start + length) % 96
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True))
    return {"from": _time(start), "to": _time(end), "days": days}


def _time(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


@st.composite
def packs(draw: st.DrawFn) -> Pack:
    rows = []
    for number in range(draw(st.integers(1, 3))):
        member = draw(st.sampled_from(["quiet", "permitted"]))
        spans = draw(st.lists(windows(), min_size=1, max_size=2))
        limits = draw(st.sampled_from([{}, {"from": "2027-03-14"}, {"until": "2026-11-01"}]))
        rows.append(row("quiet_hours", id=f"row-{number}", **{member: spans}, holidays="X", **limits))
    holidays = {"2026": "1102", "2027": "0315"}
    return parse(json.dumps({"version": "test", "rows": rows, "holidays": {"X": holidays}}).encode())


instants = st.builds(
    lambda day, minutes, seconds: at(day + "T00:00") + timedelta(minutes=minutes, seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-1500, 1500),
    st.sampled_from([0, 0, 1, 59]),
)


def says_permitted(rules: tuple[DatedHours, ...], zone: str, instant: datetime) -> bool:
    """The definition, implemented again: the wall time is in a permitted window of every row in force that day."""
    clock = instant.astimezone(ZoneInfo(zone))
    minute = clock.hour * 60 + clock.minute
    for rule in rules:
        first, last = rule.span
        day = clock.date().toordinal()
        if first <= day <= last:
            windows = () if day in (rule.holidays or ()) else rule.week[clock.weekday()]
            if not any(start <= minute < end for start, end in windows):
                return False
    return True


def searched(rules: tuple[DatedHours, ...], zones: list[str], instant: datetime) -> datetime | None:
    candidate = instant
    while candidate <= instant + WITHIN:
        if all(says_permitted(rules, zone, candidate) for zone in zones):
            return candidate
        candidate = candidate.replace(second=0, microsecond=0) + MINUTE
    return None


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True), instants)
def test_the_first_permitted_instant_is_the_one_that_a_search_finds(
    data: st.DataObject, zones: list[str], instant: datetime
) -> None:
    try:
        pack = data.draw(packs())
    except BadPack:
        return
    rules, clocks = pack.hours(("CN",), "sms", "collector", None), tuple(map(local_zone, zones))
    assert first_permitted(rules, clocks, instant, WITHIN) == searched(rules, zones, instant)
    assert is_quiet(rules, clocks, instant) == (not all(says_permitted(rules, zone, instant) for zone in zones))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([row.jurisdiction for row in PACK.rows if row.jurisdiction != "any"]),
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=4, unique=True),
    instants,
)
def test_the_first_permitted_instant_is_permitted_and_no_earlier_one_is(
    region: str, zones: list[str], instant: datetime
) -> None:
    rules, clocks = PACK.hours((region,), "sms", "collector", None), tuple(map(local_zone, zones))
    opens = first_permitted(rules, clocks, instant)
    end = opens if opens is not None else instant + timedelta(days=8)
    if opens is not None:
        assert not is_quiet(rules, clocks, opens)
    step = (end - instant) / 200
    assert all(is_quiet(rules, clocks, instant + n * step) for n in range(200) if instant + n * step < end)
