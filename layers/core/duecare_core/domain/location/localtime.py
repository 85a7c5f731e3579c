"""Local time: from instants to wall clocks and back, through the gaps and folds of daylight saving.

An instant is always in UTC; a wall time is what a clock there shows, a naive datetime. Going forward in instants, a
wall time that a gap skips is never met, and one in a fold is met twice.
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


def is_zone(name: str) -> bool:
    try:
        zone(name)
    except (ValueError, OSError):
        return False
    return True


def wall_time(at: datetime, where: ZoneInfo) -> datetime:
    """What a clock there shows at this instant."""
    return at.astimezone(where).replace(tzinfo=None)


def advance_to(at: datetime, target: datetime, where: ZoneInfo) -> datetime:
    """The instant at which the clock there shows `target`, or the change of its offset that comes before.

    `target` must lie ahead of the wall time at `at`, by at most a day or so: clocks do not change twice in a day.
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
    """The first instant whose local date lies after that of `at`."""
    today = wall_time(at, where)
    midnight = datetime(today.year, today.month, today.day) + timedelta(days=1)  # noqa: DTZ001  a wall time
    while wall_time(at, where) < midnight:
        at = advance_to(at, midnight, where)
    return at
