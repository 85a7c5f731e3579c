"""Where a recipient is, as far as the number and the creditor's statements tell: jurisdictions and time zones.

Whatever is possible counts: rows of every possible jurisdiction, hours of every possible zone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import phonenumbers
from msgspec import Struct
from phonenumbers import PhoneNumberType

from duecare_core.domain.location import countries, subdivisions
from duecare_core.domain.location.localtime import is_zone

ELSEWHERE = "*"
# Every offset in use: what a recipient's clock may show whose country nobody knows.
EVERYWHERE = (*(f"Etc/GMT+{hours}" for hours in range(12, 0, -1)), *(f"Etc/GMT-{hours}" for hours in range(15)))

# Only these numbers are tied to an area; a mobile number is so only in the countries that give it an area code.
_AREA_TYPES = frozenset({PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_MOBILE_WITH_AREA_CODE = frozenset({52, 54, 55})  # Mexico, Argentina, Brazil
# Parts of China that ISO 3166 lists twice and where the mainland's texts may not be all that counts.
_ALSO = {"CN-HK": "HK", "CN-MO": "MO", "CN-TW": "TW"}


class Place(Struct, frozen=True):
    """The possible jurisdictions (`CN`, `US-MA`; `*` where none is known) and the possible IANA time zones."""

    regions: tuple[str, ...]
    zones: tuple[str, ...]


UNKNOWN = Place((ELSEWHERE,), EVERYWHERE)


def locate(number: str, *, region: str | None = None, time_zones: Iterable[str | None] = ()) -> Place:
    """Where the holder of this E.164 number is. Never raises: what cannot be read is an unknown place.

    `region` (ISO 3166-2, the debt's) decides the jurisdiction where given. `time_zones` (the debt's, the consent's)
    decide the zones where given. A region alone adds its zones to those of the number's area, since the number may have
    moved with its holder or not; where the number says no more than its country, the region's zones stand alone.
    """
    from_number, has_area = _of_number(number)
    named = _of_region(region) if region else None
    regions = named.regions if named else from_number.regions
    if region and named is None:  # it names no country that there is
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
    """`US` of `US-MA`, and of itself."""
    return region[:2]


def is_region(region: str) -> bool:
    """Whether this is a country (ISO 3166-1) or could be a part of one (ISO 3166-2)."""
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


def _countries_of(number: str) -> tuple[str, ...]:
    """The countries that share this number's country code. No code is the beginning of another (ITU-T E.164)."""
    for length in (1, 2, 3):
        codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(_code(number[1 : 1 + length]))
        if codes:
            return tuple(codes)
    return ()


def _code(digits: str) -> int:
    return int(digits) if digits.isdecimal() else 0


def _of_number(number: str) -> tuple[Place, bool]:
    """The number's place, and whether it is tied to an area of its country."""
    codes = _countries_of(number)
    if len(codes) == 1 and len(_of_countries(codes).zones) == 1:
        return _of_countries(codes), False  # one country, one clock: nothing more to ask
    if number.startswith("+1") and len(number) == 12:
        return _of_exchange(number[:8])
    return _asked(number)


@lru_cache(maxsize=8192)
def _of_exchange(prefix: str) -> tuple[Place, bool]:
    """In the North American plan area code and exchange (+1 NPA NXX) say all that a number says of its place."""
    return _asked(f"{prefix}0123")


def _asked(number: str) -> tuple[Place, bool]:
    """What the library says, which takes a while."""
    codes = _countries_of(number)
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return UNKNOWN, False
    kind = phonenumbers.number_type(parsed)
    mobile = kind == PhoneNumberType.MOBILE
    if kind not in _AREA_TYPES and not mobile:
        return _of_countries(codes), False  # toll-free and the like: any of the countries that share the code
    region = phonenumbers.region_code_for_number(parsed)
    if region is None:
        return _of_countries(codes), False
    whole = _of_countries((region,))
    if len(whole.zones) == 1 or (mobile and parsed.country_code not in _MOBILE_WITH_AREA_CODE):
        return whole, False
    # The library's table of prefixes: its first import takes 1.5 ms (30 to 45 ms without bytecode), so only here.
    from phonenumbers.timezone import time_zones_for_geographical_number  # noqa: PLC0415

    zones = tuple(name for name in time_zones_for_geographical_number(parsed) if is_zone(name))
    return (Place((region,), zones), True) if zones else (whole, False)
