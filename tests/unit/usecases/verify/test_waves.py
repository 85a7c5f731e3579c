"""A large batch takes several waves, and each wave decides by the parties as they are then.

An attacker sends a hundred messages at once, and is stopped while they are being decided.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from duecare.usecases import table
from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_core.domain.facts.party import Party
from duecare_core.errors import BadToken, NotAllowed, StoreFailed, Unacceptable
from duecare_core.evidence.jose import keys
from tests.support.between import Interrupted
from tests.support.world import KEYS, World, consent_members, debt_members, mandate_members, message, stamp

WAVE = 25


def number(n: int) -> str:
    return f"+86138123{n:05}"


@pytest.fixture(scope="module")
def prepared() -> World:
    """A hundred recipients to whom everything may be sent."""
    interrupted = Interrupted()
    world = World(interrupted, interrupted).register()
    world.engage()
    for first in range(0, 100, 50):
        tokens = [
            world.jws("mou-zichan", kind, **members(world.now, recipient=number(n)))
            for n in range(first, first + 50)
            for kind, members in (("consent", consent_members), ("debt", debt_members))
        ]
        assert {result.status for result in world.state_all("mou-zichan", tokens)} == {"accepted"}
    return world


@pytest.fixture
def world(prepared: World) -> World:
    """The same facts in a table of its own."""
    interrupted = Interrupted()
    interrupted._documents = dict(prepared.documents._documents)
    world = World(interrupted, interrupted)
    world.tokens = dict(prepared.tokens)
    return world


def batch(world: World, size: int = 100) -> list[Any]:
    return world.verify_use_case.many(
        world.caller("xinxi"), [message(message_id=f"m-{n}", recipient=number(n)) for n in range(size)]
    )


def answers(results: list[Any]) -> list[str]:
    return [
        (" ".join(one.record.reasons) or one.record.decision) if isinstance(one, StoredDecision) else one.name
        for one in results
    ]


def revoke_mandate(world: World) -> None:
    world.accepted("mou-zichan", "mandate", **mandate_members(world.now, status="revoked", as_of=stamp(world.now)))


def revoke_key(world: World) -> None:
    world.operate.revoke_key("xinxi", keys.thumbprint(KEYS["xinxi"]))


STOPS: dict[str, tuple[Callable[[World], Any], str]] = {
    "the gateway is suspended": (lambda world: world.operate.suspend("xinxi"), "GATEWAY_SUSPENDED"),
    "the creditor is suspended": (lambda world: world.operate.suspend("mou-zichan"), "CREDITOR_SUSPENDED"),
    "the collector is suspended": (lambda world: world.operate.suspend("keji"), "COLLECTOR_SUSPENDED"),
    "everything is halted": (lambda world: world.operate.halt_everything(on=True), "HALTED"),
    "the creditor is halted": (lambda world: world.operate.halt_party("mou-zichan", "creditor", on=True), "HALTED"),
    "the gateway is halted": (lambda world: world.operate.halt_party("xinxi", "gateway", on=True), "HALTED"),
    "the mandate is revoked": (revoke_mandate, "MANDATE_REVOKED"),
    "the gateway's key is revoked": (revoke_key, "key-refused"),
}


def test_without_a_stop_all_hundred_are_allowed(world: World) -> None:
    assert answers(batch(world)) == ["allow"] * 100


@pytest.mark.parametrize("wave", [2, 3, 4])
@pytest.mark.parametrize("name", STOPS)
def test_no_wave_allows_after_a_stop_is_acknowledged(world: World, name: str, wave: int) -> None:
    stop, answer = STOPS[name]
    world.documents.before_load(wave, lambda: stop(world))
    before = (wave - 1) * WAVE
    assert answers(batch(world)) == ["allow"] * before + [answer] * (100 - before)


def test_a_stop_before_the_first_wave_counts_for_all(world: World) -> None:
    world.documents.before_load(1, lambda: world.operate.suspend("xinxi"))
    assert answers(batch(world)) == ["GATEWAY_SUSPENDED"] * 100
    revoke_key(world)
    with pytest.raises(NotAllowed, match="registered"):
        batch(world)


def test_a_refused_caller_is_not_looked_up_again_for_each_wave(world: World) -> None:
    world.documents.before_load(2, lambda: revoke_key(world))
    batch(world)
    assert world.documents.loads == 2


def test_a_token_that_expires_between_two_waves_decides_no_further_message(world: World) -> None:
    def expire() -> None:
        world.now += timedelta(hours=1, seconds=61)

    caller = world.caller("xinxi")
    world.documents.before_load(2, expire)
    results = world.verify_use_case.many(caller, [message(message_id=f"m-{n}", recipient=number(n)) for n in range(30)])
    assert answers(results) == ["allow"] * 25 + ["token-expired"] * 5
    assert isinstance(results[-1], BadToken)


def test_a_party_that_loses_its_role_between_two_waves_decides_no_further_message(world: World) -> None:
    def demote() -> None:
        key = table.party("xinxi")
        document = world.documents.get([key])[key]
        party = structs.replace(table.read(document, Party), roles=("auditor",))
        world.documents.commit([table.write(key, document, party)])

    world.documents.before_load(2, demote)
    assert answers(batch(world, 30)) == ["allow"] * 25 + ["wrong-role"] * 5


def test_a_wave_that_cannot_be_read_fails_alone(world: World) -> None:
    load = world.decisions.load
    calls = iter(range(1, 10))

    def failing(pks: Any, wanted: Any, **how: Any) -> Any:
        if next(calls) == 2:
            raise StoreFailed("x")
        return load(pks, wanted, **how)

    world.decisions.load = failing
    results = batch(world)
    assert [isinstance(one, StoreFailed) for one in results] == [False] * 25 + [True] * 25 + [False] * 50


def test_a_batch_in_which_no_message_can_be_decided_still_checks_its_caller(world: World) -> None:
    invalid = message(recipient="+1202555")
    (result,) = world.verify_use_case.many(world.caller("xinxi"), [invalid])
    assert isinstance(result, Unacceptable)
    assert world.verify_use_case.many(world.caller("xinxi"), []) == []
    with pytest.raises(NotAllowed):
        world.verify_use_case.many(world.caller("keji"), [invalid])
    revoke_key(world)
    for messages in ([invalid], []):
        with pytest.raises(NotAllowed):
            world.verify_use_case.many(world.caller("xinxi"), messages)
