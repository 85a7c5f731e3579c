"""The table of North American area codes (`domain/location/area_codes.py`); `python -m tools.tables` writes it.

An area code's regions are the states and provinces that the geographic descriptions of phonenumbers name. All zones of
these regions are possible: the number tables are wrong about some areas and exchanges (they put Orlando's 689 in
Central time, and 907-581, which is Unalaska in Alaska, in Honolulu's zone). A zone in the number tables that is none of
the region's counts in addition.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

from duecare_core.domain.location import countries, subdivisions
from tools.tables import clock_of

# Names in the descriptions that are not those of ISO 3166-2.
_NAMES = {
    "Washington State": "US-WA",
    "Washington D.C.": "US-DC",
    "British Colombia": "CA-BC",
    "Quebec": "CA-QC",
    "Newfoundland and Labrador": "CA-NL",
}
_HEAD = '''"""The area codes of the North American numbering plan: their states and provinces, or their countries.

Generated from phonenumbers by `python -m tools.tables`; do not edit. An area code that is not listed has no area
(toll-free, personal and premium numbers).
"""

# Regions → area codes.
AREAS: dict[str, str] = {
'''
_MIDDLE = """}

# Areas and exchanges whose zone in the number tables is none of their region's: its zone counts in addition.
EXCHANGES: dict[str, str] = {
"""


def table() -> str:
    areas: dict[str, list[str]] = {}
    exchanges: dict[str, str] = {}
    clocks: dict[str, bytes] = {}
    for number in range(200, 1000):
        regions = regions_of(code := str(number))
        if not regions:
            continue
        areas.setdefault(" ".join(regions), []).append(code)
        own = {clock_of(zone, clocks) for region in regions for zone in zones_of(region)}
        for prefix, names in TIMEZONE_DATA.items():
            strange = [zone for zone in names if clock_of(zone, clocks) not in own]
            if prefix.startswith(f"1{code}") and strange:
                exchanges[prefix[1:]] = " ".join(strange)
    rows = [f'    "{regions}": "{" ".join(codes)}",' for regions, codes in sorted(areas.items())]
    strays = [f'    "{prefix}": "{zones}",' for prefix, zones in sorted(exchanges.items())]
    return _HEAD + "\n".join(map(_folded, rows)) + "\n" + _MIDDLE + "\n".join(strays) + "\n}\n"


def regions_of(code: str) -> list[str]:
    """The states or provinces of an area code, or its country; empty if it has no area."""
    for country in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1]:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
        if metadata and metadata.leading_digits and re.match(metadata.leading_digits, code):
            return [country]
    parsed = phonenumbers.parse(f"+1{code}5550123")
    country = phonenumbers.region_code_for_number(parsed)
    kind = phonenumbers.number_type(parsed)
    if country is None or kind != phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE:
        return []
    own = GEOCODE_DATA.get(f"1{code}")
    entries = [own] if own else [entry for prefix, entry in GEOCODE_DATA.items() if prefix.startswith(f"1{code}")]
    return sorted({region for entry in entries for region in _regions(country, entry["en"])}) or [country]


def zones_of(region: str) -> tuple[str, ...]:
    return subdivisions.ZONES.get(region) or tuple(countries.ZONES[region[:2]].split())


def _regions(country: str, description: str) -> list[str]:
    """`Houston, TX`, `Texas` or `Nova Scotia/Prince Edward Island`."""
    import pycountry  # noqa: PLC0415  only this tool needs it

    if town := re.fullmatch(r".*, ([A-Z]{2})", description):
        return [f"{country}-{town[1]}"]
    names = {one.name: one.code for one in pycountry.subdivisions.get(country_code=country)} | _NAMES
    return [names[name] for name in description.split("/")]


def _folded(row: str) -> str:
    if len(row) <= 120:
        return row
    regions, codes = re.findall(r'"([^"]*)"', row)
    words = codes.split()
    parts = [" ".join(words[start : start + 25]) for start in range(0, len(words), 25)]
    lines = [f'        "{part} "' for part in parts[:-1]] + [f'        "{parts[-1]}"']
    return f'    "{regions}": (\n' + "\n".join(lines) + "\n    ),"
