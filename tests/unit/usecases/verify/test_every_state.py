"""Every state of facts has a place of its own in the table, is loaded for a decision, and is restored by a replay.

A new member of `FactState` fails here until all three know it (docs/architecture.md, "How do I add a statement kind").
"""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec import structs

from duecare.usecases import table
from duecare.usecases.statements.effects import slot_key
from duecare.usecases.verify.load_facts import facts_of, situation_keys
from duecare_core.domain.facts.merge import FactSlot, FactState
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.states import (
    ConsentState,
    DebtState,
    Dispute,
    Facts,
    Mandate,
    NumberState,
    Route,
    StopState,
)
from duecare_core.domain.fields import E164
from duecare_core.evidence.casefile.inputs import Inputs
from duecare_core.evidence.casefile.replay import SignedStatement, replayed_facts
from duecare_core.evidence.jose import jws
from duecare_core.evidence.statement import parse
from tests.support.world import (
    RECIPIENT,
    World,
    consent_members,
    debt_members,
    mandate_members,
    route_members,
    stamp,
)

STATES: tuple[type[FactState], ...] = get_args(FactState)
FACTS = (
    "mandate",
    "route",
    "consents",
    "debts",
    "disputes",
    "stop",
    "stop_of_all",
    "number",
)


def statement_of(world: World, state: type[FactState]) -> tuple[str, str, dict[str, Any]]:
    """A party, a kind and members that make a first value of this state."""
    now, recipient = stamp(world.now), {"recipient": RECIPIENT}
    person = {**recipient, "creditor": "mou-zichan", "received_at": now}
    return {
        ConsentState: ("mou-zichan", "consent", consent_members(world.now)),
        DebtState: ("mou-zichan", "debt", debt_members(world.now)),
        Dispute: ("xinxi", "dispute", {**person, "claim": "paid"}),
        StopState: ("xinxi", "opt-out", person),
        NumberState: ("yunyingshang", "number-reassignment", {**recipient, "effective_at": now}),
        Mandate: ("mou-zichan", "mandate", mandate_members(world.now)),
        Route: ("keji", "route", route_members(world.now)),
    }[state]


def test_each_state_has_a_key_of_its_own_in_the_table() -> None:
    keys = [slot_key("R#x", FactSlot(state, "bank", "item")) for state in STATES]
    assert len({(key.pk.partition("#")[0], key.sk.partition("#")[0]) for key in keys}) == len(STATES)


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_loaded_for_a_decision_and_restored_by_a_replay(state: type[FactState]) -> None:
    world = World().register()
    name = world.accepted(*statement_of(world, state)[:2], **statement_of(world, state)[2])
    loaded = _loaded(world)
    changed = {member for member in FACTS if getattr(loaded, member) != getattr(Facts(), member)}
    assert len(changed) == 1
    assert {
        member for member in FACTS if getattr(_replayed(world, name), member) != getattr(Facts(), member)
    } == changed


def _loaded(world: World) -> Facts:
    recipient_key = world.pseudonyms.recipient_key(E164(RECIPIENT))
    keys = situation_keys("xinxi", "mou-zichan", "keji")
    situation = world.decisions.load([table.recipient(recipient_key)], keys)
    gateway = table.read(situation.documents[table.party("xinxi")], Party)
    return facts_of(situation, gateway, "mou-zichan", "keji", recipient_key)


def _replayed(world: World, name: str) -> Facts:
    read = jws.read(world.tokens[name])
    signed = SignedStatement(name, parse(read.typ.removesuffix("+jws"), read.payload), world.now)  # type: ignore[arg-type]
    record = structs.replace(world.verify().record, relied_on=(name,))
    return replayed_facts(record, Inputs(at=world.now, number=E164(RECIPIENT), text="hi"), [signed], {}, world.rules)
