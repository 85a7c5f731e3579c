"""The rows of the pack that bind one message at one instant, and their answers about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from msgspec import Struct

from duecare_core.domain.location.localtime import wall_time, zone
from duecare_core.domain.location.locate import Place
from duecare_core.domain.rules.frequency_caps import Contact, FullCaps, counted_contacts, full_caps
from duecare_core.domain.rules.pack import Interval, Pack
from duecare_core.domain.rules.quiet_hours import first_permitted, is_quiet, permitted_on
from duecare_core.domain.rules.rule_types import Element, Required, Sender, Topic

_MINUTE = timedelta(minutes=1)


class QuietRows(Struct, frozen=True):
    """Quiet hours: the ids of their rows, and the first permitted instant (None if there is none within 8 days)."""

    rows: tuple[str, ...]
    until: datetime | None


class _Day(NamedTuple):
    """The rows in force on one local day: what a text must have and must not contain, and the permitted minutes. Equal
    for every message of one kind to one place, so it is computed once a day."""

    required: Mapping[Element, tuple[str, ...]]
    required_if_promotional: Mapping[Element, tuple[str, ...]]
    forbidden: frozenset[Topic]
    permitted: tuple[Interval, ...]

    def permits(self, clock: datetime) -> bool:
        minute = clock.hour * 60 + clock.minute
        return any(start <= minute < end for start, end in self.permitted)


class ApplicableRules:
    """The rows that bind a message, by the recipient's possible places, channel, sender, kind of debt and time of
    arrival."""

    def __init__(
        self,
        pack: Pack,
        place: Place,
        channel: str,
        sender: Sender,
        product: str | None,
        at: datetime,
        zone_of: Callable[[str], tzinfo] = zone,
    ) -> None:
        """`zone_of`: the time zone of this name."""
        self._pack = pack
        self._at = at
        self._zones = tuple(map(zone_of, place.zones))
        # Calendar days are counted in every zone that the number leaves possible, whatever is stated.
        self._counted_in = (*self._zones, *map(zone_of, place.set_aside)) if place.set_aside else self._zones
        self._selected = (place.regions, channel, sender, product)
        self._clocks = [wall_time(at, where) for where in self._zones]
        # In the order of the days, so that the order of the zones decides nothing.
        self._today = [self._day(day) for day in sorted({clock.toordinal() for clock in self._clocks})]

    def required(self, *, promotional: bool) -> dict[Element, tuple[str, ...]]:
        """The elements that the text must have → the ids of the rows that require them.

        Rows about the first text of a debt are not applied: the facts do not show which text is the first.
        """
        found: dict[Element, tuple[str, ...]] = {}
        for day in self._today:
            found |= day.required_if_promotional if promotional else day.required
        return found

    def forbidden(self) -> frozenset[Topic]:
        """The topics that the text must not contain."""
        return self._today[0].forbidden.union(*(day.forbidden for day in self._today[1:]))

    def quiet(self) -> QuietRows | None:
        """None if a message may arrive now in every zone."""
        if all(self._day(clock.toordinal()).permits(clock) for clock in self._clocks):
            return None
        hours = self._pack.hours(*self._selected)
        rows = tuple(rule.id for rule in hours if is_quiet((rule,), self._zones, self._at))
        return QuietRows(rows, first_permitted(hours, self._zones, self._at))

    def permitted_for(self, within: timedelta) -> timedelta:
        """How long a message may still arrive from now on, at most `within`.

        Quiet hours begin and clocks change at whole minutes, so only these are checked.
        """
        minute = self._at.replace(second=0, microsecond=0) + _MINUTE
        while minute - self._at < within:
            clocks = (wall_time(minute, where) for where in self._zones)
            if not all(self._day(clock.toordinal()).permits(clock) for clock in clocks):
                return minute - self._at
            minute += _MINUTE
        return within

    def full_caps(self, contacts: Iterable[Contact], new: Contact) -> FullCaps | None:
        """None if no frequency cap is full."""
        return full_caps(self._pack.caps(*self._selected), self._counted_in, contacts, self._at, new)

    def counted_contacts(self, contacts: Iterable[Contact], new: Contact) -> tuple[Contact, ...]:
        """The contacts on which `full_caps` depends."""
        return counted_contacts(self._pack.caps(*self._selected), self._counted_in, contacts, self._at, new)

    def _day(self, day: int) -> _Day:
        return self._pack.cached(("day", *self._selected, day), lambda: _day(self._pack, *self._selected, day))


def _day(pack: Pack, regions: tuple[str, ...], channel: str, sender: Sender, product: str | None, day: int) -> _Day:
    required: dict[Element, tuple[str, ...]] = {}
    promotional: dict[Element, tuple[str, ...]] = {}
    forbidden: set[Topic] = set()
    for demand in pack.demands(regions, channel, sender, product):
        row = demand.row
        if not demand.in_force(day):
            continue
        if not isinstance(row, Required):
            forbidden.update(row.topics)
            continue
        for element in row.elements:
            if row.when == "each":
                required[element] = (*required.get(element, ()), row.id)
            if row.when != "first":
                promotional[element] = (*promotional.get(element, ()), row.id)
    permitted = permitted_on(pack.hours(regions, channel, sender, product), day)
    return _Day(required, promotional, frozenset(forbidden), permitted)
