"""Merges statements anew, in the order of their acceptance, into states that are held in memory.

The statements were entitled when they were accepted, so who may state what is not checked again: a stop by a collector
counts although its mandate was voided since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from duecare.ports import Document, Documents, Key
from duecare.usecases import table
from duecare.usecases.statements.effects import StatementEffects, VerifiedStatement, slot_key
from duecare_core.domain.facts.merge import FactSlot, FactState, MergeInput, merge, touched_slots
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import DebtStatement, DisputeStatement, ReplyStatement
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import Conflict, RequestError, Unacceptable
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.statement import StatementRecord

FindDecision = Callable[[str], Document | None]


class StatesInMemory:
    """`Documents` in which these partitions are in memory, and everything else is read from the table."""

    def __init__(self, documents: Documents, pks: Sequence[str]) -> None:
        self._documents = documents
        self._pks = frozenset(pks)
        self.states: dict[Key, FactState] = {}

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        keys = list(keys)
        others = [key for key in keys if key.pk not in self._pks]
        found = self._documents.get(others) if others else {}
        return found | {key: self._document(key) for key in keys if key in self.states}

    def partition(self, pk: str, prefix: str) -> list[Document]:
        if pk not in self._pks:
            return self._documents.partition(pk, prefix)
        return [self._document(key) for key in sorted(self.states) if key.pk == pk and key.sk.startswith(prefix)]

    def commit(self, documents: Sequence[Document]) -> None:
        raise AssertionError("merging a statement writes nothing")

    def _document(self, key: Key) -> Document:
        return table.write(key, None, self.states[key])


class Remerge(StatementEffects):
    """`find_decision`: a decision by its id, also one that the table has deleted. `partitions`: of the states."""

    def __init__(
        self,
        documents: Documents,
        pseudonyms: Pseudonyms,
        rules: Rules,
        partitions: Sequence[str],
        find_decision: FindDecision,
        records: Mapping[str, StatementRecord],
    ) -> None:
        self._overlay = StatesInMemory(documents, partitions)
        super().__init__(self._overlay, pseudonyms, rules)
        self._find_decision = find_decision
        self._records = records

    @property
    def states(self) -> dict[Key, FactState]:
        """The states merged so far. A caller may put states into it first."""
        return self._overlay.states

    def add(self, issuer: str, verified: VerifiedStatement) -> None:
        """Merge one statement. One that contradicts an earlier one of the same instant is left out, as it would have
        been rejected. Raises StoreFailed."""
        incoming = self._read_again(issuer, verified)
        if incoming is None:
            return
        for slot in touched_slots(incoming):
            key = slot_key(verified.partition, slot)
            try:
                self.states[key] = merge(self.states.get(key), incoming)
            except Conflict:
                continue

    def slots(self, issuer: str, verified: VerifiedStatement) -> tuple[FactSlot, ...]:
        """The states that this statement may have changed when it was accepted."""
        incoming = self._read_again(issuer, verified)
        if incoming is None:
            return ()
        if isinstance(verified.statement, DisputeStatement):
            either = (incoming._replace(folded=folded) for folded in (False, True))
            return tuple(slot for one in either for slot in touched_slots(one))
        return touched_slots(incoming)

    def _read_again(self, issuer: str, verified: VerifiedStatement) -> MergeInput | None:
        # Every role, because what the party might state was checked when it was accepted.
        party = Party(id=issuer, roles=("gateway",), name=issuer, registered_at=verified.accepted_at)
        try:
            return self._merge_input(party, verified)
        except RequestError:
            return None  # a reply to a message about which nothing is known any longer

    def _check_may_speak_for(self, party: Party, creditor: str) -> None:
        """It was checked when the statement was accepted."""

    def _check_registered(self, creditor: str) -> None:
        """It was checked when the statement was accepted."""

    def _creditor_of(self, party: Party, verified: VerifiedStatement, statement: ReplyStatement) -> str:
        record = self._records.get(verified.statement_id)
        if record is not None and record.chain is not None:
            return record.chain.of
        return super()._creditor_of(party, verified, statement)

    def _answered_dispute(self, verified: VerifiedStatement, debt: DebtStatement) -> str | None:
        try:
            return super()._answered_dispute(verified, debt)
        except Unacceptable:
            return None  # the dispute was voided

    def _decision(self, party: Party, message_id: str, *, rehearsal: bool) -> Document | None:
        return self._find_decision(self._pseudonyms.decision_id(party.id, message_id, rehearsal=rehearsal))
