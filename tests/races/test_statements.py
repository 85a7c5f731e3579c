"""Guarantee 5 under contention: concurrent statements all count, and any order ends in the same state."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from duecare.usecases import table
from duecare.usecases.statements.store import StatementResult
from duecare_core.domain.facts.chain import ChainHead
from duecare_core.domain.facts.party import Party
from duecare_core.errors import Conflict, Contention
from duecare_core.evidence.jose.keys import new_private_jwk
from duecare_core.evidence.jose.proof import proven_jwk
from tests.races.conftest import Busy, around, together
from tests.support.world import (
    DAY,
    KEYS,
    RECIPIENT,
    World,
    consent_members,
    debt_members,
    mandate_members,
    route_members,
    stamp,
)

HOUR = timedelta(hours=1)
RECIPIENT_MEMBERS = {"recipient": RECIPIENT, "creditor": "mou-zichan"}


def insist(busy: Busy, party: str, token: str) -> StatementResult:
    """State it, and repeat it after a 503, as a client does."""
    for _ in range(20):
        try:
            return busy.state_all(party, [token])[0]
        except Contention:
            continue
    raise AssertionError("never let through")


def test_a_statement_sent_by_many_threads_is_accepted_once(busy: Busy) -> None:
    busy.register()
    token = busy.jws("mou-zichan", "consent", **consent_members(busy.now))
    results = together([lambda: insist(busy, "mou-zichan", token)] * 16)
    assert sorted(result.status for result in results) == ["accepted"] + ["unchanged"] * 15
    assert len(busy.items("S#")) == 1
    (consent,) = busy.items("R#")
    assert consent["version"]["N"] == "1"


def test_concurrent_statements_about_one_recipient_all_count(busy: Busy) -> None:
    busy.honest()
    debts = [busy.jws("mou-zichan", "debt", **debt_members(busy.now, debt_ref=f"B-{n}")) for n in range(12)]
    disputes = [
        busy.jws("xinxi", "dispute", **RECIPIENT_MEMBERS, claim="paid", debt_ref=f"B-{n}", received_at=stamp(busy.now))
        for n in range(4)
    ]
    calls: list[Callable[[], StatementResult]] = [
        *(lambda token=token: insist(busy, "mou-zichan", token) for token in debts),
        *(lambda token=token: insist(busy, "xinxi", token) for token in disputes),
    ]
    assert {result.status for result in together(calls)} == {"accepted"}
    for n in range(12):
        assert busy.reasons(debt_ref=f"B-{n}") == (["DEBT_DISPUTED"] if n < 4 else [])


def test_the_newest_of_concurrent_confirmations_counts(busy: Busy) -> None:
    busy.honest()
    tokens = [
        busy.jws(
            "mou-zichan", "debt", **debt_members(busy.now, outstanding=str(1000 + n), as_of=stamp(busy.now - n * HOUR))
        )
        for n in range(16)
    ]
    calls = [lambda token=token: insist(busy, "mou-zichan", token) for token in tokens]
    results = together(calls)
    assert {result.status for result in results} <= {"accepted", "unchanged"}
    assert results[0].status == "accepted"
    text = "【某资产】欠款1000元,退订回T"
    assert busy.reasons(text=text) == []
    assert busy.reasons(text=text.replace("1000", "1001")) == ["TEXT_AMOUNT"]


def test_one_of_two_contradicting_statements_is_a_conflict(busy: Busy) -> None:
    busy.register()
    tokens = [busy.jws("mou-zichan", "debt", **debt_members(busy.now, outstanding=f"{n}1")) for n in (1, 2, 3)]
    results = together([lambda token=token: insist(busy, "mou-zichan", token) for token in tokens])
    assert sorted(result.status for result in results) == ["accepted", "rejected", "rejected"]
    assert {result.problem.name for result in results if result.problem} == {"conflict"}


def many_statements(world: World) -> list[tuple[str, str]]:
    """(party, JWS) of facts of several instants that override each other."""
    now = world.now

    def said(party: str, kind: str, /, **members: object) -> tuple[str, str]:
        return party, world.jws(party, kind, **members)

    return [
        said("mou-zichan", "mandate", **mandate_members(now)),
        said("mou-zichan", "mandate", **mandate_members(now, status="revoked", as_of=stamp(now - 9 * HOUR))),
        said("mou-zichan", "mandate", **mandate_members(now, as_of=stamp(now - 2 * HOUR))),
        said("keji", "route", **route_members(now)),
        said("keji", "route", **route_members(now, status="revoked", as_of=stamp(now - 2 * DAY))),
        said("mou-zichan", "consent", **consent_members(now)),
        said("mou-zichan", "consent", **consent_members(now, granted_at=stamp(now - HOUR), channels=["sms", "voice"])),
        said("mou-zichan", "consent-revocation", **RECIPIENT_MEMBERS, revoked_at=stamp(now - 3 * HOUR)),
        said("mou-zichan", "consent-revocation", **RECIPIENT_MEMBERS, revoked_at=stamp(now - HOUR), channels=["voice"]),
        said("mou-zichan", "debt", **debt_members(now)),
        said("mou-zichan", "debt", **debt_members(now, outstanding="5", as_of=stamp(now - 5 * HOUR))),
        said("mou-zichan", "debt", **debt_members(now, as_of=stamp(now - 2 * HOUR))),
        said("xinxi", "opt-out", **RECIPIENT_MEMBERS, received_at=stamp(now - 8 * HOUR)),
        said("xinxi", "reply", **RECIPIENT_MEMBERS, text="T", received_at=stamp(now - 7 * HOUR)),
        said("xinxi", "reply", **RECIPIENT_MEMBERS, text="START", received_at=stamp(now - 6 * HOUR)),
        said("xinxi", "dispute", **RECIPIENT_MEMBERS, claim="paid", debt_ref="A-2", received_at=stamp(now)),
        said("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(now - 200 * 24 * HOUR)),
        said("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(now - 100 * 24 * HOUR)),
    ]


def state_of(world: World) -> dict[tuple[str, str], bytes]:
    """The facts about the recipient and the mandate, without versions. A chain is in the order of acceptance, so of its
    head only the length is the same in every order."""
    partition = world.documents.partition(f"R#{world.pseudonyms.recipient_key(RECIPIENT)}", "")
    mandates = world.documents.partition("P#mou-zichan", "M#")
    facts = {tuple(document.key): document.body for document in [*partition, *mandates]}
    heads = [document for document in partition if document.key.sk.startswith("H#")]
    return facts | {tuple(one.key): b"%d" % table.read(one, ChainHead).seq for one in heads}


def state_in(world: World, statements: Sequence[tuple[str, str]]) -> None:
    for party, token in statements:
        world.state_all(party, [token])


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_threads_in_any_order_end_in_the_same_state(busy: Busy, seed: int) -> None:
    busy.register()
    statements = many_statements(busy)
    alone = World().register()
    state_in(alone, statements)
    # Three threads say each statement, all of them mixed and dealt out to twenty.
    said = statements * 3
    random.Random(seed).shuffle(said)
    hands = [said[n::20] for n in range(20)]
    together([lambda hand=hand: [insist(busy, *one) for one in hand] for hand in hands])
    assert state_of(busy) == state_of(alone)
    # The START answers no message that was allowed, so it lifts nothing.
    assert busy.reasons() == alone.reasons() == ["OPTED_OUT", "CONSENT_UNCONFIRMED"]
    # Only the facts are compared: a statement that changed nothing may be stored in one order and not in the other.
    ids = {item["pk"]["S"] for item in busy.items("S#")}
    assert len(ids) == len(busy.items("S#"))


def test_the_memory_table_ends_in_the_same_state_in_any_order() -> None:
    """The expected state of the race above does not depend on the order either."""
    alone = World().register()
    statements = many_statements(alone)
    state_in(alone, statements)
    for seed in range(20):
        other = World().register()
        shuffled = statements * 2
        random.Random(seed).shuffle(shuffled)
        state_in(other, shuffled)
        assert state_of(other) == state_of(alone)


@pytest.mark.parametrize("verb", ["suspend", "add_key"])
def test_concurrent_changes_of_one_party_all_count(busy: Busy, verb: str) -> None:
    busy.register("xinxi")
    added = [proven_jwk(new_private_jwk(), busy.now) for _ in range(4)]

    def change(n: int) -> Callable[[], object]:
        if verb == "suspend" and n == 0:
            return lambda: busy.operate.suspend("xinxi")
        return lambda: busy.operate.add_key("xinxi", added[n])

    together([change(n) for n in range(4)])
    party = busy.operate.show("xinxi")
    assert len(party.keys) == (4 if verb == "suspend" else 5)
    assert party.state == ("suspended" if verb == "suspend" else "active")


def test_one_of_many_registrations_of_one_id_wins(busy: Busy) -> None:
    def register(n: int) -> str:
        party = Party(id="xinxi", roles=("gateway",), name=f"信息公司 {n}", registered_at=busy.now)
        try:
            busy.operate.add(party, proven_jwk(KEYS["xinxi"], busy.now))
        except Conflict:
            return "conflict"
        return party.name

    told = together([lambda n=n: register(n) for n in range(8)])
    assert told.count("conflict") == 7
    assert busy.operate.show("xinxi").name in told


def test_one_of_many_parties_gets_a_key_that_all_register(busy: Busy) -> None:
    key = proven_jwk(new_private_jwk(), busy.now)
    busy.register("keji", "xinxi")

    def register(n: int) -> str:
        try:
            if n < 2:
                return busy.operate.add_key(("keji", "xinxi")[n], key).id
            party = Party(id=f"party-{n}", roles=("gateway",), name="x", registered_at=busy.now)
            return busy.operate.add(party, key).id
        except Conflict as refused:
            return refused.name

    results = together([lambda n=n: register(n) for n in range(8)])
    assert results.count("key-taken") == 7
    holders = [item["pk"]["S"][2:] for item in busy.items("P#") if key["kid"] in item["body"]["S"]]
    assert holders == [name for name in results if name != "key-taken"]


def test_a_suspension_rejects_every_later_statement(busy: Busy) -> None:
    busy.honest()

    def state(thread: int, n: int) -> str:
        token = busy.jws("mou-zichan", "debt", **debt_members(busy.now, debt_ref=f"B-{thread}-{n}"))
        result = busy.state_all("mou-zichan", [token])[0]
        return result.problem.name if result.problem else result.status

    later = around(lambda: busy.operate.suspend("mou-zichan"), state, threads=4)
    assert set(later) == {"party-suspended"}
