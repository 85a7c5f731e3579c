"""Properties of the decision, over the real use cases: fail closed, and order does not matter."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import DecisionRequest
from duecare_core.domain.facts.states import Facts
from tests.support.packs import RULES
from tests.support.world import (
    CASE_TEXT,
    DAY,
    NOW,
    RECIPIENT,
    World,
    consent_members,
    debt_members,
    mandate_members,
    stamp,
)

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Spoil = Callable[[World], None]


def _state(party: str, kind: str, members: Callable[[World], dict[str, Any]]) -> Spoil:
    def spoil(world: World) -> None:
        world.accepted(party, kind, **members(world))

    return spoil


_SOON = timedelta(seconds=1)  # the clock moves on by as much after each

# Each takes one necessary fact away from a world in which the message is allowed.
SPOILS: dict[str, Spoil] = {
    "mandate revoked": _state(
        "mou-zichan", "mandate", lambda w: mandate_members(w.now, as_of=stamp(w.now), status="revoked")
    ),
    "mandate not yet valid": _state(
        "mou-zichan",
        "mandate",
        lambda w: mandate_members(w.now, as_of=stamp(w.now), valid_from=stamp(w.now + 40 * DAY)),
    ),
    "mandate expired": _state(
        "mou-zichan",
        "mandate",
        lambda w: mandate_members(w.now, as_of=stamp(w.now), valid_until=stamp(w.now)),
    ),
    "consent expired": _state(
        "mou-zichan",
        "consent",
        lambda w: consent_members(w.now, granted_at=stamp(w.now), expires_at=stamp(w.now + _SOON)),
    ),
    "consent revoked": _state(
        "xinxi",
        "consent-revocation",
        lambda w: {"recipient": RECIPIENT, "creditor": "mou-zichan", "revoked_at": stamp(w.now)},
    ),
    "debt settled": _state("mou-zichan", "debt", lambda w: debt_members(w.now, as_of=stamp(w.now), status="settled")),
    "debt withdrawn": _state(
        "mou-zichan", "debt", lambda w: debt_members(w.now, as_of=stamp(w.now), status="withdrawn")
    ),
    "debt stale": _state(
        "mou-zichan",
        "debt",
        lambda w: debt_members(w.now, as_of=stamp(w.now), valid_until=stamp(w.now + _SOON)),
    ),
    "debt of other collectors": _state(
        "mou-zichan", "debt", lambda w: debt_members(w.now, as_of=stamp(w.now), collectors=["other-collector"])
    ),
    "debt of another amount": _state(
        "mou-zichan", "debt", lambda w: debt_members(w.now, as_of=stamp(w.now), outstanding="5")
    ),
    "debt disputed": _state(
        "xinxi",
        "dispute",
        lambda w: {
            "recipient": RECIPIENT,
            "creditor": "mou-zichan",
            "claim": "not_mine",
            "received_at": stamp(w.now),
        },
    ),
    "opted out": _state(
        "keji",
        "opt-out",
        lambda w: {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(w.now)},
    ),
    "opted out of all": _state(
        "xinxi", "opt-out", lambda w: {"recipient": RECIPIENT, "creditor": "*", "received_at": stamp(w.now)}
    ),
    "number reassigned": _state(
        "yunyingshang", "number-reassignment", lambda w: {"recipient": RECIPIENT, "effective_at": stamp(w.now)}
    ),
    "creditor suspended": lambda w: _ignore(w.operate.suspend("mou-zichan")),
    "collector suspended": lambda w: _ignore(w.operate.suspend("keji")),
    "gateway suspended": lambda w: _ignore(w.operate.suspend("xinxi")),
    "creditor halted": lambda w: _ignore(w.operate.halt_party("mou-zichan", "creditor", on=True)),
    "gateway halted": lambda w: _ignore(w.operate.halt_party("xinxi", "gateway", on=True)),
    "everything halted": lambda w: _ignore(w.operate.halt_everything(on=True)),
}


def _ignore(_: object) -> None:
    """Drop the return value of an operator's verb."""


NECESSARY = ("mandate", "consent", "debt")


@QUICK
@given(missing=st.sets(st.sampled_from(NECESSARY), min_size=1))
def test_without_a_necessary_fact_it_is_never_an_allow(missing: set[str]) -> None:
    world = World().register()
    for fact in set(NECESSARY) - missing:
        getattr(world, fact)()
    assert world.verify().record.decision == "deny"


@QUICK
@given(names=st.lists(st.sampled_from(sorted(SPOILS)), min_size=1, max_size=4, unique=True))
def test_any_one_fact_spoiled_or_several_it_is_never_an_allow(names: list[str]) -> None:
    world = World().honest()
    assert world.verify().record.decision == "allow"
    for name in sorted(names, key=lambda name: "suspended" in name):  # a suspended party states no more
        SPOILS[name](world)
        world.now += timedelta(seconds=1)
    assert world.verify().record.decision == "deny"


