"""The rule pack: contact rules as rows of data, read from `rulepack/pack.json` and checked.

A row belongs to a jurisdiction: a country (ISO 3166-1), a part of one (ISO 3166-2) or a city, which refine their
country and only ever add to it; `any`, which counts everywhere; or `*`, elsewhere: what counts in a country on the days
on which no row of its own about hours or frequency is in force. `from` and `until` are local days, both inclusive;
without them a row always was, or always will be, in force.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from duecare.domain.place import ELSEWHERE, country_of, is_region
from duecare.domain.rows import ALWAYS, ANY, DAYS, TIME, AnyRow, Cap, Contents, QuietHours, Row, Sender, Span
from duecare.errors import DuecareError

_DAY = 24 * 60

Interval = tuple[int, int]  # minutes of a day, the end exclusive


class BadPack(DuecareError):
    """A rule pack that cannot be used. Names the row and its member."""


class Hours(Struct, frozen=True):
    """A row of quiet hours, ready to be asked: what it permits on each weekday (0 is Monday).

    `except_on`: days on which it does not count, because a country's own rows do. `holidays` are known up to and with
    `known`; a later day is quiet, since nobody can say whether it is a holiday."""

    id: str
    span: Span
    week: tuple[tuple[Interval, ...], ...]
    holidays: frozenset[int] | None
    known: Span
    except_on: tuple[Span, ...] = ()

    def in_force(self, day: int) -> bool:
        return _within(self.span, day) and not any(_within(span, day) for span in self.except_on)

    def permits(self, day: int) -> tuple[Interval, ...]:
        """The permitted minutes of this local day."""
        if self.holidays is not None and (day in self.holidays or not _within(self.known, day)):
            return ()
        return self.week[(day - 1) % 7]  # day 1 was a Monday


class Counted(Struct, frozen=True):
    """A cap and the days on which it does not count, because a country's own rows do."""

    cap: Cap
    span: Span
    except_on: tuple[Span, ...] = ()

    def in_force(self, day: int) -> bool:
        return _within(self.span, day) and not any(_within(span, day) for span in self.except_on)

    def last_day(self, day: int) -> int:
        """The last day of those without a break from `day` on, on which it is in force."""
        return min(self.span[1], *(span[0] - 1 for span in self.except_on if span[0] > day), ALWAYS[1])


RowType = TypeVar("RowType", bound=Row)


