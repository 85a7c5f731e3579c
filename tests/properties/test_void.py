"""A void leaves the states of a world in which the party never stated what is voided, and its undoing those before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.test_merge import statements
from tests.support.voids import VoidWorld
from tests.support.world import RECIPIENT

ROGUES = ("other-gateway", "mou-zichan", "xinxi", "yunyingshang")
BY_GATEWAYS = {"xinxi": "other-gateway"}


@settings(max_examples=60, deadline=None)
@given(
    said=statements(),
    order=st.randoms(use_true_random=False),
    rogue=st.sampled_from(ROGUES),
    elsewhere=st.lists(st.booleans(), min_size=14, max_size=14),
    first=st.integers(min_value=0, max_value=14),
)
def test_after_a_void_the_states_are_those_of_a_world_without_the_voided_statements(
    said: list[Any], order: Any, rogue: str, elsewhere: list[bool], first: int
) -> None:
    history = [
        (BY_GATEWAYS.get(party, party) if other else party, kind, members)
        for (party, kind, members), other in zip(said, elsewhere, strict=False)
    ]
    order.shuffle(history)  # late and reordered
    with_rogue, without = VoidWorld(), VoidWorld()
    since = None
    for world in (with_rogue, without):
        world.register()
    for number, (party, kind, members) in enumerate(history):
        for world in (with_rogue, without):
            world.now += timedelta(minutes=1)
        if number == first:
            since = with_rogue.now
        with_rogue.state(party, kind, **members)
        if party != rogue or since is None:
            without.state(party, kind, **members)
    if since is None:
        since = with_rogue.now + timedelta(seconds=1)
        with_rogue.now += timedelta(minutes=1)
    before = with_rogue.states(RECIPIENT)
    with_rogue.void(rogue, since)
    assert with_rogue.states(RECIPIENT) == without.states(RECIPIENT)
    with_rogue.undo(rogue, since)
    assert with_rogue.states(RECIPIENT) == before