@QUICK
@given(
    st.builds(
        DecisionRequest,
        contact_id=st.just("d-1"),
        number=st.just(RECIPIENT),
        gateway=st.just("xinxi"),
        creditor=st.sampled_from(["mou-zichan", "other-bank"]),
        collector=st.sampled_from(["mou-zichan", "keji"]),
        channel=st.sampled_from(["sms", "voice"]),
        text=st.one_of(st.just(CASE_TEXT), st.text(max_size=200)),
        debt_ref=st.one_of(st.none(), st.just("A-1")),
    )
)
def test_without_any_fact_no_request_is_allowed(request: DecisionRequest) -> None:
    assert not decide(request, Facts(), RULES, NOW).allowed


@QUICK
@given(other=st.sampled_from(["consent", "debt"]))
def test_the_facts_of_another_creditor_do_not_count(other: str) -> None:
    world = World().register()
    world.engage()
    members = {"consent": consent_members, "debt": debt_members}
    for kind, make in members.items():
        world.accepted("other-bank" if kind == other else "mou-zichan", kind, **make(world.now))
    assert world.verify().record.decision == "deny"


# Order does not matter

_hours = st.integers(min_value=0, max_value=30)


def _timed(
    kind: str, party: str, time: str, make: Callable[[], dict[str, Any]], **choices: Any
) -> st.SearchStrategy[Any]:
    """Statements of one kind at whole hours before now, one content an instant (two would be a conflict)."""

    def build(hour: int, picks: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        rng = random.Random(f"{kind} {hour}")
        chosen = {name: rng.choice(values) for name, values in choices.items()}
        return (
            party,
            kind,
            make()
            | {name: value for name, value in chosen.items() if value is not None}
            | {time: stamp(NOW - timedelta(hours=hour))},
        )

    return st.builds(build, _hours, st.just({}))


_PERSON = {"recipient": RECIPIENT, "creditor": "mou-zichan"}
STATEMENTS = st.lists(
    st.one_of(
        _timed(
            "consent",
            "mou-zichan",
            "granted_at",
            lambda: consent_members(NOW),
            channels=[["sms"], ["voice"], ["sms", "voice"]],
            method=["web", "paper"],
        ),
        _timed("consent-revocation", "xinxi", "revoked_at", lambda: dict(_PERSON), channels=[None, ["sms"], ["voice"]]),
        _timed(
            "debt",
            "mou-zichan",
            "as_of",
            lambda: debt_members(NOW),
            debt_ref=["A-1", "A-2"],
            status=["open", "open", "settled", "withdrawn"],
            outstanding=["27911", "5"],
        ),
        _timed(
            "mandate",
            "mou-zichan",
            "as_of",
            lambda: mandate_members(NOW),
            status=["active", "active", "revoked"],
            channels=[["sms"], ["voice"]],
        ),
        _timed("reply", "xinxi", "received_at", lambda: dict(_PERSON), text=["T", "START", "你好"]),
        _timed("opt-out", "keji", "received_at", lambda: dict(_PERSON)),
        _timed("dispute", "xinxi", "received_at", lambda: {**_PERSON, "claim": "paid"}, debt_ref=[None, "A-1"]),
        _timed("number-reassignment", "yunyingshang", "effective_at", lambda: {"recipient": RECIPIENT}),
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(statements=STATEMENTS, seed=st.integers(), answer=st.booleans())
def test_any_order_of_the_same_statements_ends_in_the_same_decision(
    statements: list[tuple[str, str, dict[str, Any]]], seed: int, answer: bool
) -> None:
    def outcome(order: list[tuple[str, str, dict[str, Any]]], *, answer_first: bool) -> list[list[str]]:
        world = World().register()
        # A collector may speak only for creditors that gave it a mandate; an answer needs its dispute first.
        world.mandate(as_of=stamp(NOW - 99 * DAY))
        dispute = world.accepted(
            "xinxi", "dispute", **_PERSON, claim="not_mine", received_at=stamp(NOW - timedelta(hours=20, minutes=30))
        )
        late = [("mou-zichan", "debt", debt_members(NOW, as_of=stamp(NOW - timedelta(hours=9, minutes=30))))]
        late[0][2]["answers_dispute"] = dispute
        extra = late if answer else []
        for party, kind, members in [*extra, *order] if answer_first else [*order, *extra]:
            result = world.state(party, kind, **members)
            assert result.status in ("accepted", "unchanged"), result
        return [world.reasons(debt_ref=ref) for ref in (None, "A-1", "A-2")]

    shuffled = list(statements)
    random.Random(seed).shuffle(shuffled)
    assert outcome(statements, answer_first=True) == outcome(shuffled, answer_first=False)
    assert outcome([*statements, *shuffled], answer_first=False) == outcome(shuffled, answer_first=True)