class Pack:
    """A pack that was checked. Two packs of equal content have equal `digest`: `sha256:` of the RFC 8785 bytes."""

    __slots__ = ("_caps", "_hours", "_rows", "contents", "data", "digest")

    def __init__(self, contents: Contents) -> None:
        """Use `parse` or `tighten`: they check."""
        self.contents = contents
        # Equal to RFC 8785 for this type: no fractions, no control characters, ASCII member names. A test compares.
        self.data = msgspec.json.encode(contents, order="sorted")
        self.digest = "sha256:" + hashlib.sha256(self.data).hexdigest()
        self._rows: dict[str, tuple[AnyRow, ...]] = {}
        for row in contents.rows:
            self._rows[row.jurisdiction] = (*self._rows.get(row.jurisdiction, ()), row)
        self._hours: dict[tuple[Any, ...], tuple[Hours, ...]] = {}
        self._caps: dict[tuple[Any, ...], tuple[Counted, ...]] = {}

    @property
    def version(self) -> str:
        return self.contents.version

    @property
    def rows(self) -> tuple[AnyRow, ...]:
        return self.contents.rows

    def of_kind(self, kind: type[RowType]) -> tuple[RowType, ...]:
        return tuple(row for row in self.rows if isinstance(row, kind))

    def counts(self, channel: str) -> bool:
        """Whether any row counts contacts on this channel. Then every allow is counted, wherever it goes: another debt
        of the same recipient may name another place."""
        return any(channel in cap.channels for cap in self.of_kind(Cap))

    def hours(self, regions: tuple[str, ...], channel: str, sender: Sender, product: str | None) -> tuple[Hours, ...]:
        """The quiet hours that such a message must keep in all these regions; each says on which days it counts."""
        key = (regions, channel, sender, product)
        found = self._hours.get(key)
        if found is None:
            rows = self._binding(QuietHours, *key)
            found = tuple(dict.fromkeys(self.ready(row, spans) for row, spans in rows))
            _remember(self._hours, key, found)
        return found

    def caps(self, regions: tuple[str, ...], channel: str, sender: Sender, product: str | None) -> tuple[Counted, ...]:
        """The caps that such a message must keep in all these regions; each says on which days it counts."""
        key = (regions, channel, sender, product)
        found = self._caps.get(key)
        if found is None:
            rows = self._binding(Cap, *key)
            found = tuple(dict.fromkeys(Counted(row, row.span, spans) for row, spans in rows))
            _remember(self._caps, key, found)
        return found

    def others(
        self,
        kind: type[RowType],
        regions: tuple[str, ...],
        channel: str,
        sender: Sender,
        product: str | None,
        day: date,
    ) -> tuple[RowType, ...]:
        """The rows of another kind that count for such a message on this local day."""
        rows = self._binding(kind, regions, channel, sender, product)
        number = day.toordinal()
        return tuple(
            dict.fromkeys(
                row
                for row, spans in rows
                if _within(row.span, number) and not any(_within(span, number) for span in spans)
            )
        )

    def _binding(
        self, kind: type[RowType], regions: tuple[str, ...], channel: str, sender: str, product: str | None
    ) -> list[tuple[RowType, tuple[Span, ...]]]:
        """Each row of this kind, with the days on which it gives way to a country's own rows."""
        found: list[tuple[RowType, tuple[Span, ...]]] = []

        def add(jurisdiction: str, spans: tuple[Span, ...] = ()) -> None:
            for row in self._rows.get(jurisdiction, ()):
                if isinstance(row, kind) and row.binds(channel, sender, product):
                    # What an operator added elsewhere gives way to nothing: a country's own row might be looser.
                    found.append((row, () if row.operator else spans))

        add(ANY)
        for region in regions:
            country = country_of(region)
            country = self.contents.territories.get(country, country)
            add(country)
            if "-" in region:
                add(region)
                for city, parent in self.contents.cities.items():
                    if region == parent:
                        add(city)
                    elif region == city:
                        add(parent)
            add(ELSEWHERE, self._covered(country))
        return found

    def _covered(self, country: str) -> tuple[Span, ...]:
        """The days on which a row of this country's own about hours or frequency is in force."""
        own = self._rows.get(country, ()) if country != ELSEWHERE else ()
        return tuple(row.span for row in own if isinstance(row, QuietHours | Cap) and not row.operator)

    def ready(self, row: QuietHours, spans: tuple[Span, ...] = ()) -> Hours:
        """What this row permits on each weekday; on days within `spans` it does not count."""
        holidays, known = self._days_off(row.holidays) if row.holidays else (None, ALWAYS)
        return Hours(row.id, row.span, permitted_week(row), holidays, known, spans)

    def _days_off(self, name: str) -> tuple[frozenset[int], Span]:
        years = self.contents.holidays[name]
        days = [
            date(int(year), int(day[:2]), int(day[2:])).toordinal()
            for year, days in years.items()
            for day in days.split()
        ]
        first, last = date(min(map(int, years)), 1, 1), date(max(map(int, years)), 12, 31)
        return frozenset(days), (first.toordinal(), last.toordinal())


def parse(data: bytes) -> Pack:
    """Raises BadPack."""
    try:
        contents = _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        message = _located(str(error), data)
    else:
        _check(contents)
        return Pack(contents)
    raise BadPack(message)


def permitted_week(row: QuietHours) -> tuple[tuple[Interval, ...], ...]:
    """The permitted minutes of each weekday, in order and apart. Raises BadPack for windows that overlap."""
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
            raise _bad(row, "quiet" if row.quiet else "permitted", "its windows overlap")
    return tuple(_complement(day) if row.quiet else _joined(day) for day in week)


def _minutes(row: Row, time: str) -> int:
    if not TIME.fullmatch(time):
        raise _bad(row, "from/to", f"{time!r} is not a time of day (HH:MM)")
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


def _remember(memory: dict[tuple[Any, ...], Any], key: tuple[Any, ...], value: object) -> None:
    """Keys are made of regions that creditors name: the memory is bounded, whatever they name."""
    if len(memory) >= 1024:
        memory.clear()
    memory[key] = value


# Checks that types cannot say


