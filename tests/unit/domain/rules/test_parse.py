"""The rule pack: it has every row of its sources, errors name the row, and an operator can only tighten."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import rfc8785

from duecare_core.domain.location.locate import locate
from duecare_core.domain.rules.applicable import ApplicableRules
from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.rule_types import AnyRow, Cap, QuietHours, Wording
from duecare_core.domain.rules.tighten import tighten
from duecare_core.domain.text.reader import read
from duecare_core.errors import BadPack
from tests.support.packs import PACK, PATH, at, cap, contents, hours, packed, row
from tools import area_codes, rules_page, tables


def of(identity: str, pack: Pack = PACK) -> AnyRow:
    return next(row for row in pack.rows if row.id == identity)


def changed(identity: str, **members: Any) -> Pack:
    """An operator's pack with one row of the shipped one, changed."""
    rows = [row | members for row in contents()["rows"] if row["id"] == identity]
    return parse(json.dumps(contents() | {"version": "operator", "rows": rows}).encode())


def test_the_shipped_pack_is_read_and_dated() -> None:
    assert PACK.version == "2026-11-25"
    assert {row.read for row in PACK.rows} == {date(2026, 11, 23)}
    assert {row.jurisdiction for row in PACK.rows} == (
        {"any", "*", "CN", "US", "US-MA", "US-DC", "US-NYC", "US-WA", "IN", "GB", "AU", "PH", "ID"}
    )


def test_the_digest_is_that_of_the_rfc_8785_bytes() -> None:
    canonical = rfc8785.dumps(json.loads(PACK.data))
    assert PACK.data == canonical
    assert PACK.digest == "sha256:" + hashlib.sha256(canonical).hexdigest()
    assert parse(PACK.data).digest == PACK.digest


def test_the_digest_does_not_depend_on_how_the_file_is_written() -> None:
    other = json.dumps(dict(reversed(contents().items())), ensure_ascii=True, indent=7).encode()
    assert parse(other).digest == PACK.digest


def test_the_digest_covers_every_member() -> None:
    assert changed("cn-sms-day", max=2).digest != changed("cn-sms-day").digest
    assert changed("cn-sms-day", note="Another.").digest != changed("cn-sms-day").digest


def test_parsing_takes_no_longer_than_reading_the_json_25_times() -> None:
    data = PATH.read_bytes()

    def seconds(read: Callable[[bytes], object]) -> float:
        began = time.thread_time()
        read(data)
        return time.thread_time() - began

    spent = [(seconds(parse), seconds(json.loads)) for _ in range(20)]
    assert min(one for one, _ in spent) < 25 * min(one for _, one in spent)


def test_the_wordings_of_the_pack_are_read_as_ways_to_opt_out() -> None:
    for wording in PACK.of_kind(Wording):
        for example in wording.examples:
            assert read(f"【某资产】欠款27911元。{example}").opt_out, example


def test_the_page_is_generated_from_the_pack() -> None:
    assert rules_page.PAGE.read_text("utf-8") == rules_page.page(PACK)
    assert "not legal advice" in rules_page.PAGE.read_text("utf-8")


def test_the_tables_agree_with_the_libraries() -> None:
    assert tables.PACK.read_text("utf-8") == tables.pack()
    assert tables.COUNTRIES.read_text("utf-8") == tables.countries()
    assert tables.ZONE_NAMES.read_text("utf-8") == tables.zone_names()


def test_the_tables_of_regions_agree_with_the_libraries() -> None:
    pytest.importorskip("pycountry")
    assert tables.ISO_REGIONS.read_text("utf-8") == tables.iso_regions()
    assert tables.AREA_CODES.read_text("utf-8") == area_codes.table()


# Which rows count


def ids(
    regions: tuple[str, ...], channel: str = "sms", sender: Any = "collector", product: str | None = None
) -> set[str]:
    hours = {rule.id for rule in PACK.hours(regions, channel, sender, product) if rule.in_force(TODAY.toordinal())}
    caps = {rule.cap.id for rule in PACK.caps(regions, channel, sender, product) if rule.in_force(TODAY.toordinal())}
    return hours | caps


