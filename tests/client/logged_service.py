"""A log, a table and an archive with a decision and everything behind it, and what `duecare log check` finds there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from duecare.adapters.dynamodb import items
from duecare.ports import Document
from duecare_client.checks.log import Outcome, Positions, check_log
from duecare_client.checks.store import CheckInterval, Store, check_store, stored_in
from duecare_core.evidence.item_keys import LOGGED_PREFIXES
from duecare_core.evidence.stored import StoredRecord
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import ISSUER

KEY = LOG_KEY.verifier_key


def item(document: Document) -> dict[str, Any]:
    """As boto3 gives it."""
    made = items.item(document)
    made |= {name: {"B": getattr(document, name)} for name in ("sealed", "summary") if name in made}
    return made


class LoggedService(LoggedWorld):
    """With a decision and everything behind it in the log."""

    def __init__(self) -> None:
        super().__init__()
        self.honest()
        self.decided = self.verify()
        self.id = self.decided.record.decision_id
        self.tag = self.decision_seal(self.decided.record).recipient_tag
        self.sequenced()

    def look(self, memory: Path) -> tuple[Outcome, Positions]:
        """At the log alone."""
        return check_log(self.files.objects.get, KEY, memory, lambda done, size: None)

    def compare(self, outcome: Outcome, places: Positions) -> Outcome:
        """Compares the current store with the log as it was read a minute ago."""
        held = Store(self.documents_stored(), self.archive.objects.items())
        between = CheckInterval(self.now, lambda: self.now + timedelta(minutes=1))
        return check_store(outcome, places, held, between, ISSUER, lambda count: None, self.inputs_key)

    def check(self, memory: Path, *, store: bool = True) -> Outcome:
        outcome, places = self.look(memory)
        return self.compare(outcome, places) if store else outcome

    def documents_stored(self) -> Iterable[StoredRecord]:
        for document in self.table.everything():
            if document.key.pk.startswith(LOGGED_PREFIXES):
                yield stored_in(item(document))

    def edit(self, key: object, change: Callable[[Document], Document]) -> None:
        """By hand: past every condition."""
        documents = self.table._documents
        (found,) = [one for one in documents if one == key]
        documents[found] = change(documents[found])

    def named(self, memory: Path) -> list[str]:
        return [str(fault) for fault in self.check(memory).faults]
