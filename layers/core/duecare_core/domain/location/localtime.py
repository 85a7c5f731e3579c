"""Local time: from instants to wall times and back, through the gaps and folds of daylight saving.

An instant is always in UTC. A wall time is a naive datetime, as a local clock shows it. Instants that move forward
never reach a wall time inside a gap, and reach one inside a fold twice.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import tzdata

SECOND = timedelta(seconds=1)
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


def wall_time(at: datetime, where: ZoneInfo) -> datetime:
    """The wall time in this zone at this instant."""
    return at.astimezone(where).replace(tzinfo=None)


def advance_to(at: datetime, target: datetime, where: ZoneInfo) -> datetime:
    """The instant at which the local clock shows `target`, or the change of its offset if that comes first.

    `target` must be later than the wall time at `at`, by about a day at most: clocks do not change twice in a day.
    """
    here = at.astimezone(where)
    reached = at + (target - here.replace(tzinfo=None))
    offset = here.utcoffset()
    if reached.astimezone(where).utcoffset() == offset:
        return reached
    before, after = (at - _EPOCH) // SECOND, (reached - _EPOCH) // SECOND + 1
    while after - before > 1:
        middle = (before + after) // 2
        if (_EPOCH + middle * SECOND).astimezone(where).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return _EPOCH + after * SECOND


def next_day(at: datetime, where: ZoneInfo) -> datetime:
    """The first instant whose local date is after that of `at`."""
    today = wall_time(at, where)
    midnight = datetime(today.year, today.month, today.day) + timedelta(days=1)  # noqa: DTZ001  a wall time
    while wall_time(at, where) < midnight:
        at = advance_to(at, midnight, where)
    return at
