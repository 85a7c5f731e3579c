"""Where a recipient may be, by the number and by the creditor's statements: jurisdictions and time zones.

The rules of every possible jurisdiction apply, and quiet hours hold in every possible zone. The number alone says which
places are possible. A statement never takes one of them away, with one exception: where the number is not tied to an
area, a stated place that it leaves possible narrows it. Any other stated place adds its rules and its hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo
from functools import cache, lru_cache
from typing import NamedTuple, Protocol

import phonenumbers
from msgspec import Struct
from phonenumbers import PhoneNumberType

from duecare_core.domain.fields import E164
from duecare_core.domain.location import countries, localtime, subdivisions

ELSEWHERE = "*"
# Every offset in use, for a recipient whose country is unknown.
EVERYWHERE = (*(f"Etc/GMT+{hours}" for hours in range(12, 0, -1)), *(f"Etc/GMT-{hours}" for hours in range(15)))

# Numbers that may be tied to an area. Mobile numbers are, only in the countries that give them an area code.
_AREA_TYPES = frozenset({PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_MOBILE_WITH_AREA_CODE = frozenset({52, 54, 55})  # Mexico, Argentina, Brazil
# Parts of a country that have an ISO 3166-1 code of their own: both codes' rules and zones apply.
_ALSO = {
    **{f"CN-{code}": code for code in ("HK", "MO", "TW")},
    **{f"US-{code}": code for code in ("AS", "GU", "MP", "PR", "UM", "VI")},
    **{f"FR-{code}": code for code in ("BL", "MF", "NC", "PF", "PM", "TF", "WF")},
    "FR-971": "GP",
    "FR-972": "MQ",
    "FR-973": "GF",
    "FR-974": "RE",
    "FR-976": "YT",
    "NL-AW": "AW",
    "NL-CW": "CW",
    "NL-SX": "SX",
    "NL-BQ1": "BQ",
    "NL-BQ2": "BQ",
    "NL-BQ3": "BQ",
    "NO-21": "SJ",
    "NO-22": "SJ",
    "FI-01": "AX",
}


class Place(Struct, frozen=True):
    """All possible jurisdictions and time zones.

    A region is a country (ISO 3166-1), which means anywhere in it, or a part of one (ISO 3166-2). `set_aside`: zones
    that the number leaves possible and a statement excludes. Quiet hours do not hold there, but calendar days are
    counted there too, so that no statement begins a new day.
    """

    regions: tuple[str, ...]
    zones: tuple[str, ...]
    set_aside: tuple[str, ...] = ()


UNKNOWN = Place((ELSEWHERE,), EVERYWHERE)


def locate(number: E164, *, region: str | None = None, time_zones: Iterable[str | None] = ()) -> Place:
    """The possible places of the recipient. `region`: the debt's. `time_zones`: the debt's and the consent's.

    Where two statements disagree, the places of both are possible.
    """
    place, tied = _of_number(number)
    stated = tuple(name for name in time_zones if name)
    if not stated and not region:
        return place
    return _with_stated(place, tied, region, stated)


class Locate(Protocol):
    """As `locate`."""

    def __call__(self, number: E164, /, *, region: str | None, time_zones: tuple[str | None, ...]) -> Place: ...


class Geography(NamedTuple):
    """Where numbers are, and the clocks there: by this package's tables, or as a decision's inputs say."""

    locate: Locate
    zone: Callable[[str], tzinfo]


TABLES = Geography(locate, localtime.zone)


@lru_cache(maxsize=4096)
def _with_stated(place: Place, tied: bool, region: str | None, time_zones: tuple[str, ...]) -> Place:
    narrowed_region: tuple[str, ...] = ()
    narrowed: list[str] = []
    added_regions: tuple[str, ...] = ()
    added: list[str] = []
    if region and region not in place.regions:
        named = _of_region(region)
        if not tied and _leaves_region(place, region):
            narrowed_region = named.regions
            narrowed += named.zones
        else:
            added_regions = named.regions
            added += named.zones
    for zone in time_zones:
        possible = zone in place.zones and place != UNKNOWN
        if not possible and not is_zone(zone):
            continue  # no statement with such a name is accepted
        if tied or not (possible or _leaves_zone(place, zone)):
            added.append(zone)
        else:
            narrowed.append(zone)
    zones = _unique(*(narrowed or place.zones), *added)
    set_aside = tuple(zone for zone in place.zones if zone not in zones)
    return Place(_unique(*(narrowed_region or place.regions), *added_regions), zones, set_aside)


def _leaves_region(place: Place, region: str) -> bool:
    """Whether the number leaves this region possible."""
    return place == UNKNOWN or country_of(region) in place.regions


def _leaves_zone(place: Place, zone: str) -> bool:
    """Whether the number leaves this zone possible, which is not in the list of its country under this name: zones
    whose clocks agree are one there."""
    return place == UNKNOWN or any(country in place.regions for country in _countries_of_zone(zone))


def _unique(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def country_of(region: str) -> str:
    return region[:2]


def is_zone(name: str) -> bool:
    """Whether this is the name of a geographic time zone, as statements may give it."""
    # Imported here, and the regions below, because most decisions and cold starts need neither table.
    from duecare_core.domain.location.zone_names import COUNTRIES_OF  # noqa: PLC0415

    return name in COUNTRIES_OF


def _countries_of_zone(zone: str) -> list[str]:
    from duecare_core.domain.location.zone_names import COUNTRIES_OF  # noqa: PLC0415

    return COUNTRIES_OF.get(zone, "").split()


def is_region(region: str) -> bool:
    """Whether ISO 3166-2 lists this subdivision of a country, as statements may give it."""
    return region in _iso_regions()


@cache
def _iso_regions() -> frozenset[str]:
    from duecare_core.domain.location.iso_regions import PARTS  # noqa: PLC0415

    return frozenset(f"{country}-{part}" for country, parts in PARTS.items() for part in parts.split())


def is_jurisdiction(code: str) -> bool:
    """Whether this has the form of a jurisdiction of a rule: an existing country, or a part of one, or a city."""
    country, dash, part = code.partition("-")
    return country in countries.ZONES and (not dash or (1 <= len(part) <= 3 and part.isascii() and part.isalnum()))


@lru_cache(maxsize=1024)
def _of_region(region: str) -> Place:
    if not is_jurisdiction(region):
        return Place((ELSEWHERE,), ())  # no statement with such a region is accepted
    also = _ALSO.get(region)
    if also:
        return Place((region, also), _unique(*_zones(region), *_zones(also)))
    return Place((region,), _zones(region))


@lru_cache(maxsize=1024)
def _zones(region: str) -> tuple[str, ...]:
    listed = subdivisions.ZONES.get(region)
    return listed or tuple(countries.ZONES[country_of(region)].split()) or EVERYWHERE


@lru_cache(maxsize=256)
def _of_countries(codes: tuple[str, ...]) -> Place:
    """Anywhere in these countries."""
    known = tuple(code for code in codes if code in countries.ZONES)
    if not known:
        return UNKNOWN
    zones = tuple(dict.fromkeys(zone for code in known for zone in _zones(code)))
    return Place(known, zones)


def _countries_of(number: E164) -> tuple[str, ...]:
    for length in (1, 2, 3):
        codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(_code(number[1 : 1 + length]))
        if codes:
            return tuple(codes)
    return ()


def _code(digits: str) -> int:
    return int(digits) if digits.isdecimal() else 0


def _of_number(number: E164) -> tuple[Place, bool]:
    """The places that the number leaves possible, and whether it is tied to an area: the number tables leave fewer
    places than its country has."""
    if number.startswith("+1") and len(number) == 12:
        return _of_exchange(number[2:8])
    codes = _countries_of(number)
    if len(codes) == 1 and len(_of_countries(codes).zones) == 1:
        return _of_countries(codes), False  # one country with one time zone
    return _look_up(number, codes)


@lru_cache(maxsize=8192)
def _of_exchange(digits: str) -> tuple[Place, bool]:
    """The places of a North American number, by its area code and exchange."""
    from duecare_core.domain.location.area_codes import EXCHANGES  # noqa: PLC0415  only these numbers need it

    regions = _areas().get(digits[:3])
    if regions is None:  # toll-free and similar: any country that shares the code, and any part of it
        return _of_countries(tuple(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1])), False
    strays = f"{EXCHANGES.get(digits[:3], '')} {EXCHANGES.get(digits, '')}".split()
    zones = _unique(*(zone for region in regions for zone in _zones(region)), *strays)
    return Place(regions, zones), any("-" in region for region in regions)


@cache
def _areas() -> dict[str, tuple[str, ...]]:
    """Area code → its states or provinces, or its country."""
    from duecare_core.domain.location.area_codes import AREAS  # noqa: PLC0415

    return {code: tuple(regions.split()) for regions, codes in AREAS.items() for code in codes.split()}


def _look_up(number: E164, codes: tuple[str, ...]) -> tuple[Place, bool]:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return UNKNOWN, False
    kind = phonenumbers.number_type(parsed)
    mobile = kind == PhoneNumberType.MOBILE
    if kind not in _AREA_TYPES and not mobile:
        return _of_countries(codes), False  # toll-free and similar: any country that shares the code
    region = phonenumbers.region_code_for_number(parsed)
    if region is None:
        return _of_countries(codes), False
    whole = _of_countries((region,))
    if len(whole.zones) == 1 or (mobile and parsed.country_code not in _MOBILE_WITH_AREA_CODE):
        return whole, False
    # Imported here because the table of prefixes takes 1.5 ms to import (30 to 45 ms without bytecode).
    from phonenumbers.timezone import time_zones_for_geographical_number  # noqa: PLC0415

    zones = tuple(name for name in time_zones_for_geographical_number(parsed) if is_zone(name))
    if not zones or len(zones) >= len(whole.zones):
        return whole, False
    if any(region not in _countries_of_zone(name) for name in zones):  # an error of the number tables
        zones = _unique(*whole.zones, *zones)
    return Place((region,), zones), True
