"""Where a recipient may be, by the number and by the creditor's statements: jurisdictions and time zones.

The rules of every possible jurisdiction apply, and quiet hours hold in every possible zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import phonenumbers
from msgspec import Struct
from phonenumbers import PhoneNumberType

from duecare_core.domain.fields import E164
from duecare_core.domain.location import countries, subdivisions
from duecare_core.domain.location.localtime import is_zone

ELSEWHERE = "*"
# Every offset in use, for a recipient whose country is unknown.
EVERYWHERE = (*(f"Etc/GMT+{hours}" for hours in range(12, 0, -1)), *(f"Etc/GMT-{hours}" for hours in range(15)))

# Numbers tied to an area. Mobile numbers are tied to one only in the countries that give them an area code.
_AREA_TYPES = frozenset({PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_MOBILE_WITH_AREA_CODE = frozenset({52, 54, 55})  # Mexico, Argentina, Brazil
# Parts of China that have an ISO 3166-1 code of their own: both codes' rules apply.
_ALSO = {"CN-HK": "HK", "CN-MO": "MO", "CN-TW": "TW"}


class Place(Struct, frozen=True):
    """The possible jurisdictions (`CN`, `US-MA`; `*` where none is known) and the possible IANA time zones."""

    regions: tuple[str, ...]
    zones: tuple[str, ...]


UNKNOWN = Place((ELSEWHERE,), EVERYWHERE)


def locate(number: E164, *, region: str | None = None, time_zones: Iterable[str | None] = ()) -> Place:
    """Where the holder of this E.164 number may be. Never raises: a number that cannot be read is in an unknown place.

    `region` (ISO 3166-2, the debt's) decides the jurisdiction if given. `time_zones` (the debt's, the consent's) decide
    the zones if any is given. A region alone adds its zones to those of the number's area, because a number may have
    moved with its holder. If the number shows no more than its country, only the region's zones apply.
    """
    from_number, has_area = _of_number(number)
    named = _of_region(region) if region else None
    regions = named.regions if named else from_number.regions
    if region and named is None:  # not an existing country
        regions = tuple(dict.fromkeys((*from_number.regions, ELSEWHERE)))
    stated = tuple(dict.fromkeys(name for name in time_zones if name and is_zone(name)))
    if stated:
        return Place(regions, stated)
    if named is None:
        return Place(regions, from_number.zones)
    countries_of_number = {code[:2] for code in from_number.regions}
    if not has_area and (from_number == UNKNOWN or named.regions[0][:2] in countries_of_number):
        return named
    return Place(regions, tuple(dict.fromkeys((*named.zones, *from_number.zones))))


def country_of(region: str) -> str:
    """The country of a region: `US` for `US-MA` and for `US`."""
    return region[:2]


def is_region(region: str) -> bool:
    """Whether this is a country code (ISO 3166-1) or has the form of a part of one (ISO 3166-2)."""
    country, dash, part = region.partition("-")
    return country in countries.ZONES and (not dash or (1 <= len(part) <= 3 and part.isascii() and part.isalnum()))


@lru_cache(maxsize=1024)
def _of_region(region: str) -> Place | None:
    if not is_region(region):
        return None
    regions = (region, _ALSO[region]) if region in _ALSO else (region,)
    return Place(regions, _zones(region))


@lru_cache(maxsize=1024)
def _zones(region: str) -> tuple[str, ...]:
    listed = subdivisions.ZONES.get(region)
    return listed or tuple(countries.ZONES[country_of(region)].split()) or EVERYWHERE


@lru_cache(maxsize=256)
def _of_countries(codes: tuple[str, ...]) -> Place:
    known = tuple(code for code in codes if code in countries.ZONES)
    if not known:
        return UNKNOWN
    zones = tuple(dict.fromkeys(zone for code in known for zone in _zones(code)))
    return Place(known, zones)


def _countries_of(number: E164) -> tuple[str, ...]:
    """The countries that share this number's country code. No country code is a prefix of another (ITU-T E.164)."""
    for length in (1, 2, 3):
        codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(_code(number[1 : 1 + length]))
        if codes:
            return tuple(codes)
    return ()


def _code(digits: str) -> int:
    return int(digits) if digits.isdecimal() else 0


def _of_number(number: E164) -> tuple[Place, bool]:
    """The number's place, and whether it is tied to an area of its country."""
    codes = _countries_of(number)
    if len(codes) == 1 and len(_of_countries(codes).zones) == 1:
        return _of_countries(codes), False  # one country with one time zone
    if number.startswith("+1") and len(number) == 12:
        return _of_exchange(number[:8])
    return _look_up(number)


@lru_cache(maxsize=8192)
def _of_exchange(prefix: str) -> tuple[Place, bool]:
    """In the North American plan, area code and exchange (+1 NPA NXX) alone show the place of a number."""
    return _look_up(E164(f"{prefix}0123"))


def _look_up(number: E164) -> tuple[Place, bool]:
    """The place by the library phonenumbers, which is slow."""
    codes = _countries_of(number)
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
    return (Place((region,), zones), True) if zones else (whole, False)
