"""A call with many statements takes seconds: whoever is stopped meanwhile states nothing more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from duecare_core.errors import NotAllowed
from duecare_core.evidence.jose import keys
from duecare_core.evidence.jose.proof import proven_jwk
from tests.support import events
from tests.support.between import Interrupted
from tests.support.world import KEYS, RECIPIENT, World, debt_members, stamp


@pytest.fixture
def world() -> World:
    table = Interrupted()
    return World(table, table).honest()


def debts(world: World, first: int, last: int) -> list[str]:
    return [world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref=f"B-{n}")) for n in range(first, last)]


def outcomes(world: World, tokens: list[str], party: str = "mou-zichan") -> list[str]:
    results = world.state_use_case(world.caller(party), tokens)
    return [result.problem.name if result.problem else result.status for result in results]


def revoke_key(world: World) -> None:
    world.operate.revoke_key("mou-zichan", keys.thumbprint(KEYS["mou-zichan"]))


STOPS: dict[str, tuple[Callable[[World], Any], str]] = {
    "suspended": (lambda world: world.operate.suspend("mou-zichan"), "party-suspended"),
    "key revoked": (revoke_key, "key-refused"),
}


@pytest.mark.parametrize("name", STOPS)
def test_no_statement_is_accepted_after_a_stop_is_acknowledged(world: World, name: str) -> None:
    """The statement that is being stored when the stop comes may still count; the next one does not."""
    stop, problem = STOPS[name]
    tokens = debts(world, 0, 20)
    world.documents.before_commit(5, lambda: stop(world))
    assert outcomes(world, tokens) == ["accepted"] * 5 + [problem] * 15
    stored = [document for document in world.documents.everything() if document.key.sk.startswith("D#mou-zichan#B-")]
    assert len(stored) == 5


def test_a_party_that_is_suspended_midway_may_still_state_what_protects(world: World) -> None:
    stop = world.jws("mou-zichan", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    world.documents.before_commit(1, lambda: world.operate.suspend("mou-zichan"))
    tokens = [*debts(world, 0, 2), stop]
    assert outcomes(world, tokens) == ["accepted", "party-suspended", "accepted"]


def test_with_a_revoked_key_not_even_a_stop_can_be_stated(world: World) -> None:
    stop = world.jws("mou-zichan", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    world.documents.before_commit(1, lambda: revoke_key(world))
    assert outcomes(world, [*debts(world, 0, 1), stop]) == ["accepted", "key-refused"]


def test_a_statement_signed_with_another_key_of_the_party_that_is_revoked_midway_is_rejected(world: World) -> None:
    """The token's key stays good; the statements were signed with the stolen one."""
    stolen = KEYS["mou-zichan"]
    tokens = debts(world, 0, 3)
    new = events.key("mou-zichan")
    world.operate.add_key("mou-zichan", proven_jwk(new, world.now))
    caller = world.caller("mou-zichan")._replace(kid=keys.thumbprint(new))
    world.documents.before_commit(2, lambda: world.operate.revoke_key("mou-zichan", keys.thumbprint(stolen)))
    results = world.state_use_case(caller, tokens)
    assert [result.status for result in results] == ["accepted", "accepted", "rejected"]
    assert results[2].problem
    assert [violation.code for violation in results[2].problem.errors] == ["unknown-key"]


def test_a_token_that_expires_midway_states_nothing_more(world: World) -> None:
    def expire() -> None:
        world.now += timedelta(hours=1, seconds=61)

    caller, tokens = world.caller("mou-zichan"), debts(world, 0, 3)
    world.documents.before_commit(1, expire)
    # The time limit of a call is reached, too: it is the earlier one, so it is lifted for this test.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("duecare.usecases.statements.accept.TIME_LIMIT", timedelta(days=1))
        results = world.state_use_case(caller, tokens)
    assert [result.problem and result.problem.name for result in results] == [None, "token-expired", "token-expired"]


def test_a_caller_that_was_stopped_before_is_refused_whole_unless_suspended(world: World) -> None:
    world.operate.suspend("mou-zichan")
    assert outcomes(world, debts(world, 0, 2)) == ["party-suspended"] * 2
    revoke_key(world)
    with pytest.raises(NotAllowed):
        outcomes(world, debts(world, 0, 2))
