"""Local time: from instants to wall times and back, through the gaps and folds of daylight saving.

An instant is always in UTC. A wall time is a naive datetime, as a local clock shows it. Instants that move forward
never reach a wall time inside a gap, and reach one inside a fold twice.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import tzdata

SECOND = timedelta(seconds=1)
_DAY = 24 * 60 * 60  # seconds
_BLOCK_DAYS = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
_ZONES = Path(tzdata.__file__).parent / "zoneinfo"


@cache  # a few hundred zones exist
def zone(name: str) -> ZoneInfo:
    """Read from the package tzdata alone: the zone files of a machine may be of another release.

    Raises ValueError or OSError if there is no such IANA time zone.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"not the name of a time zone: {name!r}")
    with (_ZONES / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def wall_time(at: datetime, where: tzinfo) -> datetime:
    """The wall time in this zone at this instant."""
    return at.astimezone(where).replace(tzinfo=None)


def advance_to(at: datetime, target: datetime, where: tzinfo) -> datetime:
    """The instant at which the local clock shows `target`, or the change of its offset if that comes first.

    `target` must be later than the wall time at `at`, by about a day at most: clocks do not change twice in a day.
    """
    here = wall_time(at, where)
    reached = at + (target - here)
    if wall_time(reached, where) == target:
        return reached
    before, after = (at - _EPOCH) // SECOND, (reached - _EPOCH) // SECOND + 1
    offset = _offset(before, where)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, where) == offset:
            before = middle
        else:
            after = middle
    return _EPOCH + after * SECOND


def next_day(at: datetime, where: tzinfo) -> datetime:
    """The first instant whose local date is after that of `at`."""
    today = wall_time(at, where)
    midnight = datetime(today.year, today.month, today.day) + timedelta(days=1)  # noqa: DTZ001  a wall time
    while wall_time(at, where) < midnight:
        at = advance_to(at, midnight, where)
    return at


def offsets(name: str, first: datetime, last: datetime) -> tuple[tuple[int, int], ...]:
    """The offsets of this zone's clock from UTC in a period: pairs of the instant from which on it has an offset, and
    the offset, both in seconds. The first pair is of `first`, each other one is a change after it, up to `last`.

    Most zones have no change in a short period, and then the result is one pair.
    """
    since, until = (first - _EPOCH) // SECOND, (last - _EPOCH) // SECOND
    found: list[tuple[int, int]] = []
    for block in range(since // (_BLOCK_DAYS * _DAY), until // (_BLOCK_DAYS * _DAY) + 1):
        for at, offset in _offsets_in(name, block):
            if at <= since:
                found = [(since, offset)]
            elif at <= until and offset != found[-1][1]:
                found.append((at, offset))
    return tuple(found)


@lru_cache(maxsize=4096)
def _offsets_in(name: str, block: int) -> tuple[tuple[int, int], ...]:
    """The offset at the beginning of this block of days, and each change in it. A clock changes at most once a day."""
    where, began = zone(name), block * _BLOCK_DAYS * _DAY
    found = [(began, _offset(began, where))]
    for midnight in range(began, began + _BLOCK_DAYS * _DAY, _DAY):
        before, after = midnight, midnight + _DAY
        if (offset := _offset(after, where)) == found[-1][1]:
            continue
        while after - before > 1:
            middle = (before + after) // 2
            if _offset(middle, where) == offset:
                after = middle
            else:
                before = middle
        found.append((after, offset))
    return tuple(found)


def _offset(seconds: int, where: tzinfo) -> int:
    at = _EPOCH + seconds * SECOND
    return (wall_time(at, where) - at.replace(tzinfo=None)) // SECOND