TODAY = date(2026, 11, 24)
# A number that may be anywhere in a country has the rows of all its parts.
ANYWHERE_IN_THE_US = {
    *("us-hours", "us-ma-hours", "us-wa-hours", "elsewhere-frequency"),
    *("us-ma-contacts", "us-dc-electronic", "us-nyc-electronic", "us-wa-contacts"),
}


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        (("CN",), {"cn-hours", "cn-hours-banks", "cn-sms-day"}),
        (("US",), ANYWHERE_IN_THE_US),
        (("US-CA",), {"us-hours", "elsewhere-frequency"}),
        (("US-MA",), {"us-hours", "us-ma-hours", "us-ma-contacts", "elsewhere-frequency"}),
        (("US-DC",), {"us-hours", "us-dc-electronic", "elsewhere-frequency"}),
        (("US-NY",), {"us-hours", "us-nyc-electronic", "elsewhere-frequency"}),
        (("US-NYC",), {"us-hours", "us-nyc-electronic", "elsewhere-frequency"}),
        (("US-WA",), {"us-hours", "us-wa-hours", "us-wa-contacts", "elsewhere-frequency"}),
        (("PR",), {"us-hours", "elsewhere-frequency"}),
        (("US-PR",), {"us-hours", "elsewhere-frequency"}),
        (("GB",), {"gb-hours", "elsewhere-frequency"}),
        (("IN",), {"in-hours-banks", "in-hours-microfinance", "elsewhere-frequency"}),
        (("AU",), {"au-hours", "au-week", "au-month"}),
        (("CX",), {"au-hours", "au-week", "au-month"}),
        (("PH",), {"ph-hours", "elsewhere-frequency"}),
        (("ID",), {"id-hours", "elsewhere-frequency"}),
        (("FR",), {"elsewhere-hours", "elsewhere-frequency"}),
        (("*",), {"elsewhere-hours", "elsewhere-frequency"}),
        (("GB", "JE"), {"gb-hours", "elsewhere-hours", "elsewhere-frequency"}),
        (("CN-HK", "HK"), {"cn-hours", "cn-hours-banks", "cn-sms-day", "elsewhere-hours", "elsewhere-frequency"}),
    ],
)
def test_rows_of_a_place(regions: tuple[str, ...], expected: set[str]) -> None:
    assert ids(regions) == expected


def test_voice_has_caps_of_its_own() -> None:
    assert ids(("CN",), "voice") >= {"cn-voice-interactive", "cn-voice-notification"}
    assert "us-calls" in ids(("US",), "voice")


@pytest.mark.parametrize(
    ("product", "binds"), [("microfinance", True), (None, True), ("credit_card", False), ("other", False)]
)
def test_hours_of_microfinance_bind_microfinance_and_debts_without_a_product(product: str | None, binds: bool) -> None:
    assert ("in-hours-microfinance" in ids(("IN",), product=product)) is binds


def test_a_collector_must_disclose_itself_and_a_creditor_need_not() -> None:
    def required(sender: Any) -> set[str]:
        return {demand.row.id for demand in PACK.demands(("US",), "sms", sender, None)}

    assert required("collector") - required("creditor") == {"us-disclosure", "us-disclosure-first"}


def test_required_elements_depend_on_the_place_and_the_day() -> None:
    def demands(number: str, day: str, *, promotional: bool = True) -> set[str]:
        noon = at(f"{day}T12:00", "Asia/Shanghai")
        binding = ApplicableRules(PACK, locate(number), "sms", "collector", None, noon)
        required = binding.required(promotional=promotional)
        return {row for rows in required.values() for row in rows}

    china = {"any-elements", "cn-promotional", "cn-opt-out", "cn-sign", "cn-basis"}
    assert demands("+8613812345678", "2026-11-24") == china
    assert demands("+8613812345678", "2026-04-30") == china - {"cn-promotional"}
    assert demands("+8613812345678", "2026-11-24", promotional=False) == china - {"cn-promotional"}
    assert demands("+88216123456", "2026-11-24") == {"any-elements"}
    united_states = {"any-elements", "us-opt-out", "us-disclosure"}
    assert demands("+14155550123", "2026-11-24") == united_states
    assert demands("+12025550123", "2026-11-24") == united_states | {"us-dc-consent"}


