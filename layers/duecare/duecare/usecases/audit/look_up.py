"""Looks up one decision for the parties to it: in the table, or in the archive after the table has deleted it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from duecare.ports import Archive, Clock, DecisionStore, Document
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, check_active, check_caller
from duecare.usecases.log import pointers
from duecare.usecases.log.pointers import Pointer
from duecare.usecases.verify.stored_decision import StoredDecision, summary, unpack
from duecare_core.domain.facts.party import Party
from duecare_core.errors import NotFound, Unacceptable, Violation
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.record import encode
from duecare_core.evidence.sealed_decision import InputsKey, Summary

_ID = re.compile(r"[a-z2-7]{26}\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}\Z")


class FoundDecision(NamedTuple):
    """A decision and its document, for a reader. `logged`: the pointer to its log entry, None if it is not logged
    yet."""

    decided: StoredDecision
    document: Document
    logged: Pointer | None
    reader: Party


def parse_attempt(attempt: str | None) -> int | None:
    """The attempt that a query asks for, or None. Raises Unacceptable."""
    if attempt is None:
        return None
    if not _NUMBER.match(attempt):
        violation = Violation("/attempt", "no-number", "not 1, 2, …")
        raise Unacceptable("An attempt is a number: 1, 2, …", errors=(violation,))
    return int(attempt)


class LookUp:
    def __init__(
        self,
        decisions: DecisionStore,
        archive: Callable[[], Archive],
        inputs_key: Callable[[], InputsKey],
        clock: Clock,
    ) -> None:
        self._decisions = decisions
        self._inputs_key = inputs_key
        self._archive = archive
        self._clock = clock

    def __call__(self, caller: Caller, decision_id: str, attempt: int | None = None) -> FoundDecision:
        """The decision, if the caller is its gateway, its creditor or an auditor; NotFound for anyone else.

        `attempt`: an earlier one, as it was logged; the newest one if it is None. Raises NotFound, NotAllowed,
        CannotDecide.
        """
        own, known = table.party(caller.party), bool(_ID.match(decision_id))
        entries, key = table.log_pointers("decision", decision_id), table.decision(decision_id)
        situation = self._decisions.load([entries] if known else [], [key, own] if known else [own])
        party = check_caller(caller, table.find_party(situation.documents, caller.party), self._clock())
        check_active(party)
        logged = situation.partitions.get(entries, [])
        document = table.present(situation.documents, key) or self._archived(pointers.newest(logged))
        if document is None or not _concerns(party, summary(document)):
            raise _unknown()
        decided = unpack(document, self._inputs_key())
        if attempt not in (None, decided.record.attempt):
            document, decided = self._earlier(party, logged, attempt)
        entry = pointers.key("decision", decision_id, digest(encode(decided.record)))
        pointer = next((table.read(one, Pointer) for one in logged if one.key == entry), None)
        return FoundDecision(decided._replace(replayed=False), document, pointer, party)

    def _earlier(self, party: Party, logged: list[Document], attempt: int | None) -> tuple[Document, StoredDecision]:
        """The archived copy of an attempt that was replaced, the newest one if it was renewed. Raises NotFound."""
        for pointer in pointers.newest_first(logged):
            document = self._archived(pointer)
            if document and summary(document).attempt == attempt and _concerns(party, summary(document)):
                return document, unpack(document, self._inputs_key())
        raise _unknown()

    def _archived(self, pointer: Pointer | None) -> Document | None:
        """The archived copy of a document; None if it was erased."""
        try:
            return pointers.document_of(self._archive().read(pointer.name)) if pointer else None
        except NotFound:
            return None


def _concerns(party: Party, decided: Summary) -> bool:
    """Whether the party is the gateway or the creditor of the message, or an auditor."""
    return "auditor" in party.roles or party.id in (decided.gateway, decided.creditor)


def _unknown() -> NotFound:
    return NotFound("No decision of yours has this id.", name="unknown-decision")
