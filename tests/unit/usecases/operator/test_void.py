"""Voiding a rogue party's statements: the statements that remain count as if it had never stated the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from duecare.usecases import table
from duecare.usecases.operator.void import REQUESTS_END
from duecare.usecases.operator.void_records import reports
from duecare_core.domain.facts.states import StopState
from duecare_core.errors import Conflict, NotFound, Unacceptable
from tests.support.voids import MINUTE, VoidWorld
from tests.support.world import DAY, RECIPIENT, stamp


@pytest.fixture
def world() -> VoidWorld:
    world = VoidWorld()
    world.honest()
    world.now += MINUTE
    return world


def opt_out(world: VoidWorld, party: str, at: Any = None, creditor: str = "mou-zichan") -> str:
    members = {"recipient": RECIPIENT, "creditor": creditor, "received_at": stamp(at or world.now)}
    return world.accepted(party, "opt-out", **members)


def stop(world: VoidWorld, creditor: str = "mou-zichan") -> StopState | None:
    key = table.stop(table.recipient(world.pseudonyms.recipient_key(RECIPIENT)), creditor)
    return table.find(world.table.get([key]), key, StopState)


def test_a_genuine_older_stop_that_a_rogues_newer_stop_hid_is_found_again(world: VoidWorld) -> None:
    genuine = opt_out(world, "xinxi")
    world.now += MINUTE
    since = world.now
    opt_out(world, "other-gateway")
    world.void("other-gateway", since)
    found = stop(world)
    assert found is not None
    assert found.stopped is not None
    assert found.stopped.statement == genuine
    assert world.reasons() == ["OPTED_OUT"]


def test_a_rogues_stop_of_all_creditors_counts_no_longer(world: VoidWorld) -> None:
    since = world.now
    opt_out(world, "other-gateway", creditor="*")
    assert world.reasons() == ["OPTED_OUT"]
    report = world.void("other-gateway", since)
    assert world.reasons() == []
    assert (report.progress.recipients, report.progress.changed) == (1, 1)


def test_what_the_party_stated_before_since_still_counts(world: VoidWorld) -> None:
    earlier = opt_out(world, "other-gateway")
    world.now += MINUTE
    since = world.now
    opt_out(world, "other-gateway")
    world.void("other-gateway", since)
    found = stop(world)
    assert found is not None
    assert found.stopped is not None
    assert found.stopped.statement == earlier


def test_undoing_a_void_restores_every_state_byte_by_byte(world: VoidWorld) -> None:
    opt_out(world, "xinxi")
    world.now += MINUTE
    since = world.now
    opt_out(world, "other-gateway")
    opt_out(world, "other-gateway", creditor="*")
    before = world.states()
    world.void("other-gateway", since)
    assert world.states() != before
    world.undo("other-gateway", since)
    assert world.states() == before


def test_heads_and_ids_of_the_recipients_chains_stay(world: VoidWorld) -> None:
    since = world.now
    opt_out(world, "other-gateway")
    opt_out(world, "other-gateway", creditor="*")
    before = world.heads()
    assert len(before) == 2
    world.void("other-gateway", since)
    assert world.heads() == before


def test_the_void_suspends_the_party_and_leaves_it_suspended(world: VoidWorld) -> None:
    world.voiding().start("other-gateway", world.now, None)
    assert world.operate.show("other-gateway").state == "suspended"
    world.now += REQUESTS_END
    world.undo("other-gateway", world.now - REQUESTS_END)
    assert world.operate.show("other-gateway").state == "suspended"


def test_every_version_of_a_void_is_logged(world: VoidWorld) -> None:
    since = world.now
    report = world.void("other-gateway", since)
    world.undo("other-gateway", since)
    world.log_all()
    logged = [one.id for one in world.entries() if one.kind == "void"]
    assert logged == [f"other-gateway/{report.id}/1", f"other-gateway/{report.id}/2"]
    assert {f"voids/{name}" for name in logged} <= set(world.archive.objects)


def test_the_scan_begins_when_the_requests_in_flight_have_ended(world: VoidWorld) -> None:
    since = world.now
    report = world.voiding().start("other-gateway", since, None)
    waiting = world.voiding().step("other-gateway", report.id, lambda: True)
    assert (waiting.waiting, waiting.progress.phase) == ("requests-to-end", "states")


def test_the_same_command_again_goes_on_with_a_void_at_work(world: VoidWorld) -> None:
    since = world.now
    first = world.voiding().start("other-gateway", since, None)
    world.now += timedelta(seconds=1)
    assert world.voiding().start("other-gateway", since, None) == first


def test_the_same_command_after_the_end_covers_what_was_stated_since(world: VoidWorld) -> None:
    since = world.now
    world.void("other-gateway", since)
    world.now += MINUTE
    opt_out(world, "other-gateway")  # a suspended party may state what protects
    assert world.reasons("xinxi") == ["OPTED_OUT"]
    world.void("other-gateway", since)
    assert world.reasons("xinxi") == []


def test_a_party_that_is_resumed_stops_the_work(world: VoidWorld) -> None:
    report = world.voiding().start("other-gateway", world.now, None)
    world.operate.resume("other-gateway")
    world.now += REQUESTS_END
    with pytest.raises(Conflict) as refused:
        world.voiding().step("other-gateway", report.id, lambda: True)
    assert refused.value.name == "party-not-suspended"


def test_what_cannot_be_voided_is_refused_and_nothing_is_recorded(world: VoidWorld) -> None:
    with pytest.raises(NotFound):
        world.voiding().start("nobody", world.now, None)
    with pytest.raises(Unacceptable):
        world.voiding().start("other-gateway", world.now + DAY, None)
    with pytest.raises(NotFound) as unknown:
        world.voiding().undo("other-gateway", world.now, None)
    assert unknown.value.name == "unknown-void"
    assert reports(world.table, "other-gateway") == []
    assert world.operate.show("other-gateway").state == "active"


def test_a_void_of_one_kind_leaves_the_other_kinds(world: VoidWorld) -> None:
    since = world.now
    opt_out(world, "other-gateway")
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "revoked_at": stamp(world.now)}
    world.accepted("other-gateway", "consent-revocation", **members)
    world.void("other-gateway", since, "opt-out")
    assert world.reasons() == ["CONSENT_REVOKED"]


def test_a_voided_content_may_be_stated_again(world: VoidWorld) -> None:
    since = world.now
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(world.now)}
    world.accepted("other-gateway", "opt-out", **members)
    world.void("other-gateway", since)
    world.operate.resume("other-gateway")
    world.now += MINUTE
    world.accepted("other-gateway", "opt-out", **members)
    assert world.reasons() == ["OPTED_OUT"]


def test_what_two_voids_cover_counts_again_when_both_are_undone(world: VoidWorld) -> None:
    since = world.now
    opt_out(world, "other-gateway")
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "revoked_at": stamp(world.now)}
    world.accepted("other-gateway", "consent-revocation", **members)
    before = world.states()
    world.void("other-gateway", since)
    world.void("other-gateway", since, "opt-out")
    assert world.reasons() == []
    world.undo("other-gateway", since)
    assert world.reasons() == ["CONSENT_REVOKED"]
    world.undo("other-gateway", since, "opt-out")
    assert world.states() == before
