"""Voiding every kind of statement: consents, debts, mandates, files, disputes, revocations, replies, reassignments."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from duecare.usecases import table
from duecare.usecases.operator.void_states import OWN_STATES, STATES
from duecare_core.domain.facts.merge import FactState
from duecare_core.domain.facts.states import Dispute
from duecare_core.evidence.casefile import bundle
from tests.support.imports import Imports
from tests.support.logs import LOG_KEY
from tests.support.voids import MINUTE, VoidWorld
from tests.support.world import DAY, RECIPIENT, consent_members, debt_members, mandate_members, stamp

CREDITOR = "mou-zichan"


@pytest.fixture
def world() -> VoidWorld:
    world = VoidWorld()
    world.honest()
    world.now += MINUTE
    return world


def test_every_state_of_facts_can_be_merged_anew() -> None:
    assert {*STATES.values(), *OWN_STATES.values()} == set(get_args(FactState))


def later(world: VoidWorld) -> datetime:
    """An instant after everything said so far and before what comes."""
    world.now += MINUTE
    at = world.now
    world.now += MINUTE
    return at


def reasons(world: VoidWorld) -> list[str]:
    """Of a verify, were the parties active."""
    for party in (CREDITOR, "xinxi", "keji"):
        world.operate.resume(party)
    return world.reasons()


def own(world: VoidWorld, kind: str, **members: Any) -> str:
    return world.accepted(CREDITOR, kind, **members)


def voided_and_undone(world: VoidWorld, party: str, since: datetime) -> None:
    """Void, and hold that undoing it restores every state as it was."""
    before = world.states()
    world.void(party, since)
    assert world.states() != before
    world.undo(party, since)
    assert world.states() == before
    world.void(party, since)


def test_a_rogue_creditors_consent_leaves_and_the_older_one_counts_again(world: VoidWorld) -> None:
    own(world, "consent", **consent_members(world.now, granted_at=stamp(world.now), expires_at=stamp(world.now + DAY)))
    since = later(world)
    own(world, "consent", **consent_members(world.now, channels=["sms", "voice"], granted_at=stamp(world.now)))
    voided_and_undone(world, CREDITOR, since)
    assert reasons(world) == []
    world.now += 2 * DAY
    assert "CONSENT_EXPIRED" in reasons(world)


def test_a_debt_that_was_stated_since_leaves(world: VoidWorld) -> None:
    since = later(world)
    own(world, "debt", **debt_members(world.now, debt_ref="B-1", as_of=stamp(world.now)))
    voided_and_undone(world, CREDITOR, since)
    assert reasons(world) == []
    assert reasons_of(world, "B-1") == ["DEBT_MISSING"]


def reasons_of(world: VoidWorld, debt_ref: str) -> list[str]:
    reasons(world)
    return world.reasons(debt_ref=debt_ref)


def test_a_debt_that_a_voided_statement_settled_is_open_again(world: VoidWorld) -> None:
    since = later(world)
    own(world, "debt", **debt_members(world.now, status="settled", as_of=stamp(world.now)))
    voided_and_undone(world, CREDITOR, since)
    assert reasons(world) == []


def test_a_mandate_that_was_stated_since_leaves_and_the_older_one_counts_again(world: VoidWorld) -> None:
    since = later(world)
    own(world, "mandate", **mandate_members(world.now, status="revoked", as_of=stamp(world.now)))
    own(world, "mandate", **mandate_members(world.now, collector="other-collector", as_of=stamp(world.now)))
    voided_and_undone(world, CREDITOR, since)
    assert reasons(world) == []
    reasons(world)
    assert "MANDATE_MISSING" in world.reasons(collector="other-collector")


def test_a_rogue_collectors_route_leaves_and_the_older_one_counts_again(world: VoidWorld) -> None:
    since = later(world)
    members = {"valid_from": stamp(world.now), "valid_until": stamp(world.now + DAY), "as_of": stamp(world.now)}
    members |= {"channels": ["sms"]}  # type: ignore[dict-item]
    world.accepted("keji", "route", gateway="xinxi", status="revoked", **members)
    world.accepted("keji", "route", gateway="yunyingshang", status="active", **members)
    assert "ROUTE_REVOKED" in world.reasons()
    voided_and_undone(world, "keji", since)
    assert reasons(world) == []
    assert not [sk for pk, sk in world.states() if (pk, sk) == ("T#keji", "yunyingshang")]


def test_a_void_finds_statements_that_the_table_has_deleted_since(world: VoidWorld) -> None:
    members = {"recipient": RECIPIENT, "creditor": CREDITOR}
    genuine = world.accepted("xinxi", "opt-out", **members, received_at=stamp(world.now))
    since = later(world)
    world.accepted("other-gateway", "opt-out", **members, received_at=stamp(world.now))
    world.log_all()
    world.table.remove(table.statement(genuine))  # as its TTL does
    voided_and_undone(world, "other-gateway", since)
    (stop,) = [body for (_, sk), body in world.states().items() if sk == f"O#{CREDITOR}"]
    assert genuine in stop.decode()


def test_rows_of_a_voided_file_leave_and_are_put_back(world: VoidWorld) -> None:
    since = later(world)
    rows = [debt_members(world.now, debt_ref="F-1", as_of=stamp(world.now)), debt_members(world.now, debt_ref="F-2")]
    assert Imports(world).debts(rows).upload.accepted == 2
    voided_and_undone(world, CREDITOR, since)
    assert reasons_of(world, "F-1") == ["DEBT_MISSING"]
    assert reasons(world) == []  # A-1 was stated before


def test_an_older_debt_is_not_revived_if_a_row_may_have_replaced_it(world: VoidWorld) -> None:
    """The row that settled the debt exists nowhere once a newer statement has replaced it."""
    rows = [debt_members(world.now, status="settled", outstanding="0", as_of=stamp(world.now))]
    Imports(world).debts(rows)
    assert world.reasons(debt_ref="A-1") == ["DEBT_SETTLED"]
    since = later(world)
    own(world, "debt", **debt_members(world.now, as_of=stamp(world.now)))
    assert world.reasons(debt_ref="A-1") == []
    voided_and_undone(world, CREDITOR, since)
    assert reasons_of(world, "A-1") == ["DEBT_MISSING"]


def test_rows_of_a_file_that_came_before_still_count(world: VoidWorld) -> None:
    rows = [debt_members(world.now, debt_ref="F-1", as_of=stamp(world.now))]
    Imports(world).debts(rows)
    since = later(world)
    own(world, "debt", **debt_members(world.now, debt_ref="F-2", as_of=stamp(world.now)))
    voided_and_undone(world, CREDITOR, since)
    assert reasons_of(world, "F-1") == []


def test_a_rogues_fifty_disputes_fold_no_genuine_one(world: VoidWorld) -> None:
    since = later(world)
    for number in range(32):
        world.accepted("other-gateway", "dispute", **dispute(world, f"Z-{number}"))
    world.accepted("xinxi", "dispute", **dispute(world, "B-9"))
    assert world.reasons() == ["DEBT_DISPUTED"]  # folded into one of all debts
    voided_and_undone(world, "other-gateway", since)
    assert world.reasons() == []
    (left,) = [
        table.read(one, Dispute)
        for one in world.table.everything()
        if one.key.sk.startswith("Q#") and not table.is_removed(one)
    ]
    assert (left.debt_ref, left.folded) == ("B-9", False)


def dispute(world: VoidWorld, debt_ref: str) -> dict[str, Any]:
    at = stamp(world.now)
    return {"recipient": RECIPIENT, "creditor": CREDITOR, "debt_ref": debt_ref, "claim": "paid", "received_at": at}


def test_a_genuine_dispute_that_a_rogues_newer_one_replaced_is_found_again(world: VoidWorld) -> None:
    world.accepted("xinxi", "dispute", **dispute(world, "A-1"))
    since = later(world)
    newer = world.accepted("other-gateway", "dispute", **dispute(world, "A-1"))
    world.now += MINUTE
    own(world, "debt", **debt_members(world.now, as_of=stamp(world.now), answers_dispute=newer))
    assert world.reasons() == []
    voided_and_undone(world, "other-gateway", since)
    assert world.reasons() == ["DEBT_DISPUTED"]


def test_a_genuine_revocation_that_a_rogues_newer_one_hid_is_found_again(world: VoidWorld) -> None:
    revoked = {"recipient": RECIPIENT, "creditor": CREDITOR}
    genuine = world.accepted("xinxi", "consent-revocation", **revoked, revoked_at=stamp(world.now))
    since = later(world)
    world.accepted("other-gateway", "consent-revocation", **revoked, revoked_at=stamp(world.now))
    voided_and_undone(world, "other-gateway", since)
    assert world.reasons() == ["CONSENT_REVOKED"]
    assert genuine in "".join(body.decode() for body in world.states().values())


def test_a_rogues_reassignment_leaves(world: VoidWorld) -> None:
    since = later(world)
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    assert world.reasons() != []
    voided_and_undone(world, "yunyingshang", since)
    assert world.reasons() == []


def test_a_rogue_gateways_start_lifts_no_longer(world: VoidWorld) -> None:
    world.verify(message_id="m-9")
    world.accepted("other-gateway", "opt-out", recipient=RECIPIENT, creditor=CREDITOR, received_at=stamp(world.now))
    since = later(world)
    reply = {"recipient": RECIPIENT, "text": "START", "message_id": "m-9", "received_at": stamp(world.now)}
    world.accepted("xinxi", "reply", **reply)
    assert "OPTED_OUT" not in world.reasons()
    voided_and_undone(world, "xinxi", since)
    assert "OPTED_OUT" in reasons(world)


def test_a_reply_without_a_creditor_is_found_again_years_after_its_message(world: VoidWorld) -> None:
    world.verify(message_id="m-9")
    reply = {"recipient": RECIPIENT, "text": "T", "message_id": "m-9", "received_at": stamp(world.now)}
    world.accepted("xinxi", "reply", **reply)
    since = later(world)
    world.accepted("other-gateway", "opt-out", recipient=RECIPIENT, creditor=CREDITOR, received_at=stamp(world.now))
    world.log_all()
    world.table.remove(table.decision(world.pseudonyms.decision_id("xinxi", "m-9")))
    voided_and_undone(world, "other-gateway", since)
    assert world.reasons() == ["OPTED_OUT"]


def test_a_decision_from_before_the_void_still_verifies(world: VoidWorld) -> None:
    world.accepted("other-gateway", "opt-out", recipient=RECIPIENT, creditor=CREDITOR, received_at=stamp(world.now))
    decided = world.verify(message_id="m-9")
    assert decided.record.reasons == ("OPTED_OUT",)
    world.log_all()
    world.void("other-gateway", world.now - timedelta(hours=1))
    world.log_all()
    verdict = bundle.check(world.case_file(decided), LOG_KEY.verifier_key)
    assert [one for one in verdict.checks if not one.ok] == []


def test_statements_that_the_table_has_deleted_are_voided_too(world: VoidWorld) -> None:
    since = later(world)
    members = {"recipient": RECIPIENT, "creditor": CREDITOR}
    world.accepted("other-gateway", "opt-out", **members, received_at=stamp(world.now))
    own(world, "mandate", **mandate_members(world.now, status="revoked", as_of=stamp(world.now)))
    world.left()
    statements = [one for one in world.table.everything() if one.key.pk.startswith("S#")]
    assert statements == []
    assert [sk for _, sk in world.states() if sk.startswith("O#")] == [f"O#{CREDITOR}"]
    voided_and_undone(world, "other-gateway", since)
    assert [sk for _, sk in world.states() if sk.startswith("O#")] == []
    voided_and_undone(world, CREDITOR, since)
    (mandate,) = [body for (pk, sk), body in world.states().items() if (pk, sk) == (f"M#{CREDITOR}", "keji")]
    assert b'"active"' in mandate
