"""Where a recipient is: whatever is possible counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from duecare_core.domain.location import countries, subdivisions
from duecare_core.domain.location.localtime import is_zone
from duecare_core.domain.location.locate import EVERYWHERE, UNKNOWN, Place, is_region, locate

NEW_YORK, LOS_ANGELES = "America/New_York", "America/Los_Angeles"


@pytest.mark.parametrize(
    ("number", "region", "zones"),
    [
        ("+8613812345678", "CN", {"Asia/Shanghai"}),
        ("+12125550123", "US", {NEW_YORK}),
        ("+12085550123", "US", {"America/Boise", LOS_ANGELES}),
        ("+14165550123", "CA", {"America/Toronto"}),
        ("+442071234567", "GB", {"Europe/London"}),
        ("+919812345678", "IN", {"Asia/Kolkata"}),
        ("+639171234567", "PH", {"Asia/Manila"}),
        ("+61292223333", "AU", {"Australia/Sydney"}),
        ("+77172123456", "KZ", {"Asia/Almaty"}),
        ("+17875550123", "PR", {"America/Puerto_Rico"}),
        ("+85291234567", "HK", {"Asia/Hong_Kong"}),
    ],
)
def test_a_number_names_its_country_and_its_zones(number: str, region: str, zones: set[str]) -> None:
    place = locate(number)
    assert place.regions == (region,)
    assert set(place.zones) == zones


def test_a_mobile_number_without_area_is_in_every_zone_of_its_country() -> None:
    assert set(locate("+6281234567890").zones) == {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}
    assert {"Australia/Perth", "Australia/Sydney", "Australia/Lord_Howe"} <= set(locate("+61412345678").zones)
    assert {"Europe/Kaliningrad", "Asia/Kamchatka"} <= set(locate("+79161234567").zones)


def test_a_number_of_several_countries_is_in_all_of_them() -> None:
    place = locate("+447700900123")
    assert place.regions == ("GB", "GG", "IM", "JE")
    toll_free = locate("+18005551234")
    assert {"US", "CA", "JM", "PR"} <= set(toll_free.regions)
    assert {NEW_YORK, "Pacific/Honolulu", "America/St_Johns"} <= set(toll_free.zones)
    russian_or_kazakh = locate("+75001234567")
    assert russian_or_kazakh.regions == ("RU", "KZ")


@pytest.mark.parametrize("number", ["+88216123456", "+999123456", "garbage", "", "+", "+0", "１２３", "+1" * 40])
def test_a_number_of_no_known_country_is_anywhere(number: str) -> None:
    assert locate(number) == UNKNOWN
    assert Place(("*",), EVERYWHERE) == UNKNOWN


def test_the_debts_region_decides_the_jurisdiction() -> None:
    assert locate("+12125550123", region="US-MA") == Place(("US-MA",), (NEW_YORK,))
    assert locate("+8613812345678", region="US-MA").regions == ("US-MA",)


def test_a_region_adds_its_zones_to_those_of_the_numbers_area() -> None:
    assert set(locate("+14155550123", region="US-MA").zones) == {NEW_YORK, LOS_ANGELES}
    assert set(locate("+8613812345678", region="US-MA").zones) == {NEW_YORK, "Asia/Shanghai"}


def test_a_region_narrows_the_zones_of_a_number_that_names_only_its_country() -> None:
    assert locate("+61412345678", region="AU-QLD").zones == ("Australia/Brisbane",)
    assert locate("+18005551234", region="US-MA").zones == (NEW_YORK,)
    assert locate("+88216123456", region="US-MA").zones == (NEW_YORK,)


def test_time_zones_that_are_stated_count_alone() -> None:
    stated = locate("+8613812345678", region="US-MA", time_zones=["Asia/Tokyo", None, "Asia/Tokyo", "Asia/Seoul"])
    assert stated == Place(("US-MA",), ("Asia/Tokyo", "Asia/Seoul"))
    assert locate("+88216123456", time_zones=["Asia/Tokyo"]) == Place(("*",), ("Asia/Tokyo",))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "/etc/passwd", "Asia", "a" * 64, "x\x00y"])
def test_a_time_zone_that_is_none_is_as_if_not_stated(name: str) -> None:
    assert locate("+8613812345678", time_zones=[name]).zones == ("Asia/Shanghai",)


def test_a_region_of_no_country_adds_the_rules_of_elsewhere() -> None:
    assert locate("+8613812345678", region="ZZ-1") == Place(("CN", "*"), ("Asia/Shanghai",))


@pytest.mark.parametrize(("region", "regions"), [("CN-HK", ("CN-HK", "HK")), ("CN-TW", ("CN-TW", "TW"))])
def test_a_part_that_has_a_country_code_too_keeps_both(region: str, regions: tuple[str, ...]) -> None:
    assert locate("+8613812345678", region=region).regions == regions


@pytest.mark.parametrize(
    ("code", "known"),
    [("CN", True), ("US-MA", True), ("US-NYC", True), ("XX", False), ("US-", False), ("US-MASS", False), ("", False)],
)
def test_what_is_a_region(code: str, known: bool) -> None:
    assert is_region(code) is known


def test_every_zone_in_the_tables_is_one() -> None:
    named = {zone for zones in countries.ZONES.values() for zone in zones.split()}
    named |= {zone for zones in subdivisions.ZONES.values() for zone in zones}
    assert all(is_zone(zone) for zone in named | set(EVERYWHERE))
    assert all(is_region(region) for region in subdivisions.ZONES)


def test_the_parts_of_a_country_have_its_zones_and_no_others() -> None:
    def clocks(zones: set[str]) -> set[tuple[object, ...]]:
        from tests.support.packs import at  # noqa: PLC0415

        instants = [at(f"2027-{month:02}-15T{hour:02}:00") for month in range(1, 13) for hour in (0, 12)]
        return {tuple(i.astimezone(ZoneInfo(zone)).utcoffset() for i in instants) for zone in zones}

    for country in ("US", "AU", "ID"):
        parts = [zones for region, zones in subdivisions.ZONES.items() if region.startswith(country)]
        whole = set(countries.ZONES[country].split())
        territories = {"AS", "GU", "MP", "PR", "VI", "UM"} if country == "US" else set()
        whole |= {zone for code in territories for zone in countries.ZONES[code].split()}
        assert clocks({zone for zones in parts for zone in zones}) >= clocks(set(countries.ZONES[country].split()))
        assert clocks({zone for zones in parts for zone in zones}) <= clocks(whole)


def test_the_table_of_prefixes_is_loaded_only_for_numbers_that_need_it() -> None:
    """Its import takes 30 ms without bytecode: no cold start of a country with one clock pays for it."""
    code = (
        "import sys; from duecare_core.domain.location.locate import locate;"
        "locate('+8613812345678'); locate('+442071234567');"
        "assert 'phonenumbers.tzdata' not in sys.modules; locate('+12125550123');"
        "assert 'phonenumbers.tzdata' in sys.modules"
    )
    folder = Path(__file__).parents[4] / "layers" / "core"
    ran = subprocess.run([sys.executable, "-c", code], check=False, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
