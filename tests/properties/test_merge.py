"""Properties of merging: the order of arrival does not matter, and the service and the replay end in the same facts."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from duecare.ports import Situation
from duecare.usecases import table
from duecare.usecases.verify.load_facts import facts_of, situation_keys
from duecare_core.domain.facts.merge import FactSlot, FactState, MergeInput, merge, touched_slots
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import StatementKind
from duecare_core.domain.facts.states import Facts, Start
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile.inputs import Inputs
from duecare_core.evidence.casefile.replay import SignedStatement, replayed_facts
from duecare_core.evidence.statement import content, parse, statement_id
from tests.support.packs import RULES
from tests.support.world import (
    CASE_TEXT,
    ISSUER,
    NOW,
    PARTIES,
    RECIPIENT,
    World,
    consent_members,
    debt_members,
    mandate_members,
    stamp,
)

DISPUTES = ("sha256:" + "1" * 64, "sha256:" + "2" * 64)
CREDITORS = st.sampled_from(["mou-zichan", "other-bank"])
CHANNELS = st.lists(st.sampled_from(["sms", "voice", "email"]), min_size=1, max_size=2)

Said = tuple[str, StatementKind, dict[str, Any]]  # who states it, its kind, its members


def _consent(draw: st.DrawFn, at: datetime) -> Said:
    return draw(CREDITORS), "consent", consent_members(NOW, channels=draw(CHANNELS), granted_at=stamp(at))


def _revocation(draw: st.DrawFn, at: datetime) -> Said:
    members = {"recipient": RECIPIENT, "creditor": draw(CREDITORS), "revoked_at": stamp(at)}
    channels = draw(st.none() | CHANNELS)
    return "xinxi", "consent-revocation", members | ({"channels": channels} if channels else {})


def _debt(draw: st.DrawFn, at: datetime) -> Said:
    status = draw(st.sampled_from(["open", "open", "settled", "withdrawn"]))
    members = debt_members(NOW, debt_ref=draw(st.sampled_from(["A-1", "A-2"])), status=status, as_of=stamp(at))
    return draw(CREDITORS), "debt", members


def _mandate(draw: st.DrawFn, at: datetime) -> Said:
    status = draw(st.sampled_from(["active", "revoked"]))
    return draw(CREDITORS), "mandate", mandate_members(NOW, status=status, as_of=stamp(at))


def _reply(draw: st.DrawFn, at: datetime) -> Said:
    text = draw(st.sampled_from(["T", "START"]))
    members = {"recipient": RECIPIENT, "creditor": draw(CREDITORS), "text": text, "received_at": stamp(at)}
    return "xinxi", "reply", members


def _opt_out(draw: st.DrawFn, at: datetime) -> Said:
    creditor = draw(st.sampled_from(["mou-zichan", "other-bank", "*"]))
    return "xinxi", "opt-out", {"recipient": RECIPIENT, "creditor": creditor, "received_at": stamp(at)}


def _dispute(draw: st.DrawFn, at: datetime) -> Said:
    members = {"recipient": RECIPIENT, "creditor": draw(CREDITORS), "claim": "paid", "received_at": stamp(at)}
    debt_ref = draw(st.sampled_from([None, "A-1"]))
    return "xinxi", "dispute", members | ({"debt_ref": debt_ref} if debt_ref else {})


def _reassignment(draw: st.DrawFn, at: datetime) -> Said:
    return "yunyingshang", "number-reassignment", {"recipient": RECIPIENT, "effective_at": stamp(at)}


MAKERS = (_consent, _revocation, _debt, _mandate, _reply, _opt_out, _dispute, _reassignment)


@st.composite
def statements(draw: st.DrawFn) -> list[Said]:
    """Statements of every kind, each of an instant of its own: no two of them conflict."""
    hours = draw(st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=14, unique=True))
    return [draw(st.sampled_from(MAKERS))(draw, NOW - timedelta(hours=hour)) for hour in hours]


def merge_input(said: Said, answers_dispute: str | None = None) -> MergeInput:
    party, kind, members = said
    if answers_dispute and kind == "debt":
        members = {**members, "answers_dispute": answers_dispute}
    statement = parse(kind, {"iss": party, "aud": ISSUER, "iat": 0, **members})
    merged = content(statement)
    reply = read_reply(members["text"], RULES, NOW) if kind == "reply" else None
    statement_id = digest(b"id" + merged)
    start = None
    if reply is Reply.OPT_IN:
        start = Start(statement.received_at, statement_id, digest(merged), NOW - timedelta(days=9), "d", "sha256:")
    return MergeInput(
        statement,
        statement_id,
        digest(merged),
        NOW,
        answered=members.get("answers_dispute"),
        creditor=members.get("creditor", ""),
        reply=reply,
        start=start,
    )


def merge_all(inputs: Iterable[MergeInput]) -> dict[FactSlot, FactState]:
    states: dict[FactSlot, FactState] = {}
    for said in inputs:
        for slot in touched_slots(said):
            states[slot] = merge(states.get(slot), said)
    return states


@settings(max_examples=200, deadline=None)
@given(said=statements(), answers=st.lists(st.sampled_from([None, *DISPUTES])), seed=st.integers())
def test_statements_in_any_order_and_repeated_merge_into_the_same_states(
    said: list[Said], answers: list[str | None], seed: int
) -> None:
    answered = dict(enumerate(answers))
    inputs = [merge_input(one, answered.get(number)) for number, one in enumerate(said)]
    shuffled = [*inputs, *inputs]
    random.Random(seed).shuffle(shuffled)
    assert merge_all(shuffled) == merge_all(inputs)


@settings(max_examples=100, deadline=None)
@given(said=statements())
def test_merging_a_statement_again_changes_nothing(said: list[Said]) -> None:
    inputs = [merge_input(one) for one in said]
    states = merge_all(inputs)
    for one in inputs:
        assert all(merge(states[slot], one) == states[slot] for slot in touched_slots(one))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=statements(), seed=st.integers())
def test_the_service_and_the_replay_end_in_the_same_facts(said: list[Said], seed: int) -> None:
    shuffled = list(said)
    random.Random(seed).shuffle(shuffled)
    world = World().register()
    signed = []
    for party, kind, members in shuffled:
        token = world.jws(party, kind, **members)
        (result,) = world.state_all(party, [token])
        assert result.status in ("accepted", "unchanged"), result
        signed.append(SignedStatement(statement_id(token), parse(kind, _claims(party, members, world)), world.now))
    decided = world.verify()
    inputs = Inputs(at=world.now, number=RECIPIENT, text=CASE_TEXT)
    parties = {party: _party(world, party) for party in PARTIES}
    random.Random(seed + 1).shuffle(signed)
    replayed = replayed_facts(decided.record, inputs, signed, parties, RULES)
    assert _comparable(replayed) == _comparable(_stored_facts(world))


def _claims(party: str, members: dict[str, Any], world: World) -> dict[str, Any]:
    return {"iss": party, "aud": ISSUER, "iat": int(world.now.timestamp()), **members}


def _party(world: World, party: str) -> Party:
    key = table.party(party)
    return table.read(world.documents.get([key])[key], Party)


def _stored_facts(world: World) -> Facts:
    pseudonym = world.pseudonyms.recipient_key(RECIPIENT)
    pk = table.recipient(pseudonym)
    documents = world.documents.get(situation_keys("xinxi", "mou-zichan", "keji"))
    situation = Situation({pk: world.documents.partition(pk, "")}, documents)
    return facts_of(situation, _party(world, "xinxi"), "mou-zichan", "keji", pseudonym)


def _comparable(facts: Facts) -> Any:
    """The facts without content digests, which the service keys, with disputes in one order, and without the chains: a
    decision without a route records none."""
    disputes = tuple(sorted(facts.disputes, key=lambda dispute: dispute.at))
    return _without_content(msgspec.to_builtins(structs.replace(facts, disputes=disputes, contacts=(), chains=())))


def _without_content(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_content(member) for name, member in value.items() if name != "content"}
    return [_without_content(one) for one in value] if isinstance(value, list | tuple) else value
