"""Quiet hours: whether a message may arrive at an instant, and if not, from which instant on.

A rule permits an instant in a zone if it permits the wall time there. A quiet wall time in a fold is therefore quiet
both times, and the first permitted instant always exists, gap or not. Every rule in force must permit it in every zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from duecare_core.domain.location.localtime import advance_to, wall_time
from duecare_core.domain.rules.pack import DatedHours, Interval

MAX_WAIT = timedelta(days=8)
_MIDNIGHT = 24 * 60


def is_quiet(rules: tuple[DatedHours, ...], zones: Iterable[tzinfo], at: datetime) -> bool:
    """Whether any rule forbids this instant in any of the zones."""
    days = _Days(rules)
    return any(not days.permit(wall_time(at, where)) for where in zones)


def first_permitted(
    rules: tuple[DatedHours, ...], zones: Iterable[tzinfo], at: datetime, within: timedelta = MAX_WAIT
) -> datetime | None:
    """The first instant from `at` on that every rule permits in every zone; None if there is none `within`."""
    days = _Days(rules)
    places = tuple(zones)
    limit = at + within
    candidate = at
    while True:
        before = candidate
        for where in places:
            opens = _opens(days, where, candidate, limit)
            if opens is None:
                return None
            candidate = opens
        if candidate == before:
            return candidate


def permitted_on(rules: Iterable[DatedHours], day: int) -> tuple[Interval, ...]:
    """The minutes of a local day that all rules in force on it permit, in order."""
    common: list[Interval] = [(0, _MIDNIGHT)]
    for rule in rules:
        if rule.in_force(day):
            common = [
                (max(one[0], other[0]), min(one[1], other[1]))
                for one in common
                for other in rule.permits(day)
                if max(one[0], other[0]) < min(one[1], other[1])
            ]
    return tuple(sorted(common))


class _Days(dict[int, tuple[Interval, ...]]):
    """Local day → the minutes that all rules in force on it permit, computed once a day."""

    def __init__(self, rules: tuple[DatedHours, ...]) -> None:
        super().__init__()
        self._rules = rules

    def __missing__(self, day: int) -> tuple[Interval, ...]:
        self[day] = permitted_on(self._rules, day)
        return self[day]

    def permit(self, clock: datetime) -> bool:
        minute = clock.hour * 60 + clock.minute
        return any(start <= minute < end for start, end in self[clock.toordinal()])

    def opening(self, clock: datetime) -> datetime:
        """The next opening on this day, or the midnight that ends it."""
        minute = clock.hour * 60 + clock.minute
        opens = next((start for start, _ in self[clock.toordinal()] if start > minute), _MIDNIGHT)
        return clock.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=opens)


def _opens(days: _Days, where: tzinfo, at: datetime, limit: datetime) -> datetime | None:
    """The first permitted instant from `at` on in one zone; None if it is after `limit`.

    Each step goes to the next opening or to midnight, but not beyond a change of the clock, after which the wall time
    is checked again.
    """
    while at <= limit:
        clock = wall_time(at, where)
        if days.permit(clock):
            return at
        at = advance_to(at, days.opening(clock), where)
    return None
