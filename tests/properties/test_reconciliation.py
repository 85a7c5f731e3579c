"""Reconciliation of any deliveries and decisions, compared with a model that searches everything for each of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.domain.reconciliation import COUNTS, FINDINGS, DecisionSummary, Delivery, Period, reconcile

START = datetime(2026, 11, 24, tzinfo=UTC)
MANY = settings(max_examples=500, deadline=None)
MESSAGES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["sha256:1", "sha256:1", "sha256:2"])


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


decisions = st.builds(
    lambda message, second, attempt, decision, enforced, provisional, text, good_for: DecisionSummary(
        message_id=message,
        decision_id=f"{message}{'r' if provisional else ''}",
        decision=decision,
        attempt=attempt,
        enforced=enforced,
        provisional=provisional,
        at=at(second),
        valid_until=at(second + good_for),
        text_mac=text,
    ),
    MESSAGES,
    st.integers(-20, 60),
    st.integers(1, 3),
    st.sampled_from(["allow", "allow", "allow", "deny"]),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([False, False, False, True]),
    TEXTS,
    st.integers(0, 15),
)
deliveries = st.builds(
    lambda message, tenth, status, text: Delivery(
        message_id=message, at=at(tenth / 10), status=status, text_mac=text, statement=f"{message}{tenth}"
    ),
    MESSAGES,
    st.integers(-200, 800),
    st.sampled_from(["delivered", "delivered", "delivered", "failed", "blocked"]),
    TEXTS,
)
periods = st.builds(
    lambda start, length, known: Period(at(start), at(start + length), at(known)),
    st.integers(0, 30),
    st.integers(1, 40),
    st.integers(0, 100),
)
# One instant of one message is stated once, and a record of one second has its attempt.
stories = st.tuples(
    st.lists(decisions, max_size=12, unique_by=lambda one: (one.decision_id, one.at, one.attempt)),
    st.lists(deliveries, max_size=12, unique_by=lambda one: one.statement),
)


def model(period: Period, made: list[DecisionSummary], stated: list[Delivery]) -> Counter[str]:
    """The definition, spelled out: for each delivery, and for each message, all that there is."""
    end = min(period.end, period.known)
    known = [one for one in made if one.at < end]
    counts: Counter[str] = Counter()
    for one in stated:
        if period.start <= one.at < period.end and one.at >= period.known:
            counts["pending"] += 1
        elif period.start <= one.at < end:
            counts["deliveries" if one.status == "delivered" else one.status] += 1
            if one.status == "delivered":
                counts[judged(one, known, stated)] += 1
    for decided in known:
        if period.start <= decided.at:
            counts["decisions"] += 1
            counts[manner(decided)] += 1
    allows = [decided for decided in known if decided.at >= period.start and manner(decided) == "allowed"]
    usable = max((allow.valid_until for allow in allows), default=end)
    read = [one for one in stated if one.at < period.end or one.at <= usable]
    for message in {one.message_id for one in known}:
        newest = newest_of([one for one in known if one.message_id == message])
        if newest is None or newest.at < period.start or manner(newest) != "allowed":
            continue
        told = [one for one in read if one.message_id == message]
        if not any(one.status == "delivered" or one.at >= newest.at for one in told):
            counts["allowed_without_delivery" if newest.valid_until < period.known else "pending"] += 1
    return counts


def judged(delivery: Delivery, known: list[DecisionSummary], stated: list[Delivery]) -> str:
    about = [one for one in known if one.message_id == delivery.message_id]
    before = [one for one in about if one.at <= delivery.at]
    newest = newest_of(before)
    earlier = [
        one
        for one in stated
        if one.message_id == delivery.message_id and one.status == "delivered" and one.at < delivery.at
    ]
    if newest is None:
        if before:
            return "delivered_on_rehearsal"
        return "delivered_before_decision" if newest_of(about) else "delivered_without_decision"
    checks = {
        "delivered_unenforced": not newest.enforced,
        "delivered_though_denied": newest.decision == "deny",
        "delivered_other_text": newest.text_mac != delivery.text_mac,
        "delivered_after_expiry": delivery.at > newest.valid_until,
        "delivered_twice": bool(earlier),
    }
    return next((name for name, holds in checks.items() if holds), "matched")


def newest_of(decided: list[DecisionSummary]) -> DecisionSummary | None:
    real = [one for one in decided if not one.provisional]
    return max(real, key=lambda one: (one.at, one.attempt), default=None)


def manner(one: DecisionSummary) -> str:
    if one.provisional:
        return "rehearsals"
    if not one.enforced:
        return "unenforced"
    return "allowed" if one.decision == "allow" else "denied"


@MANY
@given(periods, stories)
def test_every_delivery_and_every_allow_is_found_as_the_definition_has_it(
    period: Period, story: tuple[list[DecisionSummary], list[Delivery]]
) -> None:
    made, stated = story
    in_order = sorted(made, key=lambda one: one.at), sorted(stated, key=lambda one: one.at)
    result = reconcile(period, *in_order)
    assert +Counter(result.counts) == model(period, made, stated)
    assert set(result.counts) == {*COUNTS, *FINDINGS}
    assert {name: len(found) for name, found in result.found.items()} == {
        name: result.counts[name] for name in FINDINGS
    }


@MANY
@given(periods, stories)
def test_every_delivery_has_one_finding_and_every_decision_one_manner(
    period: Period, story: tuple[list[DecisionSummary], list[Delivery]]
) -> None:
    made, stated = story
    counts = reconcile(period, sorted(made, key=lambda one: one.at), sorted(stated, key=lambda one: one.at)).counts
    found = sum(counts[name] for name in FINDINGS if name.startswith("delivered"))
    assert counts["matched"] + found == counts["deliveries"]
    assert sum(counts[name] for name in ("allowed", "denied", "unenforced", "rehearsals")) == counts["decisions"]


@MANY
@given(stories)
def test_a_match_has_its_own_earlier_unexpired_enforced_allow_of_the_same_text(
    story: tuple[list[DecisionSummary], list[Delivery]],
) -> None:
    """The contract's own sentence: no more deliveries match than there are messages with such an allow."""
    made, stated = story
    period = Period(at(-100), at(200), at(300))
    result = reconcile(period, sorted(made, key=lambda one: one.at), sorted(stated, key=lambda one: one.at))
    good = {
        delivery.message_id
        for delivery in stated
        for allow in made
        if delivery.status == "delivered"
        and allow.message_id == delivery.message_id
        and manner(allow) == "allowed"
        and allow.text_mac == delivery.text_mac
        and allow.at <= delivery.at <= allow.valid_until
    }
    assert result.counts["matched"] <= len(good)
    if result.misses_nothing:
        assert {one.message_id for one in stated if one.status == "delivered"} <= good
