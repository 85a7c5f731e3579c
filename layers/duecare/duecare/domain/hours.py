"""Quiet hours: may a message arrive at an instant, and if not, from when on.

A rule permits an instant in a zone when it permits the wall time there. So a quiet wall time in a fold is quiet in both
passes, and the answer is always an instant that there is, gap or not. Every rule in force must permit it in every zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from duecare.domain.localtime import towards, wall, zone
from duecare.domain.rulepack import Hours, Interval

WITHIN = timedelta(days=8)
_MIDNIGHT = 24 * 60


def is_quiet(rules: tuple[Hours, ...], zones: Iterable[str], at: datetime) -> bool:
    """Whether a rule forbids this instant in one of the zones."""
    return any(_is_quiet(rules, wall(at, zone(name))) for name in zones)


def first_permitted(
    rules: tuple[Hours, ...], zones: Iterable[str], at: datetime, within: timedelta = WITHIN
) -> datetime | None:
    """The first instant, from `at` on, that every rule permits in every zone; None where none comes `within`."""
    places = [zone(name) for name in zones]
    limit = at + within
    candidate = at
    while True:
        before = candidate
        for where in places:
            opens = _opens(rules, where, candidate, limit)
            if opens is None:
                return None
            candidate = opens
        if candidate == before:
            return candidate


def _is_quiet(rules: tuple[Hours, ...], clock: datetime) -> bool:
    day, minute = clock.toordinal(), clock.hour * 60 + clock.minute
    return any(
        rule.in_force(day) and not any(start <= minute < end for start, end in rule.permits(day)) for rule in rules
    )


def _opens(rules: tuple[Hours, ...], where: ZoneInfo, at: datetime, limit: datetime) -> datetime | None:
    """The first instant from `at` on that the rules permit in one zone.

    Step by step to the next opening of the day or the next midnight, and no further than a change of the clock, after
    which the wall time is another and is looked at anew.
    """
    while at <= limit:
        clock = wall(at, where)
        if not _is_quiet(rules, clock):
            return at
        minute = clock.hour * 60 + clock.minute
        opening = next((start for start, _ in _permitted(rules, clock.toordinal()) if start > minute), _MIDNIGHT)
        today = clock.replace(hour=0, minute=0, second=0, microsecond=0)
        at = towards(at, today + timedelta(minutes=opening), where)
    return None


def _permitted(rules: tuple[Hours, ...], day: int) -> list[Interval]:
    """The minutes of a local day that all rules in force permit."""
    common: list[Interval] = [(0, _MIDNIGHT)]
    for rule in rules:
        if rule.in_force(day):
            common = [
                (max(one[0], other[0]), min(one[1], other[1]))
                for one in common
                for other in rule.permits(day)
                if max(one[0], other[0]) < min(one[1], other[1])
            ]
    return sorted(common)
