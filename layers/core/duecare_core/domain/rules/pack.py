"""A checked rule pack, and the selection of its rows by place, channel, sender, product and day.

A row belongs to a jurisdiction: a country (ISO 3166-1), or a part of one (ISO 3166-2) or a city, whose rows apply in
addition to the country's; `any`, which applies everywhere; or `*` (elsewhere). A row of elsewhere about hours applies
in a country on the days on which no row of its own about hours binds the message, and a row about frequency on the days
on which none about frequency does. A place that is a whole country has the rows of all its parts, because the recipient
may be in any of them. `from` and `until` are local days, both inclusive. A row without them is in force without a
beginning or an end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from duecare_core.domain.location.locate import ELSEWHERE, country_of
from duecare_core.domain.rules.rule_types import (
    ALWAYS,
    ANY,
    DAYS,
    TIME,
    AnyRow,
    Cap,
    Forbidden,
    PackContents,
    QuietHours,
    Required,
    RuleRow,
    Sender,
    Span,
)
from duecare_core.errors import BadPack

MAX_CACHED = 1024
_DAY = 24 * 60

Interval = tuple[int, int]  # minutes of a day, the end exclusive


class DatedRow(Struct, frozen=True):
    """The days on which a row is in force: those of `span` but not of `except_on`, when a country's own rows apply."""

    span: Span
    except_on: tuple[Span, ...]

    def in_force(self, day: int) -> bool:
        return _within(self.span, day) and not any(_within(span, day) for span in self.except_on)

    def in_force_from(self, day: int) -> bool:
        """Whether it is in force on this day or on any later one."""
        starts = (day, self.span[0], *(span[1] + 1 for span in self.except_on))
        return any(start >= day and self.in_force(start) for start in starts)

    def last_day(self, day: int) -> int:
        """The last day of the unbroken period, from `day` on, in which it is in force."""
        return min(self.span[1], *(span[0] - 1 for span in self.except_on if span[0] > day), ALWAYS[1])


class DatedHours(DatedRow, frozen=True, kw_only=True):
    """A row of quiet hours.

    `week`: the permitted minutes of each weekday (0 is Monday). `holidays` are quiet, and known only for the days of
    `known`; every other day is quiet because it may be a holiday.
    """

    id: str
    week: tuple[tuple[Interval, ...], ...]
    holidays: frozenset[int] | None
    known: Span

    def permits(self, day: int) -> tuple[Interval, ...]:
        """The permitted minutes of this local day."""
        if self.holidays is not None and (day in self.holidays or not _within(self.known, day)):
            return ()
        return self.week[(day - 1) % 7]  # ordinal day 1 was a Monday


class DatedCap(DatedRow, frozen=True, kw_only=True):
    """A row of a frequency cap."""

    cap: Cap


class DatedDemand(DatedRow, frozen=True, kw_only=True):
    """A row about what a message must or must not contain."""

    row: Required | Forbidden


Found = TypeVar("Found")
RowType = TypeVar("RowType", bound=RuleRow)


