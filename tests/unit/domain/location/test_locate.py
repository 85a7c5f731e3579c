"""`locate`: all possible places of a recipient."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from duecare_core.domain.location import area_codes, countries, subdivisions, zone_names
from duecare_core.domain.location.localtime import zone as local_clock
from duecare_core.domain.location.locate import (
    EVERYWHERE,
    UNKNOWN,
    Place,
    is_jurisdiction,
    is_region,
    is_zone,
    locate,
)

NEW_YORK, LOS_ANGELES = "America/New_York", "America/Los_Angeles"


@pytest.mark.parametrize(
    ("number", "region", "zones"),
    [
        ("+8613812345678", "CN", {"Asia/Shanghai"}),
        ("+12125550123", "US-NY", {NEW_YORK}),
        ("+12085550123", "US-ID", {"America/Denver", LOS_ANGELES}),
        ("+16135550123", "CA-ON", {"America/Toronto", "America/Winnipeg", "America/Atikokan"}),
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


# Stated places


def test_a_stated_region_adds_its_rules_and_hours_to_those_of_a_number_that_is_tied_to_an_area() -> None:
    assert locate("+12125550123", region="US-MA") == Place(("US-NY", "US-MA"), (NEW_YORK,))
    assert locate("+14155550123", region="US-MA") == Place(("US-CA", "US-MA"), (LOS_ANGELES, NEW_YORK))
    assert locate("+61292223333", region="AU-QLD") == Place(
        ("AU", "AU-QLD"), ("Australia/Sydney", "Australia/Brisbane")
    )


@pytest.mark.parametrize("region", ["US-MA", "US-CA", "IN-MH", "AU-QLD"])
def test_a_stated_region_of_another_country_removes_nothing(region: str) -> None:
    place = locate("+8613812345678", region=region)
    assert {"CN", region} <= set(place.regions)
    assert set(place.zones) >= {"Asia/Shanghai"}
    assert not place.set_aside


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati", "Asia/Urumqi"])
def test_a_stated_zone_that_the_number_excludes_adds_its_hours(zone: str) -> None:
    assert locate("+8613812345678", time_zones=[zone]) == Place(("CN",), ("Asia/Shanghai", zone))


def test_a_stated_zone_never_narrows_a_number_that_is_tied_to_an_area() -> None:
    assert locate("+12125550123", time_zones=[NEW_YORK]) == locate("+12125550123")
    assert locate("+12085550123", time_zones=[LOS_ANGELES]).zones == locate("+12085550123").zones
    assert locate("+12125550123", time_zones=["Asia/Tokyo"]).zones == (NEW_YORK, "Asia/Tokyo")


def test_a_region_narrows_a_number_that_names_only_its_country() -> None:
    place = locate("+61412345678", region="AU-QLD")
    assert (place.regions, place.zones) == (("AU-QLD",), ("Australia/Brisbane",))
    toll_free = locate("+18005551234", region="US-MA")
    assert (toll_free.regions, toll_free.zones) == (("US-MA",), (NEW_YORK,))
    satellite = locate("+88216123456", region="US-MA")
    assert (satellite.regions, satellite.zones) == (("US-MA",), (NEW_YORK,))


def test_a_zone_narrows_the_zones_of_a_number_that_names_only_its_country_and_not_its_rules() -> None:
    place = locate("+61412345678", time_zones=["Australia/Perth"])
    assert (place.regions, place.zones) == (("AU",), ("Australia/Perth",))
    detroit = locate("+18005551234", time_zones=["America/Detroit"])
    assert detroit.zones == ("America/Detroit",)
    assert detroit.regions == locate("+18005551234").regions
    satellite = locate("+88216123456", time_zones=["Asia/Tokyo"])
    assert (satellite.regions, satellite.zones) == (("*",), ("Asia/Tokyo",))


def test_zones_that_are_set_aside_are_kept_for_counting_days() -> None:
    whole = locate("+61412345678").zones
    place = locate("+61412345678", time_zones=["Australia/Perth"])
    assert {*place.zones, *place.set_aside} == set(whole)


def test_statements_that_disagree_are_all_possible() -> None:
    both = locate("+61412345678", time_zones=["Australia/Perth", "Australia/Sydney"])
    assert both.zones == ("Australia/Perth", "Australia/Sydney")
    region_and_zone = locate("+61412345678", region="AU-QLD", time_zones=["Australia/Perth"])
    assert region_and_zone.zones == ("Australia/Brisbane", "Australia/Perth")
    one_is_abroad = locate("+61412345678", time_zones=["Australia/Perth", "Asia/Tokyo"])
    assert one_is_abroad.zones == ("Australia/Perth", "Asia/Tokyo")


NO_ZONES = [
    *("Mars/Olympus", "", "../../etc/passwd", "/etc/passwd", "Asia", "a" * 64, "x\x00y"),
    *("Etc/GMT+11", "Etc/UTC", "UTC", "GMT", "localtime", "posixrules", "right/Asia/Tokyo", "posix/Asia/Tokyo", "EST"),
    *("EST5EDT", "PRC", "US/Pacific", "Factory", "CET"),
]


@pytest.mark.parametrize("name", NO_ZONES)
def test_a_name_of_no_geographic_time_zone_is_as_if_not_stated(name: str) -> None:
    assert not is_zone(name)
    assert locate("+8613812345678", time_zones=[name]) == locate("+8613812345678")
    assert locate("+88216123456", time_zones=[name]) == UNKNOWN


@pytest.mark.parametrize(
    "name", ["Asia/Shanghai", "America/New_York", "Asia/Urumqi", "Africa/Abidjan", "America/Detroit"]
)
def test_a_geographic_time_zone_may_be_stated(name: str) -> None:
    assert is_zone(name)


def test_a_region_of_no_country_adds_the_rules_of_elsewhere() -> None:
    assert locate("+8613812345678", region="ZZ-1") == Place(("CN", "*"), ("Asia/Shanghai",))


@pytest.mark.parametrize(("region", "regions"), [("CN-HK", ("CN-HK", "HK")), ("CN-TW", ("CN-TW", "TW"))])
def test_a_part_that_has_a_country_code_too_has_the_rules_of_both(region: str, regions: tuple[str, ...]) -> None:
    assert locate("+88216123456", region=region).regions == regions
    assert locate("+85291234567", region=region).regions == ("HK", *(code for code in regions if code != "HK"))


@pytest.mark.parametrize("code", ["CN-SH", "US-MA", "US-DC", "US-PR", "IN-MH", "GB-ENG", "AU-QLD", "FR-75C"])
def test_a_region_that_iso_3166_2_lists_may_be_stated(code: str) -> None:
    assert is_region(code)


@pytest.mark.parametrize("code", ["CN-ZZZ", "US-XX", "XX-00", "US-NYC", "CN", "US-", "US-MASS", "", "cn-sh", "US-ny"])
def test_no_other_region_may_be(code: str) -> None:
    assert not is_region(code)


@pytest.mark.parametrize(
    ("code", "known"),
    [("CN", True), ("US-MA", True), ("US-NYC", True), ("XX", False), ("US-", False), ("US-MASS", False), ("", False)],
)
def test_a_rule_may_be_of_a_country_a_region_or_a_city(code: str, known: bool) -> None:
    assert is_jurisdiction(code) is known


# North American numbers


@pytest.mark.parametrize(
    ("number", "regions"),
    [
        ("+12125550123", ("US-NY",)),
        ("+17185550123", ("US-NY",)),
        ("+16175550123", ("US-MA",)),
        ("+12065550123", ("US-WA",)),
        ("+12025550123", ("US-DC",)),
        ("+19025550123", ("CA-NS", "CA-PE")),
        ("+18765550123", ("JM",)),
        ("+12465550123", ("BB",)),
    ],
)
def test_an_area_code_brings_its_state(number: str, regions: tuple[str, ...]) -> None:
    assert locate(number).regions == regions


@pytest.mark.parametrize("number", ["+18005551234", "+18885551234", "+15005550123", "+19005551234", "+16005551234"])
def test_a_number_without_an_area_may_be_anywhere_in_every_country_of_the_plan(number: str) -> None:
    place = locate(number)
    assert {"US", "CA", "JM", "PR"} <= set(place.regions)
    assert {NEW_YORK, "Pacific/Honolulu", "America/St_Johns"} <= set(place.zones)


def test_an_exchange_that_the_number_tables_get_wrong_has_the_zones_of_its_state() -> None:
    """907-581 is Unalaska, Alaska; the tables say Honolulu. 689 is Orlando, Eastern time; the tables say Central."""
    assert set(locate("+19075810123").zones) >= {"America/Anchorage", "America/Adak"}
    assert set(locate("+16895550123").zones) == {NEW_YORK, "America/Chicago"}
    assert set(locate("+18675550123").zones) >= {"America/Toronto", "America/Edmonton", "America/Creston"}


def test_every_american_area_code_has_its_state_and_every_canadian_one_its_province() -> None:
    for areas in area_codes.AREAS:
        for region in areas.split():
            assert region not in ("US", "CA")
            assert is_region(region) or region in countries.ZONES


def test_every_zone_in_the_tables_is_one() -> None:
    named = {zone for zones in countries.ZONES.values() for zone in zones.split()}
    named |= {zone for zones in subdivisions.ZONES.values() for zone in zones}
    named |= {zone for zones in area_codes.EXCHANGES.values() for zone in zones.split()}
    assert all(is_zone(zone) for zone in named)
    assert all(local_clock(zone) for zone in named | set(EVERYWHERE) | set(zone_names.COUNTRIES_OF))
    assert all(is_region(region) for region in subdivisions.ZONES)


def test_the_parts_of_a_country_have_its_zones_and_no_others() -> None:
    def clocks(zones: set[str]) -> set[tuple[object, ...]]:
        from tests.support.packs import at  # noqa: PLC0415

        instants = [at(f"2027-{month:02}-15T{hour:02}:00") for month in range(1, 13) for hour in (0, 12)]
        return {tuple(i.astimezone(local_clock(zone)).utcoffset() for i in instants) for zone in zones}

    for country in ("US", "CA", "AU", "ID"):
        parts = [zones for region, zones in subdivisions.ZONES.items() if region.startswith(country)]
        whole = set(countries.ZONES[country].split())
        territories = {"AS", "GU", "MP", "PR", "VI", "UM"} if country == "US" else set()
        whole |= {zone for code in territories for zone in countries.ZONES[code].split()}
        assert clocks({zone for zones in parts for zone in zones}) >= clocks(set(countries.ZONES[country].split()))
        assert clocks({zone for zones in parts for zone in zones}) <= clocks(whole)


def test_tables_are_loaded_only_for_numbers_that_need_them() -> None:
    """The import of the prefixes takes 30 ms without bytecode: no cold start where it is not needed pays for it."""
    code = (
        "import sys; from duecare_core.domain.location.locate import locate;"
        "locate('+8613812345678', region='CN-SH'); locate('+442071234567', time_zones=['Europe/London']);"
        "own = 'duecare_core.domain.location.';"
        "tables = {'phonenumbers.tzdata', own + 'area_codes', own + 'iso_regions', own + 'zone_names'};"
        "assert not tables & set(sys.modules); locate('+12125550123');"
        "assert tables & set(sys.modules) == {own + 'area_codes'}; locate('+61292223333');"
        "assert 'phonenumbers.tzdata' in sys.modules; assert own + 'iso_regions' not in sys.modules"
    )
    folder = Path(__file__).parents[4] / "layers" / "core"
    ran = subprocess.run([sys.executable, "-c", code], check=False, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
