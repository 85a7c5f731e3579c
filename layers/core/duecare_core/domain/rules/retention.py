"""How long archived copies are kept, by the rule pack's rows about records."""

from __future__ import annotations

from datetime import timedelta

from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.rule_types import Records

# The longest that a calendar period can be.
_DAYS_OF = {"D": 1, "M": 31, "Y": 366}
# Five months, also if the pack has no such row.
MIN_RETENTION = timedelta(days=5 * _DAYS_OF["M"])


def retention(pack: Pack) -> timedelta:
    """How long each copy is locked: the longest period of any row, for any place and date, because a lock cannot be
    shortened and a record does not show under which laws it will be read.

    Counted from the record's time. For a row that counts from the last activity on a debt, which may be later, the
    longest row must leave enough room.
    """
    return max([MIN_RETENTION, *_periods(pack)])


def shortest_retention(pack: Pack) -> timedelta:
    """The shortest period of any row. Nothing may be erased before it has passed."""
    return max(MIN_RETENTION, min(_periods(pack), default=MIN_RETENTION))


def _periods(pack: Pack) -> list[timedelta]:
    """The period of each row (`P5Y` and similar)."""
    periods = [row.keep for row in pack.of_kind(Records)]
    return [timedelta(days=int(period[1:-1]) * _DAYS_OF[period[-1]]) for period in periods]