class Pack:
    """A checked pack. `digest`: `sha256:` of its RFC 8785 bytes, so packs of equal content have equal digests."""

    __slots__ = ("_cache", "_rows", "contents", "data", "digest")

    def __init__(self, contents: PackContents) -> None:
        """For `parse` and `tighten` only, which check the contents."""
        self.contents = contents
        # RFC 8785 for this type: no fractions, no control characters, ASCII member names. A test compares the two.
        self.data = msgspec.json.encode(contents, order="sorted")
        self.digest = "sha256:" + hashlib.sha256(self.data).hexdigest()
        self._rows: dict[str, tuple[AnyRow, ...]] = {}
        for row in contents.rows:
            self._rows[row.jurisdiction] = (*self._rows.get(row.jurisdiction, ()), row)
        self._cache: dict[tuple[object, ...], Any] = {}

    @property
    def version(self) -> str:
        return self.contents.version

    @property
    def rows(self) -> tuple[AnyRow, ...]:
        return self.contents.rows

    def of_kind(self, kind: type[RowType]) -> tuple[RowType, ...]:
        return self.cached(("kind", kind), lambda: tuple(row for row in self.rows if isinstance(row, kind)))

    def counts(self, channel: str) -> bool:
        """Whether any row counts contacts on this channel. If so, every allow is counted, in any place: another debt of
        the same recipient may name another place."""
        return any(channel in cap.channels for cap in self.of_kind(Cap))

    def hours(
        self, regions: tuple[str, ...], channel: str, sender: Sender, product: str | None
    ) -> tuple[DatedHours, ...]:
        """The rows of quiet hours that bind such a message in these regions, each with its days."""

        def find() -> tuple[DatedHours, ...]:
            rows = self._binding(QuietHours, regions, channel, sender, product)
            return tuple(dict.fromkeys(self.dated_hours(row, spans) for row, spans in rows))

        return self.cached(("hours", regions, channel, sender, product), find)

    def caps(self, regions: tuple[str, ...], channel: str, sender: Sender, product: str | None) -> tuple[DatedCap, ...]:
        """The caps that bind such a message in these regions, each with its days."""

        def find() -> tuple[DatedCap, ...]:
            rows = self._binding(Cap, regions, channel, sender, product)
            return tuple(dict.fromkeys(DatedCap(row.span, spans, cap=row) for row, spans in rows))

        return self.cached(("caps", regions, channel, sender, product), find)

    def demands(
        self, regions: tuple[str, ...], channel: str, sender: Sender, product: str | None
    ) -> tuple[DatedDemand, ...]:
        """The rows about the contents of such a message in these regions, each with its days."""

        def find() -> tuple[DatedDemand, ...]:
            required = self._binding(Required, regions, channel, sender, product)
            forbidden = self._binding(Forbidden, regions, channel, sender, product)
            demands = [DatedDemand(row.span, spans, row=row) for row, spans in required]
            demands += [DatedDemand(row.span, spans, row=row) for row, spans in forbidden]
            return tuple(dict.fromkeys(demands))

        return self.cached(("demands", regions, channel, sender, product), find)

    def cached(self, key: tuple[object, ...], find: Callable[[], Found]) -> Found:
        """The cached result for this key, or that of `find`. The cache is bounded, because keys contain regions that
        creditors name."""
        found: Found | None = self._cache.get(key)
        if found is None:
            found = find()
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            self._cache[key] = found
        return found

    def _binding(
        self, kind: type[RowType], regions: tuple[str, ...], channel: str, sender: str, product: str | None
    ) -> list[tuple[RowType, tuple[Span, ...]]]:
        """Each row of this kind that binds, with the days on which a country's own rows replace it."""
        found: list[tuple[RowType, tuple[Span, ...]]] = []

        def add(jurisdiction: str, spans: tuple[Span, ...] = ()) -> None:
            for row in self._rows.get(jurisdiction, ()):
                if not (isinstance(row, kind) and row.binds(channel, sender, product)):
                    continue
                # A row that an operator added is never replaced: a country's own row might be looser.
                exceptions = () if row.operator else spans
                if not any(span[0] <= row.span[0] and row.span[1] <= span[1] for span in exceptions):
                    found.append((row, exceptions))

        add(ANY)
        for region in regions:
            own = country_of(region)
            country = self.contents.territories.get(own, own)
            add(country)
            for part in self._parts(region, own, country):
                add(part)
            add(ELSEWHERE, self._covered(country, kind, channel, sender, product))
        return found

    def _parts(self, region: str, own: str, country: str) -> Iterator[str]:
        """The jurisdictions inside the country whose rows bind in this region."""
        if "-" not in region:  # anywhere in the country, or in the territory, whose rows may be named after the country
            yield from (part for part in self._rows if part.startswith(f"{own}-") or part == f"{country}-{own}")
            return
        yield region
        for city, parent in self.contents.cities.items():
            if region == parent:
                yield city
            elif region == city:
                yield parent

    def _covered(
        self, country: str, kind: type[RuleRow], channel: str, sender: str, product: str | None
    ) -> tuple[Span, ...]:
        """The days on which a row of this country replaces those of elsewhere of this kind. Hours replace hours, caps
        replace caps, and both replace any other kind. A row that does not bind the message replaces nothing."""
        own = self._rows.get(country, ()) if country != ELSEWHERE else ()
        kinds = kind if kind in (QuietHours, Cap) else QuietHours | Cap
        return tuple(
            row.span
            for row in own
            if isinstance(row, kinds) and not row.operator and row.binds(channel, sender, product)
        )

    def dated_hours(self, row: QuietHours, spans: tuple[Span, ...] = ()) -> DatedHours:
        """The row with its permitted minutes; it does not apply on the days of `spans`."""
        holidays, known = self._days_off(row.holidays) if row.holidays else (None, ALWAYS)
        return DatedHours(row.span, spans, id=row.id, week=permitted_week(row), holidays=holidays, known=known)

    def _days_off(self, name: str) -> tuple[frozenset[int], Span]:
        years = self.contents.holidays[name]
        days = [
            date(int(year), int(day[:2]), int(day[2:])).toordinal()
            for year, days in years.items()
            for day in days.split()
        ]
        first, last = date(min(map(int, years)), 1, 1), date(max(map(int, years)), 12, 31)
        return frozenset(days), (first.toordinal(), last.toordinal())


def permitted_week(row: QuietHours) -> tuple[tuple[Interval, ...], ...]:
    """The permitted minutes of each weekday, in order, disjoint. Raises BadPack for windows that overlap."""
    week: list[list[Interval]] = [[] for _ in DAYS]
    for window in row.quiet or row.permitted:
        start, end = _minutes(row, window.start), _minutes(row, window.to)
        for day in window.days:
            place = DAYS.index(day)
            if start < end:
                week[place].append((start, end))
            else:
                week[place].append((start, _DAY))
                if end:
                    week[(place + 1) % 7].append((0, end))
    for intervals in week:
        intervals.sort()
        if any(later[0] < earlier[1] for earlier, later in pairwise(intervals)):
            raise row_error(row, "quiet" if row.quiet else "permitted", "its windows overlap")
    return tuple(_complement(day) if row.quiet else _joined(day) for day in week)


def _minutes(row: RuleRow, time: str) -> int:
    if not TIME.fullmatch(time):
        raise row_error(row, "from/to", f"{time!r} is not a time of day (HH:MM)")
    return int(time[:2]) * 60 + int(time[3:])


def _joined(intervals: list[Interval]) -> tuple[Interval, ...]:
    joined: list[Interval] = []
    for start, end in intervals:
        if joined and joined[-1][1] == start:
            start, _ = joined.pop()  # noqa: PLW2901  the two are one
        joined.append((start, end))
    return tuple(joined)


def _complement(intervals: list[Interval]) -> tuple[Interval, ...]:
    edges = [0, *(edge for interval in intervals for edge in interval), _DAY]
    return tuple((start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end)


def _within(span: Span, day: int) -> bool:
    return span[0] <= day <= span[1]


def row_error(row: RuleRow, member: str, message: str) -> BadPack:
    return BadPack(f"row {row.id}, member {member}: {message}")
