"""The limit on the debts of one creditor about one recipient, exact for single statements.

A decision reads every debt of its recipient, so a creditor that states thousands would make the decisions of all others
slow and dear. At most 32 may be open and not stale. Closed and stale ones stay for 35 days (table.expires), so there is
a higher limit on all of them: otherwise a creditor could state, settle and state without end.

Two statements at once must not both find room. A statement that adds or re-opens a debt therefore also writes the guard
of this creditor and recipient, conditional on the version that it read before it counted: of two writers one has a
conflict, reads again, and counts the debt of the other one. Any other statement neither counts nor writes the guard.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from duecare.ports import Document, Documents, PartitionReader
from duecare.usecases import table
from duecare_core.domain.facts.states import DebtState
from duecare_core.errors import Conflict

MAX_OPEN_DEBTS = 32
MAX_DEBTS_ON_FILE = 256


class DebtGuard(Struct, frozen=True):
    """A document whose version is all that counts."""


class DebtCount:
    """The debts of one creditor about one recipient: those that are open and not stale, and all that are on file."""

    def __init__(self, documents: PartitionReader, partition: str, creditor: str, at: datetime) -> None:
        prefix = table.debts(creditor)
        states = {
            document.key.sk.removeprefix(prefix): table.read(document, DebtState)
            for document in documents.partition(partition, prefix)
            if not table.is_removed(document)
        }
        self.open = {debt_ref for debt_ref, state in states.items() if is_open(state, at)}
        self.on_file = set(states)

    def has_room(self, debt_ref: str, *, opens: bool) -> bool:
        """Whether this debt may be added, or re-opened; it counts from now on if it may."""
        if debt_ref not in self.on_file and len(self.on_file) >= MAX_DEBTS_ON_FILE:
            return False
        if opens and debt_ref not in self.open:
            if len(self.open) >= MAX_OPEN_DEBTS:
                return False
            self.open.add(debt_ref)
        self.on_file.add(debt_ref)
        return True


def is_open(state: DebtState | None, at: datetime) -> bool:
    """Whether a debt is open and not stale."""
    return state is not None and state.newest.status == "open" and at < state.newest.valid_until


def adds_debt(before: DebtState | None, after: DebtState, at: datetime) -> bool:
    """Whether a statement adds a debt, or re-opens one that was closed or stale."""
    return before is None or (is_open(after, at) and not is_open(before, at))


def guard_of_added_debt(
    documents: Documents, partition: str, creditor: str, debt_ref: str, after: DebtState, at: datetime
) -> Document:
    """The guard, to be written in the transaction that adds or re-opens this debt. Raises Conflict if there is no
    room."""
    key = table.debt_guard(partition, creditor)
    guard = documents.get([key]).get(key)  # before the count: a debt that is missed there conflicts here
    if not DebtCount(documents, partition, creditor, at).has_room(debt_ref, opens=is_open(after, at)):
        raise too_many_debts()
    return table.write(key, guard, DebtGuard())


def too_many_debts() -> Conflict:
    return Conflict(
        f"This creditor has {MAX_OPEN_DEBTS} open debts on this number, or {MAX_DEBTS_ON_FILE} with those of the last "
        "weeks that are closed; state that one of them is settled or withdrawn, or wait until they leave.",
        name="too-many-debts",
    )