def test_forbidden_topics_depend_on_the_place() -> None:
    noon = at("2026-11-24T12:00", "Asia/Shanghai")

    def topics(number: str) -> frozenset[str]:
        return ApplicableRules(PACK, locate(number), "sms", "collector", None, noon).forbidden()

    everywhere = {"posing_as_authority", "threat", "exposure", "abuse"}
    assert topics("+88216123456") == everywhere
    assert topics("+8613812345678") > everywhere
    assert "sender_name_reveals_collection" in topics("+447700900123")


def test_a_country_falls_back_to_elsewhere_on_days_without_rows_of_its_own() -> None:
    before = date(2025, 11, 27).toordinal()
    rules = PACK.hours(("IN",), "sms", "collector", "other")
    assert {rule.id for rule in rules if rule.in_force(before)} == {"elsewhere-hours"}
    assert {rule.id for rule in rules if rule.in_force(before + 1)} == {"in-hours-banks"}


def test_the_cache_of_regions_is_bounded() -> None:
    pack = parse(PACK.data)
    for number in range(3000):
        pack.hours((f"US-{number}",), "sms", "collector", None)
    assert len(pack._cache) <= 1024


# Invalid packs


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row("frequency")], "row x-row, member kind"),
        ([row("cap")], "row x-row, member max"),
        ([cap(0)], "row x-row, member max"),
        ([cap(3, window="weekly")], "row x-row, member window"),
        ([cap(3, window="calendar_day", days=2)], "row x-row, member days"),
        ([cap(3, maximum=4)], "row x-row, member maximum"),
        ([cap(3, jurisdiction="XX")], "row x-row, member jurisdiction"),
        ([cap(3, jurisdiction="US-")], "row x-row, member jurisdiction"),
        ([cap(3, jurisdiction="US-MASS")], "row x-row, member jurisdiction"),
        ([cap(3, **{"from": "2027-01-01", "until": "2026-12-31"})], "row x-row, member until"),
        ([cap(3, **{"from": "2027-02-30"})], "row x-row, member from"),
        ([cap(3, channels=[])], "row x-row, member channels"),
        ([cap(3, channels=["sms", "sms"])], "row x-row, member channels"),
        ([cap(3, channels=["fax"])], "row x-row, member channels"),
        ([cap(3, id="X ROW")], "member id"),
        ([cap(3, confidence="sure")], "row x-row, member confidence"),
        ([cap(3), cap(3, jurisdiction="US")], "row x-row, member id: another row has it"),
        ([cap(3), cap(3, id="y-row")], "row y-row, member id: says the same as row x-row"),
        ([hours("25:00-26:00")], "row x-row, member from/to"),
        ([hours("8:00-21:00")], "row x-row, member from/to"),
        ([hours("08:00-08:00")], "row x-row, member from/to"),
        ([hours("24:00-08:00")], "row x-row, member from/to"),
        ([hours("08:00-12:00", "11:59-20:00")], "row x-row, member permitted: its windows overlap"),
        ([hours("20:00-08:00", "07:00-09:00", quiet=True)], "row x-row, member quiet: its windows overlap"),
        ([hours("00:00-24:00", quiet=True)], "row x-row, member quiet: leaves no time at all"),
        ([row("quiet_hours")], "row x-row, member quiet: give either"),
        ([hours("08:00-20:00", holidays="XX")], "row x-row, member holidays"),
        ([row("records", what="traffic", keep="6 months", after="contact")], "row x-row, member keep"),
        ([row("required", elements=["luck"])], "row x-row, member elements"),
        ([row("reply_words", stop=["a\nb"], start=[])], "row x-row, member stop"),
    ],
)
def test_a_row_that_is_wrong_is_named_with_its_member(rows: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(BadPack) as caught:
        packed(*rows)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "members",
    [
        {"version": ""},
        {"version": "a b"},
        {"cities": {"US-NYC": "CN-31"}},
        {"cities": {"NYC": "US-NY"}},
        {"territories": {"PR": "XX"}},
        {"holidays": {"AU": {"2026": "1301"}}},
        {"holidays": {"AU": {"2026": "01011"}}},
        {"holidays": {"AU": {"2026": "0101", "2028": "0101"}}},
        {"holidays": {"AU": {"next": "0101"}}},
        {"more": 1},
    ],
)
def test_a_pack_with_invalid_tables_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(BadPack):
        packed(**members)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"null", b"\xff", b'{"version":"1"}', b'{"version":"1","rows":[1]}']
)
def test_bytes_that_are_no_pack_are_refused(data: bytes) -> None:
    with pytest.raises(BadPack):
        parse(data)


