"""The discrepancies of deliveries, case by case."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from duecare_core.domain import reconciliation
from duecare_core.domain.reconciliation import (
    FINDINGS,
    MAX_LISTED,
    DecisionSummary,
    Delivery,
    Period,
    Reconciliation,
    reconcile,
)

DAY = timedelta(days=1)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PERIOD = Period(NOON.replace(hour=0), NOON.replace(hour=0) + DAY, NOON + 2 * DAY)
TEXT, OTHER_TEXT = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def decided(at: datetime = NOON, **changes: Any) -> DecisionSummary:
    made: dict[str, Any] = {
        "message_id": "m-1",
        "decision_id": "a" * 26,
        "decision": "allow",
        "attempt": 1,
        "enforced": True,
        "provisional": False,
        "at": at,
        "valid_until": at + timedelta(seconds=120),
        "text_mac": TEXT,
    }
    return DecisionSummary(**made | changes)


def delivered(at: datetime = NOON, **changes: Any) -> Delivery:
    made: dict[str, Any] = {
        "message_id": "m-1",
        "at": at,
        "status": "delivered",
        "text_mac": TEXT,
        "statement": "sha256:s",
    }
    return Delivery(**made | changes)


def held(*events: DecisionSummary | Delivery, period: Period = PERIOD) -> Reconciliation:
    """These events in the order of their time."""
    decisions = [event for event in events if isinstance(event, DecisionSummary)]
    deliveries = [event for event in events if isinstance(event, Delivery)]
    return reconcile(period, sorted(decisions, key=lambda one: one.at), sorted(deliveries, key=lambda one: one.at))


def findings(*events: DecisionSummary | Delivery, period: Period = PERIOD) -> dict[str, int]:
    counts = held(*events, period=period).counts
    return {name: counts[name] for name in ("matched", *FINDINGS, "pending") if counts[name]}


def test_a_delivery_on_an_allow_matches() -> None:
    result = held(decided(), delivered(after(1)))
    assert result.misses_nothing
    assert not result.truncated
    counts = {name: count for name, count in result.counts.items() if count}
    assert counts == {"deliveries": 1, "matched": 1, "decisions": 1, "allowed": 1}
    assert result.usable_until == after(120)


def test_nothing_at_all_misses_nothing() -> None:
    result = held()
    assert result.misses_nothing
    assert result.usable_until is None
    assert set(result.found) == set(FINDINGS)


@pytest.mark.parametrize("seconds", [0, 0.000001, 119.999999, 120])
def test_an_allow_holds_from_its_own_instant_to_the_last(seconds: float) -> None:
    assert findings(decided(), delivered(after(seconds))) == {"matched": 1}


def test_after_that_it_has_expired() -> None:
    assert findings(decided(), delivered(after(120.000001))) == {"delivered_after_expiry": 1}


def test_a_delivery_without_any_decision() -> None:
    assert findings(decided(message_id="m-2"), delivered(), delivered(message_id="m-2")) == {
        "matched": 1,
        "delivered_without_decision": 1,
    }


def test_a_delivery_that_was_asked_about_afterwards() -> None:
    result = held(delivered(after(-0.000001)), decided(), delivered(after(30)))
    assert result.counts["delivered_before_decision"] == 1
    (found,) = result.found["delivered_before_decision"]
    assert (found.decided_at, found.delivered_at) == (NOON, after(-0.000001))


def test_a_denied_message_that_was_delivered() -> None:
    assert findings(decided(decision="deny"), delivered(after(1))) == {"delivered_though_denied": 1}


def test_a_denial_that_was_cured_does_no_harm() -> None:
    assert findings(decided(decision="deny"), decided(after(600), attempt=2), delivered(after(601))) == {"matched": 1}


def test_an_allow_that_was_taken_back_before_the_delivery() -> None:
    taken_back = decided(after(30), attempt=2, decision="deny")
    assert findings(decided(), taken_back, delivered(after(31))) == {"delivered_though_denied": 1}
    assert findings(decided(), taken_back, delivered(after(29))) == {"matched": 1}


@pytest.mark.parametrize("order", [1, -1])
def test_two_decisions_of_one_second_are_ordered_by_attempt(order: int) -> None:
    both = [decided(), decided(attempt=2, decision="deny")][::order]
    assert findings(*both, delivered(after(1))) == {"delivered_though_denied": 1}


def test_an_allow_in_shadow_is_none_to_deliver_on() -> None:
    for decision in ("allow", "deny"):
        in_shadow = decided(enforced=False, decision=decision)
        assert findings(in_shadow, delivered(after(1))) == {"delivered_unenforced": 1}


def test_a_rehearsal_is_none_to_deliver_on_and_takes_nothing_from_the_message_itself() -> None:
    rehearsal = decided(provisional=True, decision_id="b" * 26)
    assert findings(rehearsal, delivered(after(1))) == {"delivered_on_rehearsal": 1}
    denied = decided(after(1), provisional=True, decision="deny", decision_id="b" * 26)
    assert findings(decided(), denied, delivered(after(2))) == {"matched": 1}


def test_another_text_than_the_one_that_was_allowed() -> None:
    assert findings(decided(), delivered(after(1), text_mac=OTHER_TEXT)) == {"delivered_other_text": 1}


def test_one_allow_is_for_one_delivery() -> None:
    twice = (delivered(after(1)), delivered(after(2)), delivered(after(3)))
    assert findings(decided(), *twice) == {"matched": 1, "delivered_twice": 2}
    # Asking once more does not make it another message.
    again = decided(after(600))
    assert findings(decided(), delivered(after(1)), again, delivered(after(601))) == {
        "matched": 1,
        "delivered_twice": 1,
    }


def test_a_failed_message_was_not_delivered_and_can_be_retried() -> None:
    result = held(decided(), delivered(after(1), status="failed"), delivered(after(2)))
    assert (result.counts["failed"], result.counts["matched"]) == (1, 1)
    assert result.misses_nothing


# The other way round


def test_an_allow_of_which_nothing_was_stated() -> None:
    result = held(decided(), decided(message_id="m-2"), delivered(after(1), message_id="m-2"))
    assert not result.misses_nothing
    (found,) = result.found["allowed_without_delivery"]
    assert (found.message_id, found.decision_id, found.decided_at) == ("m-1", "a" * 26, NOON)
    assert (found.delivered_at, found.statement_id) == (None, None)


@pytest.mark.parametrize("status", ["failed", "blocked"])
def test_a_failed_or_blocked_message_needs_no_delivery(status: str) -> None:
    assert findings(decided(), delivered(after(1), status=status)) == {}
    assert findings(decided(), delivered(after(1), status=status), decided(after(600))) == {
        "allowed_without_delivery": 1
    }


def test_an_allow_renewed_after_the_delivery_needs_no_other_one() -> None:
    assert findings(decided(), delivered(after(1)), decided(after(600))) == {"matched": 1}


@pytest.mark.parametrize(
    "change", [{"decision": "deny"}, {"enforced": False}, {"provisional": True}], ids=["denied", "shadow", "rehearsal"]
)
def test_a_decision_that_permits_no_delivery_needs_none(change: dict[str, Any]) -> None:
    assert findings(decided(**change)) == {}


def test_an_allow_that_was_taken_back_needs_no_delivery() -> None:
    assert findings(decided(), decided(after(30), attempt=2, decision="deny")) == {}


# The edges of the period


def test_the_decision_may_be_of_the_evening_before_and_the_delivery_of_the_morning_after() -> None:
    midnight = PERIOD.start
    before = decided(midnight - timedelta(seconds=30))
    assert findings(before, delivered(midnight)) == {"matched": 1}
    last = decided(midnight + DAY - timedelta(seconds=1))
    assert findings(last, delivered(midnight + DAY + timedelta(seconds=119))) == {}


def test_a_period_has_its_start_and_not_its_end() -> None:
    start, end = PERIOD.start, PERIOD.end
    events = [event for at in (start, end) for event in (decided(at, message_id=f"{at}"), delivered(at))]
    result = held(*events)
    assert (result.counts["deliveries"], result.counts["decisions"]) == (1, 1)


def test_two_periods_side_by_side_count_everything_once() -> None:
    events: list[DecisionSummary | Delivery] = []
    for hour in range(48):
        at = PERIOD.start + timedelta(hours=hour)
        events += [decided(at, message_id=f"m-{hour}"), delivered(at + timedelta(minutes=hour), message_id=f"m-{hour}")]
    halves = [
        held(
            *events,
            period=PERIOD._replace(start=PERIOD.start + n * DAY, end=PERIOD.end + n * DAY, known=NOON + 9 * DAY),
        )
        for n in (0, 1)
    ]
    whole = held(*events, period=PERIOD._replace(end=PERIOD.end + DAY, known=NOON + 9 * DAY))
    assert {name: sum(half.counts[name] for half in halves) for name in whole.counts} == whole.counts


def test_a_delivery_before_the_period_is_not_judged_but_makes_the_next_one_the_second() -> None:
    midnight = PERIOD.start
    allow = decided(midnight - timedelta(seconds=30))
    assert findings(allow, delivered(midnight - timedelta(seconds=20)), delivered(midnight)) == {"delivered_twice": 1}


# Decisions that the log does not hold yet


def test_a_delivery_or_allow_that_is_too_early_to_judge_is_pending() -> None:
    known = after(60)
    period = PERIOD._replace(known=known)
    late = delivered(known, message_id="m-2")
    assert findings(decided(), delivered(after(1)), late, period=period) == {"matched": 1, "pending": 1}
    # An allow that has not expired.
    assert findings(decided(), period=period) == {"pending": 1}
    assert findings(decided(), period=period._replace(known=after(121))) == {"allowed_without_delivery": 1}


def test_a_decision_after_the_known_time_is_not_counted() -> None:
    period = PERIOD._replace(known=after(60))
    result = held(decided(after(60)), delivered(after(59)), period=period)
    assert (result.counts["decisions"], result.counts["delivered_without_decision"]) == (0, 1)


# Many


def test_all_are_counted_and_the_first_are_listed_in_the_order_of_time() -> None:
    number = MAX_LISTED + 7
    deliveries = [delivered(after(n), message_id=f"m-{n}") for n in range(number)]
    allows = [decided(after(n), message_id=f"a-{n % 3}-{n}") for n in range(number)]
    result = held(*deliveries, *reversed(allows))
    assert result.truncated
    for name in ("delivered_without_decision", "allowed_without_delivery"):
        assert result.counts[name] == number
        assert len(result.found[name]) == MAX_LISTED
    assert [one.message_id for one in result.found["delivered_without_decision"]] == [
        f"m-{n}" for n in range(MAX_LISTED)
    ]
    times = [one.decided_at for one in result.found["allowed_without_delivery"]]
    assert times == [after(n) for n in range(MAX_LISTED)]


def test_nothing_is_read_that_lies_after_the_last_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def deliveries() -> Any:
        for hours in range(100):
            taken.append(hours)
            yield delivered(NOON + timedelta(hours=hours))

    reconcile(PERIOD, [decided()], deliveries())
    assert taken == list(range(13))  # the first one after midnight ends it


def test_a_name_is_not_listed_twice() -> None:
    assert len(set(reconciliation.FINDINGS) | set(reconciliation.COUNTS)) == 19


def test_a_message_takes_less_than_a_kilobyte() -> None:
    """Only a state per message is kept, not the decisions and deliveries: a busy day must fit in memory."""
    number = 5_000

    def decisions() -> Iterator[DecisionSummary]:
        for n in range(number):
            at = PERIOD.start + timedelta(seconds=n)
            yield decided(at, message_id=f"{n:036}", decision_id=f"{n:026}", text_mac=f"sha256:{n:064}")

    def deliveries() -> Iterator[Delivery]:
        for n in range(number):
            at = PERIOD.start + timedelta(seconds=n + 1)
            yield delivered(at, message_id=f"{n:036}", text_mac=f"sha256:{n:064}", statement=f"sha256:{n:064x}")

    tracemalloc.start()
    try:
        result = reconcile(PERIOD, decisions(), deliveries())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.counts["matched"] == number
    assert peak / number < 1000
