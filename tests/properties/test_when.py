"""When to ask again, and how long an answer holds: the first instant that is allowed, and the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.asked import ask, made
from tests.support.packs import at

ZONES = ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "America/Havana", "Australia/Lord_Howe"]
START = at("2026-10-28T00:00")
SECOND = timedelta(seconds=1)
QUICK = settings(max_examples=200, deadline=None)

instants = st.integers(0, 9 * 24 * 3600).map(lambda seconds: START + timedelta(seconds=seconds))
places = st.one_of(
    st.sampled_from(["+8613812345678", "+61412345678", "+6281234567890", "+33612345678", "+919876543210"]).map(
        lambda number: {"number": number}
    ),
    st.builds(
        lambda region, zones: {"number": "+12125550123", "region": region, "zones": tuple(zones)},
        st.sampled_from(["US-MA", "US-WA", "US-NY", "US-CA"]),
        st.lists(st.sampled_from(ZONES), max_size=2, unique=True),
    ),
)
pasts = st.lists(
    st.builds(made, st.integers(-30, 9 * 4).map(lambda quarter: START + quarter * timedelta(hours=6))), max_size=12
)


@QUICK
@given(places, instants, pasts, st.integers(0, 99))
def test_retry_at_is_the_first_instant_that_is_allowed(
    place: dict[str, str], now: datetime, past: list[object], percent: int
) -> None:
    denied = ask(now, past, **place)  # type: ignore[arg-type]
    if denied.allowed:
        assert denied.retry_at is None
        return
    assert denied.retry_at is not None  # nothing but time stands against it
    assert denied.retry_at > now
    assert ask(denied.retry_at, past, **place).allowed  # type: ignore[arg-type]
    for before in (denied.retry_at - SECOND, now + (denied.retry_at - now) * percent / 100):
        assert before < now or not ask(before, past, **place).allowed  # type: ignore[arg-type]


@QUICK
@given(places, instants, pasts, st.integers(0, 119))
def test_an_allow_holds_until_its_end_and_not_beyond_a_change(
    place: dict[str, str], now: datetime, past: list[object], seconds: int
) -> None:
    allowed = ask(now, past, **place)  # type: ignore[arg-type]
    if not allowed.allowed:
        return
    assert timedelta(0) < allowed.good_for <= timedelta(seconds=120)
    later = now + min(timedelta(seconds=seconds), allowed.good_for - timedelta(microseconds=1))
    assert ask(later, past, **place).allowed  # type: ignore[arg-type]
    if allowed.good_for < timedelta(seconds=120):
        assert not ask(now + allowed.good_for, past, **place).allowed  # type: ignore[arg-type]


@QUICK
@given(places, instants, st.permutations(range(6)))
def test_the_order_of_the_ledger_does_not_matter(place: dict[str, str], now: datetime, order: list[int]) -> None:
    past = [made(now - n * timedelta(hours=7), f"m-{n}") for n in range(6)]
    assert ask(now, [past[n] for n in order], **place) == ask(now, past, **place)  # type: ignore[arg-type]


@QUICK
@given(st.datetimes(datetime(2026, 1, 1), datetime(2035, 12, 30)), st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))  # noqa: DTZ001
def test_any_number_at_any_time_is_judged_without_an_exception(now: datetime, number: str) -> None:
    decision = ask(now.replace(tzinfo=UTC), number=number)
    assert decision.regions
    assert decision.allowed or decision.codes
