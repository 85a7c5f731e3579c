"""A void under faults and beside other writers: every write fails once, before or after it is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import pytest

from duecare.ports import Document, Key
from duecare.usecases.operator.void import REQUESTS_END
from duecare_core.errors import StoreFailed
from tests.support.imports import Imports
from tests.support.voids import MINUTE, VoidWorld
from tests.support.world import RECIPIENT, debt_members, stamp

CREDITOR = "mou-zichan"
STOP = {"recipient": RECIPIENT, "creditor": CREDITOR}


class Interrupted:
    """`Documents` whose n-th commit does something first, or fails; before or after it is stored."""

    def __init__(self, documents: Any, at: int, act: Callable[[], None], *, stored: bool = False) -> None:
        self._documents = documents
        self._at = at
        self._act = act
        self._stored = stored
        self.commits = 0

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        return dict(self._documents.get(keys))

    def partition(self, pk: str, prefix: str) -> list[Document]:
        return list(self._documents.partition(pk, prefix))

    def commit(self, documents: Sequence[Document]) -> None:
        self.commits += 1
        if self.commits != self._at:
            self._documents.commit(documents)
        elif self._stored:
            self._documents.commit(documents)
            self._act()
        else:
            self._act()
            self._documents.commit(documents)


def fail() -> None:
    raise StoreFailed("a test's fault")


def prepared(party: str) -> tuple[VoidWorld, datetime]:
    """A genuine stop and a genuine dispute, each hidden by a newer one of the party. A creditor also states debts."""
    world = VoidWorld()
    world.honest()
    world.now += MINUTE
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    world.accepted("xinxi", "opt-out", **STOP, received_at=stamp(world.now))
    world.accepted("xinxi", "dispute", **STOP, claim="paid", debt_ref="A-1", received_at=stamp(world.now))
    world.now += 2 * MINUTE
    since = world.now - MINUTE
    world.accepted(party, "opt-out", **STOP, received_at=stamp(world.now))
    world.accepted(party, "dispute", **STOP, claim="paid", debt_ref="A-1", received_at=stamp(world.now))
    if party == CREDITOR:
        world.accepted(party, "debt", **debt_members(world.now, status="settled", as_of=stamp(world.now)))
        Imports(world).debts([debt_members(world.now, debt_ref="F-1", as_of=stamp(world.now))])
    world.log_all()
    world.now += MINUTE
    return world, since


@pytest.mark.parametrize("undone", [False, True], ids=["void", "undo"])
@pytest.mark.parametrize("stored", [False, True], ids=["not-stored", "response-lost"])
@pytest.mark.parametrize("party", ["other-gateway", CREDITOR])
def test_a_crash_at_any_write_leads_to_the_same_end(party: str, stored: bool, undone: bool) -> None:
    at, expected = 0, None
    while True:
        world, since = prepared(party)
        if undone:
            world.void(party, since)
            world.log_all()
        faulty = Interrupted(world.table, at, fail, stored=stored)
        failed = False
        for documents in (faulty, None, None):
            try:
                voiding = world.voiding(documents)
                report = voiding.undo(party, since, None) if undone else voiding.start(party, since, None)
                world.now += REQUESTS_END
                world.finish(report, documents)
                break
            except StoreFailed:
                failed = True
                # The genuine stop protects all the while.
                assert "OPTED_OUT" in stops(world)
        if expected is None:
            expected = world.states()
        assert world.states() == expected
        if at and not failed:
            assert at > 3
            return
        at += 1


def stops(world: VoidWorld) -> list[str]:
    """The reasons of a verify, were every party active."""
    for party in (CREDITOR, "other-gateway"):
        state = world.operate.show(party).state
        world.operate.resume(party)
        try:
            reasons = world.reasons()
        finally:
            if state == "suspended":
                world.operate.suspend(party)
    return reasons


@pytest.mark.parametrize("at", range(1, 4))
def test_a_genuine_stop_that_is_accepted_during_the_void_is_not_lost(at: int) -> None:
    """It is older than the rogue's, so without the void it changes no state: only the head of the chain shows it."""
    world = VoidWorld()
    world.honest()
    world.now += MINUTE
    before, since = world.now, world.now
    world.now += MINUTE
    world.accepted("other-gateway", "opt-out", **STOP, received_at=stamp(world.now))
    world.log_all()

    def state_a_stop() -> None:
        world.accepted("xinxi", "opt-out", **STOP, received_at=stamp(before))

    report = world.voiding().start("other-gateway", since, None)
    world.now += REQUESTS_END
    world.finish(report, Interrupted(world.table, at, state_a_stop))
    if at <= 2:
        assert world.reasons() == ["OPTED_OUT"]


def test_a_stop_is_found_in_every_page_of_a_large_table() -> None:
    world = VoidWorld()
    world.table.page_size = 2
    world.honest()
    since = world.now
    for number in range(30):
        members = {"recipient": f"+86138{number:08}", "creditor": CREDITOR, "received_at": stamp(world.now)}
        world.accepted("other-gateway", "opt-out", **members)
    report = world.voiding().start("other-gateway", since, None)
    world.now += REQUESTS_END
    steps = 0
    while report.progress.phase != "done":
        report = world.voiding().step("other-gateway", report.id, lambda: False)
        steps += 1
    assert steps > 10
    assert (report.progress.recipients, report.progress.changed) == (30, 30)


@pytest.mark.parametrize("at", range(1, 8))
def test_rows_that_were_removed_before_a_crash_are_put_back_all_the_same(at: int) -> None:
    """The states of one recipient take several transactions."""
    world = VoidWorld()
    world.honest()
    world.now += MINUTE
    since = world.now
    closed = {"status": "settled", "outstanding": "0"}
    Imports(world).debts([debt_members(world.now, debt_ref=f"F-{number}", **closed) for number in range(120)])
    world.log_all()
    before = world.states()
    report = world.voiding().start(CREDITOR, since, None)
    world.now += REQUESTS_END
    with pytest.raises(StoreFailed):
        world.finish(report, Interrupted(world.table, at, fail))
    world.finish(report)
    assert len(world.states()) == len(before) - 120
    world.undo(CREDITOR, since)
    assert world.states() == before


def test_a_recipient_about_whom_much_was_stated_is_dealt_with_once() -> None:
    world = VoidWorld()
    world.honest()
    since = world.now
    for _ in range(60):
        world.now += MINUTE
        world.accepted("other-gateway", "opt-out", **STOP, received_at=stamp(world.now))
    world.table.page_size = 2
    report = world.void("other-gateway", since)
    assert (report.progress.recipients, report.progress.changed) == (1, 1)
    assert world.undo("other-gateway", since).progress.changed == 1
