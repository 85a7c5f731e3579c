"""How long copies are kept, by the rule pack's rows of records."""

from __future__ import annotations

from datetime import timedelta

from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.rule_types import Records

# No period of the calendar is longer than these make it.
_DAYS_OF = {"D": 1, "M": 31, "Y": 366}
# Five months, whatever a pack says or leaves out.
MIN_RETENTION = timedelta(days=5 * _DAYS_OF["M"])


def retention(pack: Pack) -> timedelta:
    """How long each copy is locked: the longest time that any row demands, wherever and from whenever it counts, for a
    copy's lock cannot be shortened and a record does not tell where all its readers will be.

    Counted from the record's own time. A row that counts from the last activity on a debt asks for more where that came
    later: the longest row must leave room for it."""
    return max([MIN_RETENTION, *_demanded(pack)])


def shortest_retention(pack: Pack) -> timedelta:
    """The shortest time that any row demands: before it is over nothing may be erased, whoever asks."""
    return max(MIN_RETENTION, min(_demanded(pack), default=MIN_RETENTION))


def _demanded(pack: Pack) -> list[timedelta]:
    """What each row demands: `P5Y` and the like."""
    periods = [row.keep for row in pack.of_kind(Records)]
    return [timedelta(days=int(period[1:-1]) * _DAYS_OF[period[-1]]) for period in periods]