def _check(contents: Contents) -> None:
    for city, parent in contents.cities.items():
        if not (is_region(city) and "-" in city and is_region(parent) and country_of(city) == country_of(parent)):
            raise BadPack(f"cities: {city} in {parent} is no city of a region")
    for territory, country in contents.territories.items():
        if not (is_region(territory) and is_region(country)) or "-" in territory + country:
            raise BadPack(f"territories: {territory} or {country} is no country")
    for name, years in contents.holidays.items():
        _check_holidays(name, years)
    ids: set[str] = set()
    contents_seen: dict[tuple[object, ...], str] = {}
    for row in contents.rows:
        _check_row(row, contents)
        if row.id in ids:
            raise _bad(row, "id", "another row has it")
        ids.add(row.id)
        # The same rule twice under two ids is a slip of the pen: what sets two rows apart is more than their names.
        other = contents_seen.setdefault(_content(row), row.id)
        if other != row.id:
            raise _bad(row, "id", f"says the same as row {other}")


def _check_row(row: AnyRow, contents: Contents) -> None:
    if row.jurisdiction not in (ANY, ELSEWHERE) and not is_region(row.jurisdiction):
        raise _bad(row, "jurisdiction", f"{row.jurisdiction!r} is no country, region or city")
    if row.since and row.until and row.until < row.since:
        raise _bad(row, "until", "lies before from")
    for member in ("channels", "senders", "products", "elements", "topics", "stop", "examples", "persons"):
        values = getattr(row, member, None)
        if values is not None and (not values or len(set(values)) != len(values)):
            raise _bad(row, member, "is empty or names something twice")
    match row:
        case QuietHours():
            _check_hours(row, contents)
        case Cap() if row.window == "calendar_day" and row.days != 1:
            raise _bad(row, "days", "a calendar day is one day")


def _check_hours(row: QuietHours, contents: Contents) -> None:
    if bool(row.quiet) == bool(row.permitted):
        raise _bad(row, "quiet", "give either quiet or permitted")
    if row.holidays is not None and not contents.holidays.get(row.holidays):
        raise _bad(row, "holidays", f"the pack has no holidays named {row.holidays!r}")
    for window in row.quiet or row.permitted:
        if not window.days or len(set(window.days)) != len(window.days):
            raise _bad(row, "days", "is empty or names a day twice")
        if window.start in (window.to, "24:00"):
            raise _bad(row, "from/to", "the window has no length")
    if not any(permitted_week(row)):
        raise _bad(row, "quiet" if row.quiet else "permitted", "leaves no time at all")


def _check_holidays(name: str, years: dict[str, str]) -> None:
    numbers = []
    for year, days in years.items():
        try:
            if not _YEAR.fullmatch(year):
                raise ValueError
            numbers.append(int(year))
            for day in days.split(" "):
                date(int(year), int(day[:2]), int(day[2:4]))
                if len(day) != 4:
                    raise ValueError
        except ValueError:
            raise BadPack(f"holidays {name}: year {year!r} is not a year with days as MMDD") from None
    if sorted(numbers) != list(range(min(numbers, default=0), max(numbers, default=-1) + 1)):
        raise BadPack(f"holidays {name}: a year is missing")


def _content(row: AnyRow) -> tuple[object, ...]:
    members = row.__struct_fields__
    return (type(row), *(getattr(row, name) for name in members if name not in _APART_FROM_CONTENT))


def _bad(row: Row, member: str, message: str) -> BadPack:
    return BadPack(f"row {row.id}, member {member}: {message}")


def _located(message: str, data: bytes) -> str:
    """msgspec names a place by number (`$.rows[3].max`); people know rows by their ids."""
    what, _, path = message.partition(" - at `$")
    path = path.rstrip("`")
    place = re.match(r"\.rows\[(\d+)\](?:\.(.*))?", path)
    if not place:
        return f"{path.lstrip('.') or 'the pack'}: {what}"
    row = msgspec.json.decode(data)["rows"][int(place[1])]
    name = row.get("id") if isinstance(row, dict) else None
    member = place[2] or what.rpartition(" field `")[2].rstrip("`")
    return f"row {name or 'number ' + place[1]}, member {member}: {what}"


_YEAR = re.compile(r"[12][0-9]{3}")
_APART_FROM_CONTENT = frozenset({"id", "rule", "exceptions", "note", "read", "confidence", "operator"})
_DECODER = msgspec.json.Decoder(Contents)
