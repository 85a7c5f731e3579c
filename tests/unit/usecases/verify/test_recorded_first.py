"""No answer before the record: a `StoredDecision` is made of a confirmed write or of a document read back, only."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import duecare
from duecare.ports import Document, Write, WriteConflict
from duecare.usecases.verify.pending import MAX_LEDGER_CONFLICTS, MAX_RECORD_CONFLICTS
from duecare.usecases.verify.stored_decision import SignedDecision, confirmed, unpack
from duecare_core.errors import Contention, StoreFailed
from tests.support.memory import MemoryTable
from tests.support.world import RECIPIENT, World, stamp

PACKAGE = Path(duecare.__file__).parent
Outcomes = list[WriteConflict | StoreFailed | None]


def test_only_two_functions_make_a_stored_decision() -> None:
    makers = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = (one.func for one in ast.walk(function) if isinstance(one, ast.Call))
                if any(isinstance(call, ast.Name) and call.id == "StoredDecision" for call in calls):
                    makers.append((path.name, function.name))
    assert makers == [("stored_decision.py", "confirmed"), ("stored_decision.py", "unpack")]


def test_a_decision_whose_document_is_not_stored_cannot_be_confirmed() -> None:
    world = World().honest()
    document = next(one for one in stored(world.verify, world) if one.key.sk == "X")
    decided = unpack(document, world.inputs_key)
    signed = SignedDecision(decided.record, decided.envelope, decided.inputs, document)
    assert confirmed(signed, None, replayed=False).record == decided.record
    assert confirmed(signed, WriteConflict(document), replayed=False).record == decided.record
    for other in (None, document._replace(version=2)):
        with pytest.raises(AssertionError):
            confirmed(signed, WriteConflict(other), replayed=False)


def stored(act: Callable[[], object], world: World) -> list[Document]:
    act()
    return world.documents.everything()


class Losing(MemoryTable):
    """A store in which every write of a decision conflicts; `existing` makes the stored document."""

    def __init__(self, existing: Callable[[Write], Document | None]) -> None:
        super().__init__()
        self._existing = existing
        self.writes = 0

    def record(self, writes: Sequence[Write]) -> Outcomes:
        self.writes += len(writes)
        return [WriteConflict(self._existing(write)) for write in writes]


def test_conflicts_on_the_contact_ledger_end_in_contention() -> None:
    table = Losing(lambda _: None)
    waits: list[int] = []
    world = World(table, table, backoff=waits.append).honest()
    with pytest.raises(Contention):
        world.verify()
    assert table.writes == MAX_LEDGER_CONFLICTS
    assert waits == list(range(1, MAX_LEDGER_CONFLICTS))


def test_conflicts_with_ever_other_decisions_end_in_contention() -> None:
    first = World().honest()
    first.verify()
    first.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(first.now))
    denied = first.verify()
    (deny,) = (one for one in first.documents.everything() if one.key.sk == "X")
    assert denied.record.attempt == 2
    versions = iter(range(2, 99))
    table = Losing(lambda _: deny._replace(version=next(versions)))
    world = World(table, table).honest()
    with pytest.raises(Contention):
        world.verify()
    # The first try is to create; each later one replaces the decision that the try before it lost to.
    assert table.writes == MAX_RECORD_CONFLICTS


def test_a_record_that_cannot_be_read_is_no_answer() -> None:
    table = Losing(lambda write: write.document._replace(sealed=b"x"))
    world = World(table, table).honest()
    with pytest.raises(StoreFailed):
        world.verify()