# An operator's pack


def test_an_operator_may_tighten() -> None:
    strict = tighten(PACK, changed("cn-sms-day", max=1))
    row = of("cn-sms-day", strict)
    assert isinstance(row, Cap)
    assert row.max == 1
    assert strict.version == f"{PACK.version}+operator"
    assert strict.digest != PACK.digest
    assert parse(strict.data).digest == strict.digest
    assert len(strict.rows) == len(PACK.rows)


def test_an_operators_new_rows_apply_in_addition() -> None:
    strict = tighten(PACK, packed(hours("09:00-18:00", id="own-hours", jurisdiction="FR")))
    found = {rule.id for rule in strict.hours(("FR",), "sms", "collector", None)}
    assert found == {"elsewhere-hours", "own-hours"}
    day = TODAY.toordinal()
    assert all(rule.in_force(day) for rule in strict.hours(("FR",), "sms", "collector", None))


def test_an_operators_rows_for_elsewhere_bind_where_a_country_has_its_own() -> None:
    strict = tighten(PACK, packed(hours("09:00-18:00", id="own-hours", jurisdiction="*")))
    found = {rule.id for rule in strict.hours(("CN",), "sms", "collector", None) if rule.in_force(TODAY.toordinal())}
    assert found == {"cn-hours", "cn-hours-banks", "own-hours"}


@pytest.mark.parametrize(
    ("identity", "members"),
    [
        ("cn-hours", {"quiet": [{"from": "21:00", "to": "09:00"}]}),
        ("us-hours", {"permitted": [{"from": "09:00", "to": "20:59"}]}),
        ("us-hours", {"permitted": [], "quiet": [{"from": "20:00", "to": "08:00"}]}),
        ("us-ma-contacts", {"max": 1, "days": 8, "per": "recipient"}),
        ("cn-sms-day", {"window": "rolling", "days": 2}),
        ("cn-voice-notification", {"across": "all", "max": 2}),
        ("us-disclosure", {"senders": ["creditor", "collector"]}),
        ("in-hours-microfinance", {"products": ["microfinance", "other"]}),
        ("cn-promotional", {"when": "each"}),
        ("cn-content", {"topics": [*contents()["rows"][6]["topics"], "abuse"]}),
        ("us-records", {"keep": "P4Y"}),
        ("us-words", {"stop": ["STOPALL", "STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE", "NO"]}),
        ("au-week", {"channels": ["sms", "voice", "email", "im"], "max": 1}),
    ],
)
def test_tighter_rows_are_accepted(identity: str, members: dict[str, Any]) -> None:
    assert tighten(PACK, changed(identity, **members)).digest != PACK.digest


