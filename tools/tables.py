"""Write the tables of libraries that are too slow to import on the decision path: `python -m tools.tables`.

- `domain/location/countries.py`: the time zones of every country, from tzdata; zones whose clocks agree from 2026 on
  are one.
- `domain/location/zone_names.py`: the names of time zones that a statement may give, with their countries, from tzdata.
- `domain/location/area_codes.py`: the states of each area code of the North American plan, from phonenumbers.
- `domain/location/iso_regions.py`: the subdivisions of ISO 3166-2, from pycountry, which only this tool needs.
- the `holidays` of `rulepack/pack.json`: national holidays, from the library `holidays`, whose import alone takes
  400 ms. They are in the pack so that its digest covers them and a decision can be recomputed years later.

A test compares all of them with the libraries.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path

from duecare_core.domain.location.localtime import zone as zone_info

LAYERS = Path(__file__).parents[1] / "layers"
LOCATION = LAYERS / "core" / "duecare_core" / "domain" / "location"
COUNTRIES = LOCATION / "countries.py"
ZONE_NAMES = LOCATION / "zone_names.py"
AREA_CODES = LOCATION / "area_codes.py"
ISO_REGIONS = LOCATION / "iso_regions.py"
PACK = LAYERS / "duecare" / "duecare" / "rulepack" / "pack.json"
YEARS = range(2026, 2036)
HOLIDAYS_OF = ("AU", "ID")
# China has one legal time. Urumqi time is not legal, so "22:00" in a rule is Beijing time there too.
ONE_CLOCK = {"CN": ["Asia/Shanghai"]}

_HEAD = '''"""The time zones of every country (ISO 3166-1); zones whose clocks agree from 2026 on are one.

Generated from tzdata by `python -m tools.tables`; do not edit.
"""

ZONES: dict[str, str] = {
'''

_ZONE_NAMES_HEAD = '''"""Geographic time zones (zone.tab, zone1970.tab), with the countries where each is legal time.

Generated from tzdata by `python -m tools.tables`; do not edit. Imported only where a statement gives a time zone.
"""

COUNTRIES_OF: dict[str, str] = {
'''
_ISO_REGIONS_HEAD = '''"""The subdivisions that ISO 3166-2 lists: country → the parts after the hyphen.

