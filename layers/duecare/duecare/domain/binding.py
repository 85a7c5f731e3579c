"""Which rows of the pack bind one message, and what they say of it at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from duecare.domain.caps import Contact, Full, full
from duecare.domain.hours import first_permitted, is_quiet, permitted_for
from duecare.domain.localtime import wall, zone
from duecare.domain.pack import Pack
from duecare.domain.place import Place
from duecare.domain.rows import Element, Forbidden, Required, Sender, Topic


class Quiet(Struct, frozen=True):
    """Quiet hours: the ids of the rows that say so, and the first permitted instant (None where none comes soon)."""

    rows: tuple[str, ...]
    until: datetime | None


class Binding:
    """The rows that bind a message: by where its recipient may be, who sends it, and what kind of debt it is about."""

    def __init__(self, pack: Pack, place: Place, channel: str, sender: Sender, product: str | None) -> None:
        self._zones = place.zones
        self._hours = pack.hours(place.regions, channel, sender, product)
        self._caps = pack.caps(place.regions, channel, sender, product)
        self._demands = pack.demands(place.regions, channel, sender, product)

    def required(self, at: datetime, *, promotional: bool) -> dict[Element, list[str]]:
        """What the text must have → the rows that say so.

        A row about the first text of a debt binds none: the facts do not show which is the first.
        """
        found: dict[Element, list[str]] = {}
        for row in self._in_force(at):
            if isinstance(row, Required) and (row.when == "each" or (row.when == "promotional" and promotional)):
                for element in row.elements:
                    found.setdefault(element, []).append(row.id)
        return found

    def forbidden(self, at: datetime) -> frozenset[Topic]:
        """What the text must not contain."""
        return frozenset(topic for row in self._in_force(at) if not isinstance(row, Required) for topic in row.topics)

    def quiet(self, at: datetime) -> Quiet | None:
        """None where a message may arrive at this instant, in every zone."""
        if not is_quiet(self._hours, self._zones, at):
            return None
        rows = tuple(rule.id for rule in self._hours if is_quiet((rule,), self._zones, at))
        return Quiet(rows, first_permitted(self._hours, self._zones, at))

    def permitted_for(self, at: datetime, within: timedelta) -> timedelta:
        """How long from now a message may still arrive, looking no further than `within`."""
        return permitted_for(self._hours, self._zones, at, within)

    def full(self, contacts: Iterable[Contact], at: datetime, new: Contact) -> Full | None:
        """None where no frequency cap is full."""
        return full(self._caps, self._zones, contacts, at, new)

    def _in_force(self, at: datetime) -> list[Required | Forbidden]:
        days = {wall(at, zone(name)).toordinal() for name in self._zones}
        return [demand.row for demand in self._demands if any(map(demand.in_force, days))]