@pytest.mark.parametrize(
    ("identity", "members", "member"),
    [
        ("cn-hours", {"quiet": [{"from": "22:01", "to": "08:00"}]}, "quiet"),
        ("cn-hours", {"quiet": [{"from": "22:00", "to": "07:59"}]}, "quiet"),
        ("us-hours", {"permitted": [{"from": "07:59", "to": "21:00"}]}, "permitted"),
        ("id-hours", {"permitted": [{"from": "08:00", "to": "20:00"}]}, "permitted"),
        ("id-hours", {"holidays": None}, "holidays"),
        ("cn-sms-day", {"max": 4}, "max"),
        ("cn-sms-day", {"per": "debt"}, "per"),
        ("cn-sms-day", {"across": "creditor"}, "across"),
        ("cn-sms-day", {"window": "rolling", "days": 1}, "window"),
        ("us-ma-contacts", {"days": 6}, "window"),
        ("us-ma-contacts", {"window": "calendar_day", "days": 1}, "window"),
        ("us-ma-contacts", {"channels": ["voice"]}, "channels"),
        ("us-ma-contacts", {"senders": ["collector"]}, "senders"),
        ("us-ma-contacts", {"products": ["other"]}, "products"),
        ("us-hours", {"from": "2027-01-01"}, "from/until"),
        ("us-hours", {"until": "2027-01-01"}, "from/until"),
        ("us-hours", {"from": "2020-01-01"}, "from/until"),
        ("us-hours", {"jurisdiction": "US-CA"}, "jurisdiction"),
        ("cn-promotional", {"elements": ["sender_name"]}, "elements"),
        ("cn-opt-out", {"when": "first"}, "when"),
        ("cn-content", {"topics": ["threat"]}, "topics"),
        ("us-records", {"keep": "P35M"}, "keep"),
        ("us-records", {"after": "contact"}, "what/after"),
        ("us-words", {"stop": ["STOP"]}, "stop"),
        ("us-words", {"start": ["START", "YES"]}, "start"),
        ("us-wording", {"examples": ["Reply STOP to opt out", "Call us"]}, "rule"),
        ("cn-wording", {"examples": ["退订回T"]}, "rule"),  # what a reader takes for its kin would still pass
        ("us-refused", {"confirmations": 0, "channels": ["sms"]}, "channels"),
        ("cn-whom", {"persons": ["debtor", "contact"]}, "rule"),
    ],
)
def test_a_row_that_loosens_is_named_with_its_member(identity: str, members: dict[str, Any], member: str) -> None:
    with pytest.raises(BadPack, match=f"row {identity}, member {member}:"):
        tighten(PACK, changed(identity, **members))


@pytest.mark.parametrize(
    "operator",
    [
        packed(row("wording", id="own", jurisdiction="any", examples=["Call us"])),
        packed(row("reply_words", id="own", jurisdiction="any", stop=["NO"], start=["YES"])),
        packed(territories={"FR": "GB"}),
        packed(territories={"PR": "GB"}),
        packed(cities={"US-NYC": "US-MA"}),
        packed(holidays={"AU": {"2036": "0101"}}),
        packed(cap(1, id="cn-hours", jurisdiction="CN")),
    ],
    ids=["wording", "words", "leaves elsewhere", "moves a territory", "moves a city", "opens a year", "other kind"],
)
def test_rows_that_loosen_indirectly_are_refused(operator: Pack) -> None:
    with pytest.raises(BadPack):
        tighten(PACK, operator)


def test_an_operator_may_add_holidays() -> None:
    strict = tighten(PACK, packed(holidays={"AU": {"2026": "1124"}, "CN": {"2026": "1001"}}))
    (rule,) = (rule for rule in strict.hours(("AU",), "sms", "collector", None) if rule.id == "au-hours")
    assert rule.permits(TODAY.toordinal()) == ()
    assert of("au-hours", PACK) == of("au-hours", strict)


def test_windows_across_midnight_belong_to_two_days() -> None:
    pack = packed(hours("20:00-02:00", "02:00-04:00"))
    (rule,) = pack.hours(("CN",), "sms", "collector", None)
    assert rule.week == (((0, 240), (1200, 1440)),) * 7


def test_a_window_of_one_day_ends_on_the_next() -> None:
    members = row("quiet_hours", quiet=[{"days": ["sun"], "from": "22:00", "to": "08:00"}])
    pack = packed(members)
    assert isinstance(pack.rows[0], QuietHours)
    (rule,) = pack.hours(("CN",), "sms", "collector", None)
    assert rule.week[0] == ((480, 1440),)
    assert rule.week[6] == ((0, 1320),)
    assert rule.week[1:6] == (((0, 1440),),) * 5