Generated from pycountry (the Debian project's iso-codes) by `python -m tools.tables`; do not edit. Imported only
where a statement gives a region.
"""

PARTS: dict[str, str] = {
'''


def zones_of_countries() -> dict[str, list[str]]:
    """Country → zones. Zones whose clocks agree at every hour of `YEARS` are one, under the usual name."""
    folder = resources.files("tzdata") / "zoneinfo"
    codes = [line.split("\t")[0] for line in _lines(folder.joinpath("iso3166.tab").read_text("utf-8"))]
    named: dict[str, list[str]] = {code: [] for code in codes}
    for line in _lines(folder.joinpath("zone.tab").read_text("utf-8")):
        code, _, zone, *_ = line.split("\t")
        named[code].append(zone)
    usual = {line.split("\t")[2] for line in _lines(folder.joinpath("zonenow.tab").read_text("utf-8"))}
    for zones in named.values():
        zones.sort(key=lambda zone: zone not in usual)
    seen: dict[str, bytes] = {}
    return {code: _distinct(zones, seen) for code, zones in sorted((named | ONE_CLOCK).items())}


def _lines(table: str) -> list[str]:
    return [line for line in table.splitlines() if line and not line.startswith("#")]


def _distinct(zones: list[str], seen: dict[str, bytes]) -> list[str]:
    kept: dict[bytes, str] = {}
    for zone in zones:
        kept.setdefault(clock_of(zone, seen), zone)
    return list(kept.values())


def clock_of(zone: str, seen: dict[str, bytes]) -> bytes:
    """The offsets of a zone over `YEARS`: one a day, and one an hour on the days on which the offset changes."""
    if zone not in seen:
        info = zone_info(zone)

        def offset(at: datetime) -> bytes:
            known = at.astimezone(info).utcoffset() or timedelta()
            return int(known.total_seconds()).to_bytes(4, "big", signed=True)

        days = (datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC) - (start := datetime(YEARS[0], 1, 1, tzinfo=UTC))).days
        clock = [offset(start + timedelta(days=day)) for day in range(days)]
        changes = [day for day in range(1, days) if clock[day] != clock[day - 1]]
        clock += [offset(start + timedelta(days=day, hours=-hour)) for day in changes for hour in range(24)]
        seen[zone] = b"".join(clock)
    return seen[zone]


def countries() -> str:
    rows = [f'    "{code}": "{" ".join(zones)}",' for code, zones in zones_of_countries().items()]
    return _HEAD + "\n".join(_folded(row) for row in rows) + "\n}\n"


def _folded(row: str) -> str:
    if len(row) <= 120:
        return row
    code, zones = re.findall(r'"([^"]*)"', row)
    lines, line = [], ""
    most = 110 if len(zones) <= 110 else 100  # the formatter joins pieces that fit one line
    for zone in zones.split():
        if len(line) + len(zone) > most:
            lines.append(line)
            line = ""
        line += zone + " "
    lines.append(line.rstrip())
    inner = "\n".join(f'        "{line}"' for line in lines)
    return f'    "{code}": (\n{inner}\n    ),'


def zone_names() -> str:
    """The names in zone.tab and zone1970.tab. A zone whose local time has no legal standing lies in no country."""
    folder = resources.files("tzdata") / "zoneinfo"
    named: dict[str, set[str]] = {}
    for table in ("zone.tab", "zone1970.tab"):
        for line in _lines(folder.joinpath(table).read_text("utf-8")):
            codes, _, zone, *_ = line.split("\t")
            lawful = {code for code in codes.split(",") if zone in ONE_CLOCK.get(code, [zone])}
            named[zone] = named.get(zone, set()) | lawful
    rows = [f'    "{zone}": "{" ".join(sorted(codes))}",' for zone, codes in sorted(named.items())]
    return _ZONE_NAMES_HEAD + "\n".join(_folded(row) for row in rows) + "\n}\n"


def iso_regions() -> str:
    import pycountry  # noqa: PLC0415  only this tool needs it

    parts: dict[str, list[str]] = {}
    for one in pycountry.subdivisions:
        country, _, part = one.code.partition("-")
        parts.setdefault(country, []).append(part)
    rows = [f'    "{country}": "{" ".join(sorted(parts[country]))}",' for country in sorted(parts)]
    return _ISO_REGIONS_HEAD + "\n".join(_folded(row) for row in rows) + "\n}\n"


def holidays() -> dict[str, dict[str, str]]:
    """Country → year → days as `MMDD`."""
    import holidays as library  # noqa: PLC0415  only this tool needs it

    def days(country: str, year: int) -> list[date]:
        return sorted(library.country_holidays(country, years=year))

    return {
        country: {
            str(year): " ".join(f"{day:%m%d}" for day in days(country, year) if day.year == year) for year in YEARS
        }
        for country in HOLIDAYS_OF
    }


def pack() -> str:
    """The text of the pack with its last member, `holidays`, replaced."""
    text = PACK.read_text("utf-8")
    body = text.partition(',\n  "holidays":')[0].rstrip().removesuffix("}").rstrip()
    tables = []
    for country, years in holidays().items():
        rows = ",\n".join(f'      "{year}": "{days}"' for year, days in years.items())
        tables.append(f'    "{country}": {{\n{rows}\n    }}')
    return f'{body},\n  "holidays": {{\n' + ",\n".join(tables) + "\n  }\n}\n"


if __name__ == "__main__":
    from tools import area_codes  # imported here because it uses the tables above

    for path, text in (
        (COUNTRIES, countries()),
        (ZONE_NAMES, zone_names()),
        (ISO_REGIONS, iso_regions()),
        (AREA_CODES, area_codes.table()),
        (PACK, pack()),
    ):
        path.write_text(text, "utf-8")
        print(f"wrote {path.name}")
