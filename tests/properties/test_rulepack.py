"""An operator's pack permits nothing that was denied; a refinement never loosens its country; nothing raises."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.domain.location.locate import ELSEWHERE, Place, locate
from duecare_core.domain.rules.applicable import ApplicableRules
from duecare_core.domain.rules.frequency_caps import Contact
from duecare_core.domain.rules.pack import DatedRow, Pack
from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.rule_types import DAYS
from duecare_core.domain.rules.tighten import tighten
from duecare_core.errors import BadPack
from tests.support.packs import PACK, cap, contents, hours

START = datetime(2026, 12, 30, tzinfo=UTC)
ZONES = ("Asia/Shanghai", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "Europe/London")
PLACES = ("CN", "US", "US-MA", "US-WA", "US-NY", "IN", "GB", "AU", "ID", "PH", "FR", "HK", ELSEWHERE)
ROWS = {row["id"]: row for row in contents()["rows"] if row["kind"] in ("quiet_hours", "cap")}
QUICK = settings(max_examples=300, deadline=None)

times = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")
windows = st.fixed_dictionaries(
    {"from": times, "to": times}, optional={"days": st.lists(st.sampled_from(DAYS), min_size=1, unique=True)}
)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """One of the shipped rows with a few members redrawn, under its own id or another."""
    row = dict(draw(st.sampled_from(list(ROWS.values()))))
    drawn: dict[str, st.SearchStrategy[Any]] = {
        "from": st.sampled_from(["2026-12-30", "2020-01-01", "2027-01-01"]),
        "until": st.sampled_from(["2026-12-31", "2027-01-01", "2030-01-01"]),
        "channels": st.sampled_from([["sms"], ["voice"], ["sms", "voice", "email", "im"]]),
        "senders": st.sampled_from([["collector"], ["creditor"], ["creditor", "collector"]]),
        "products": st.sampled_from([["microfinance"], ["other", "microfinance"], None]),
        "jurisdiction": st.sampled_from([*PLACES, "any"]),
    }
    if row["kind"] == "cap":
        drawn |= {
            "max": st.integers(1, 4),
            "days": st.sampled_from([1, 2, 7]),
            "window": st.sampled_from(["rolling", "calendar_day"]),
            "per": st.sampled_from(["recipient", "debt"]),
            "across": st.sampled_from(["all", "creditor"]),
        }
    else:
        member = "quiet" if "quiet" in row else "permitted"
        drawn |= {member: st.lists(windows, min_size=1, max_size=2)}
    for member in draw(st.lists(st.sampled_from(sorted(drawn)), min_size=1, max_size=3, unique=True)):
        row[member] = draw(drawn[member])
    if draw(st.booleans()):
        row["id"] = "own-" + row["id"]
    return row


instants = st.integers(0, 72 * 4).map(lambda quarter: START + timedelta(minutes=15 * quarter))
contacts = st.lists(
    st.builds(
        Contact,
        st.integers(-8 * 24, 72).map(lambda hour: int((START + timedelta(hours=hour)).timestamp())),
        st.sampled_from(["sms", "voice"]),
        st.sampled_from([b"AAAA", b"BBBB"]),
        st.sampled_from([b"debt-1", b"debt-2"]),
        st.just(b"message1"),
    ),
    max_size=10,
)
places = st.builds(Place, st.tuples(st.sampled_from(PLACES)), st.tuples(st.sampled_from(ZONES)))
products = st.sampled_from([None, "microfinance", "credit_card"])


class Moment(NamedTuple):
    quiet: bool
    capped: tuple[str, ...]
    demanded: frozenset[str]


def ask(pack: Pack, place: Place, now: datetime, past: list[Contact], sender: Any, product: str | None) -> Moment:
    new = Contact(int(now.timestamp()), "sms", b"AAAA", b"debt-1", b"message2")
    binding = ApplicableRules(pack, place, "sms", sender, product, now)
    full = binding.full_caps(past, new)
    demanded = frozenset(binding.required(promotional=True)) | binding.forbidden()
    return Moment(binding.quiet() is not None, full.rows if full else (), demanded)


@QUICK
@given(
    st.lists(changes(), min_size=1, max_size=3, unique_by=lambda row: row["id"]),
    places,
    instants,
    contacts,
    st.sampled_from(["creditor", "collector"]),
    products,
)
def test_an_accepted_operators_pack_permits_nothing_that_was_denied(
    rows: list[dict[str, Any]], place: Place, now: datetime, past: list[Contact], sender: str, product: str | None
) -> None:
    own = {"version": "own", "rows": rows, "holidays": contents()["holidays"]}
    try:
        strict = tighten(PACK, parse(json.dumps(own).encode()))
    except BadPack:
        return
    before = ask(PACK, place, now, past, sender, product)
    after = ask(strict, place, now, past, sender, product)
    assert after.quiet or not before.quiet
    assert after.capped or not before.capped
    assert after.demanded >= before.demanded


@QUICK
@given(
    st.sampled_from(["US-MA", "US-WA", "US-NY", "US-NYC", "US-DC", "US-CA", "CN-31", "AU-NSW", "IN-MH"]),
    st.sampled_from(ZONES),
    instants,
    contacts,
)
def test_a_part_of_a_country_keeps_the_countrys_rules_and_anywhere_in_it_those_of_every_part(
    region: str, zone: str, now: datetime, past: list[Contact]
) -> None:
    without_rows = ask(PACK, Place((f"{region[:2]}-X",), (zone,)), now, past, "collector", None)
    part = ask(PACK, Place((region,), (zone,)), now, past, "collector", None)
    anywhere = ask(PACK, Place((region[:2],), (zone,)), now, past, "collector", None)
    for looser, stricter in ((without_rows, part), (part, anywhere)):
        assert stricter.quiet or not looser.quiet
        assert stricter.capped or not looser.capped
        assert stricter.demanded >= looser.demanded


spans = st.tuples(st.integers(1, 30), st.integers(1, 30)).map(lambda days: (min(days), max(days)))


@QUICK
@given(spans, st.lists(spans, max_size=3).map(tuple), st.integers(1, 31))
def test_a_row_is_in_force_from_a_day_on_if_it_is_on_that_day_or_any_after(
    span: tuple[int, int], except_on: tuple[tuple[int, int], ...], day: int
) -> None:
    row = DatedRow(span, except_on)
    assert row.in_force_from(day) == any(row.in_force(later) for later in range(day, 32))


@QUICK
@given(st.tuples(st.sampled_from(PLACES), st.sampled_from(PLACES)), st.sampled_from(ZONES), instants, contacts)
def test_two_possible_countries_deny_everything_that_one_denies(
    both: tuple[str, str], zone: str, now: datetime, past: list[Contact]
) -> None:
    together = ask(PACK, Place(both, (zone,)), now, past, "collector", None)
    each = [ask(PACK, Place((region,), (zone,)), now, past, "collector", None) for region in both]
    assert together.quiet == any(one.quiet for one in each)
    assert set(together.capped) == {cap for one in each for cap in one.capped}


@QUICK
@given(
    st.one_of(st.text(max_size=20), st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z")),
    st.one_of(st.none(), st.text(max_size=8), st.from_regex(r"\A[A-Z]{2}-[A-Z0-9]{1,3}\Z")),
    st.lists(st.one_of(st.none(), st.text(max_size=30), st.sampled_from(ZONES)), max_size=2),
    instants,
)
def test_no_place_makes_it_fail_and_none_is_without_rules(
    number: str, region: str | None, zones: list[str | None], now: datetime
) -> None:
    place = locate(number, region=region, time_zones=zones)
    assert place.regions
    assert place.zones
    new = Contact(int(now.timestamp()), "sms", b"AAAA", None, b"message2")
    binding = ApplicableRules(PACK, place, "sms", "creditor", None, now)
    binding.quiet()
    binding.full_caps([new] * 5, new)
    assert {"prior_consent", "sender_name", "opt_out_wording"} <= set(binding.required(promotional=True))
    assert binding.forbidden()
    days = [any(rule.in_force(now.toordinal()) for rule in PACK.hours(place.regions, "sms", "creditor", None))]
    assert all(days)


@QUICK
@given(st.binary(max_size=200))
def test_bytes_that_are_no_pack_raise_bad_pack_and_no_other_error(data: bytes) -> None:
    with pytest.raises(BadPack):
        parse(data)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 400), st.text(max_size=8), times),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


@QUICK
@given(
    st.sampled_from([cap(3), hours("08:00-20:00"), *ROWS.values()]),
    st.sampled_from(
        ["id", "kind", "max", "quiet", "permitted", "holidays", "from", "channels", "jurisdiction", "days"]
    ),
    json_values,
)
def test_a_member_of_any_value_is_read_or_named(row: dict[str, Any], member: str, value: Any) -> None:
    changed = {"version": "x", "rows": [row | {member: value}], "holidays": contents()["holidays"]}
    said = ""
    try:
        parse(json.dumps(changed).encode())
    except BadPack as error:
        said = str(error)
    assert said.startswith(("row ", "rows", "the pack")) or not said
