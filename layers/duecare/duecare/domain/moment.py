"""What counts at an instant: quiet hours and caps together, the first instant that keeps both, and what a text must
and must not contain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from duecare.domain.caps import Contact, full
from duecare.domain.hours import first_permitted, is_quiet
from duecare.domain.localtime import wall, zone
from duecare.domain.pack import Pack
from duecare.domain.place import Place
from duecare.domain.rows import Forbidden, Required, Sender

_SECOND = timedelta(seconds=1)


class Moment(Struct, frozen=True, kw_only=True):
    """`quiet`: it is no hour to write; `capped`: the ids of the caps that are full. `retry_at` is the first instant, in
    whole seconds, that keeps every hour and every cap; None where it is now, and where none can be named."""

    quiet: bool
    capped: tuple[str, ...]
    retry_at: datetime | None

    @property
    def permitted(self) -> bool:
        return not (self.quiet or self.capped)


def demanded(
    pack: Pack, place: Place, at: datetime, *, channel: str, sender: Sender, product: str | None
) -> tuple[Required | Forbidden, ...]:
    """What a message at this instant must and must not contain: every row in force on a local day that it may be."""
    days = {wall(at, zone(name)).toordinal() for name in place.zones}
    demands = pack.demands(place.regions, channel, sender, product)
    return tuple(demand.row for demand in demands if any(demand.in_force(day) for day in days))


def judge(
    pack: Pack,
    place: Place,
    at: datetime,
    *,
    sender: Sender,
    product: str | None,
    contacts: Iterable[Contact],
    new: Contact,
) -> Moment:
    """May `new` be delivered at this instant to a recipient who is in this place?"""
    at = at.astimezone(UTC)
    hours = pack.hours(place.regions, new.channel, sender, product)
    caps = pack.caps(place.regions, new.channel, sender, product)
    quiet = is_quiet(hours, place.zones, at)
    counted = tuple(contacts)
    capped = full(caps, place.zones, counted, at, new) if counted else None
    if not quiet and capped is None:
        return Moment(quiet=False, capped=(), retry_at=None)
    instant: datetime | None = at if at.microsecond == 0 else at.replace(microsecond=0) + _SECOND
    while instant is not None:
        later = full(caps, place.zones, counted, instant, new) if counted else None
        opens = first_permitted(hours, place.zones, later.until if later else instant)
        if opens == instant or not counted:
            instant = opens
            break
        instant = opens
    return Moment(quiet=quiet, capped=capped.rows if capped else (), retry_at=instant)
