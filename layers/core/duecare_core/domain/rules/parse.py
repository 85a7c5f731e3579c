"""Parses and checks a rule pack. An error names the row and its member."""

from __future__ import annotations

import re
from datetime import date

import msgspec

from duecare_core.domain.location.locate import ELSEWHERE, country_of, is_jurisdiction
from duecare_core.domain.rules.pack import Pack, permitted_week, row_error
from duecare_core.domain.rules.rule_types import ANY, AnyRow, Cap, PackContents, QuietHours
from duecare_core.errors import BadPack


def parse(data: bytes) -> Pack:
    """Raises BadPack, which names the row and its member."""
    try:
        contents = _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        message = _located(str(error), data)
    else:
        _check(contents)
        return Pack(contents)
    raise BadPack(message)


def _check(contents: PackContents) -> None:
    for city, parent in contents.cities.items():
        if not (
            is_jurisdiction(city) and "-" in city and is_jurisdiction(parent) and country_of(city) == country_of(parent)
        ):
            raise BadPack(f"cities: {city} in {parent} is no city of a region")
    for territory, country in contents.territories.items():
        if not (is_jurisdiction(territory) and is_jurisdiction(country)) or "-" in territory + country:
            raise BadPack(f"territories: {territory} or {country} is no country")
    for name, years in contents.holidays.items():
        _check_holidays(name, years)
    ids: set[str] = set()
    contents_seen: dict[tuple[object, ...], str] = {}
    for row in contents.rows:
        _check_row(row, contents)
        if row.id in ids:
            raise row_error(row, "id", "another row has it")
        ids.add(row.id)
        # One rule under two ids is a mistake: two rows must differ in more than their names.
        other = contents_seen.setdefault(_content(row), row.id)
        if other != row.id:
            raise row_error(row, "id", f"says the same as row {other}")


def _check_row(row: AnyRow, contents: PackContents) -> None:
    if row.jurisdiction not in (ANY, ELSEWHERE) and not is_jurisdiction(row.jurisdiction):
        raise row_error(row, "jurisdiction", f"{row.jurisdiction!r} is no country, region or city")
    if row.since and row.until and row.until < row.since:
        raise row_error(row, "until", "is before from")
    for member in ("channels", "senders", "products", "elements", "topics", "stop", "examples", "persons"):
        values = getattr(row, member, None)
        if values is not None and (not values or len(set(values)) != len(values)):
            raise row_error(row, member, "is empty or names something twice")
    match row:
        case QuietHours():
            _check_hours(row, contents)
        case Cap() if row.window == "calendar_day" and row.days != 1:
            raise row_error(row, "days", "a calendar day is one day")


def _check_hours(row: QuietHours, contents: PackContents) -> None:
    if bool(row.quiet) == bool(row.permitted):
        raise row_error(row, "quiet", "give either quiet or permitted")
    if row.holidays is not None and not contents.holidays.get(row.holidays):
        raise row_error(row, "holidays", f"the pack has no holidays named {row.holidays!r}")
    for window in row.quiet or row.permitted:
        if not window.days or len(set(window.days)) != len(window.days):
            raise row_error(row, "days", "is empty or names a day twice")
        if window.start in (window.to, "24:00"):
            raise row_error(row, "from/to", "the window has no length")
    if not any(permitted_week(row)):
        raise row_error(row, "quiet" if row.quiet else "permitted", "leaves no time at all")


def _check_holidays(name: str, years: dict[str, str]) -> None:
    if not _NAME.fullmatch(name):
        raise BadPack("holidays: a name has a character other than letters, digits and hyphens")
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


def _located(message: str, data: bytes) -> str:
    """A msgspec message with the row's id instead of its number (`$.rows[3].max`), as people know rows by their ids."""
    fault, _, path = message.partition(" - at `$")
    path = path.rstrip("`")
    place = re.match(r"\.rows\[(\d+)\](?:\.(.*))?", path)
    if not place:
        return f"{path.lstrip('.') or 'the pack'}: {fault}"
    row = msgspec.json.decode(data)["rows"][int(place[1])]
    name = row.get("id") if isinstance(row, dict) else None
    member = place[2] or fault.rpartition(" field `")[2].rstrip("`")
    return f"row {name or 'number ' + place[1]}, member {member}: {fault}"


_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_YEAR = re.compile(r"[12][0-9]{3}")
_APART_FROM_CONTENT = frozenset({"id", "rule", "exceptions", "note", "read", "confidence", "operator"})
_DECODER = msgspec.json.Decoder(PackContents)
