"""Merges the states of one recipient anew from the statements that no void covers.

A component of a state (a consent, a debt, a stop …) that rests on a statement that remains is kept as it is: it is the
newest one of those that remain. One that rests on a voided statement is merged anew from all others. Those that protect
are listed by the recipient's chains, which are strongly consistent, and all others by the archive.

Every write is conditional on the versions that were read, and writes the heads of the chains concerned again, unchanged
but for their version: a statement that protects and is accepted meanwhile changes its head, so it is never missed.
States that are added are written before others are removed. After a crash at any point the next run ends in the same
states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import structs

from duecare.ports import Backoff, Clock, Document, Documents, Key
from duecare.usecases import table
from duecare.usecases.log.sweep import chunks
from duecare.usecases.operator.void_records import PartyVoids, RemovedFacts, VoidDone
from duecare.usecases.operator.void_sources import MAX_KEYS_READ, RereadStatement, StatementSource, is_row
from duecare.usecases.retry import retry_on_conflict
from duecare.usecases.statements.effects import slot_key
from duecare.usecases.statements.remerge import Remerge
from duecare.usecases.statements.store import StatementContent
from duecare_core.domain.facts.merge import FactState
from duecare_core.domain.facts.statement import DisputeStatement
from duecare_core.domain.facts.states import (
    Consent,
    ConsentState,
    Debt,
    DebtState,
    Dispute,
    DisputeAnswer,
    Mandate,
    NumberState,
    Route,
    StopState,
)
from duecare_core.domain.facts.void import Void
from duecare_core.domain.fields import RecipientKey
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.evidence.item_keys import CHAIN_HEAD, CONSENT, DEBT, DISPUTE, MANDATE, NUMBER, ROUTE, STOP
from duecare_core.evidence.pseudonyms import Pseudonyms

MAX_ATTEMPTS = 12
MAX_DOCUMENTS_WRITTEN = 50  # in one transaction, with as many heads at most
STATES: dict[str, type[FactState]] = {
    CONSENT: ConsentState,
    DEBT: DebtState,
    DISPUTE: Dispute,
    STOP: StopState,
    NUMBER: NumberState,
}
OWN_STATES: dict[str, type[FactState]] = {MANDATE: Mandate, ROUTE: Route}


class Scope(NamedTuple):
    """States that are merged together: about one recipient, or (None) the party's own mandates and routes."""

    recipient_key: RecipientKey | None


class VoidWork(NamedTuple):
    """A version of a void, and all voids of its party. `owns_facts`: the party is a creditor, so consents and debts are
    its own. `uploads`: by kind, when the party's last file was announced whose rows count."""

    void_id: str
    version: int
    void: Void
    voided: PartyVoids
    owns_facts: bool
    uploads: dict[str, datetime]


class VoidStatesDeps(NamedTuple):
    documents: Documents
    source: StatementSource
    pseudonyms: Pseudonyms
    rules: Rules
    clock: Clock
    backoff: Backoff


class VoidStates:
    def __init__(self, deps: VoidStatesDeps, work: VoidWork) -> None:
        self._deps = deps
        self._work = work

    def __call__(self, scope: Scope) -> int:
        """Bring the states of this scope in line with the voids. Returns how many changed. Raises CannotDecide."""
        contention = "other writers kept changing the same recipient's facts"
        return retry_on_conflict(
            lambda: self._attempt(scope), attempts=MAX_ATTEMPTS, contention=contention, backoff=self._deps.backoff
        )

    def _attempt(self, scope: Scope) -> int:
        found = _ScopeStates(self._deps, self._work, scope)
        merged = _merged(found, self._deps, self._work.uploads)
        changes = list(_changes(found, merged))
        companions = [*found.removed_facts_changed(), *found.contents_changed()]
        additions = [one for one in changes if not table.is_removed(one)]
        removals = [one for one in changes if table.is_removed(one)]
        # Consents and debts are kept before they are removed.
        left = [*companions, *additions, *removals]
        left.append(self._done(scope))
        for at in range(0, len(left), MAX_DOCUMENTS_WRITTEN):
            group = left[at : at + MAX_DOCUMENTS_WRITTEN]
            self._deps.documents.commit([*group, *found.heads_of(group)])
        return len(changes)

    def pending(self, scopes: Iterable[Scope]) -> list[Scope]:
        """Those that are not in line with this version of the void yet. Raises StoreFailed."""
        keys = {self._done_key(scope): scope for scope in scopes}
        pending: list[Scope] = []
        for group in chunks(list(keys), MAX_KEYS_READ):
            found = self._deps.documents.get(group)
            for key in group:
                done = table.find(found, key, VoidDone)
                if done is None or done.void_version != self._work.version:
                    pending.append(keys[key])
        return pending

    def _done(self, scope: Scope) -> Document:
        key = self._done_key(scope)
        stored = self._deps.documents.get([key]).get(key)
        return table.write(key, stored, VoidDone(self._work.version))

    def _done_key(self, scope: Scope) -> Key:
        return table.void_done(self._work.void.party, self._work.void_id, scope.recipient_key)


class _ScopeStates:
    """The stored states of one scope, the statements that they could rest on, and what of them is voided."""

    def __init__(self, deps: VoidStatesDeps, work: VoidWork, scope: Scope) -> None:
        void, voided = work.void, work.voided
        self._owns_facts = work.owns_facts
        self._documents = deps.documents
        self._source = deps.source
        self.now = deps.clock()
        self.void = void
        self.voided = voided
        self.scope = scope
        own = (table.mandates(void.party), table.routes(void.party))
        self.pks = (table.recipient(scope.recipient_key),) if scope.recipient_key else own
        stored = [one for pk in self.pks for one in deps.documents.partition(pk, "")]
        self.heads = {one.key.sk.partition("#")[2]: one for one in stored if one.key.sk.startswith(f"{CHAIN_HEAD}#")}
        self.documents = {one.key: one for one in stored if self._type(one.key) is not None}
        self.states = {
            key: table.read(one, kind)
            for key, one in self.documents.items()
            if not table.is_removed(one) and (kind := self._type(key)) is not None
        }
        self.removed = self._removed_facts()
        self.statements = self._source.read(self._ids(), voided)
        self._facts_kept: dict[Key, RemovedFacts] = {}

    def _type(self, key: Key) -> type[FactState] | None:
        return OWN_STATES.get(key.pk.partition("#")[0]) or STATES.get(key.sk.partition("#")[0])

    def _ids(self) -> Iterator[str]:
        for state in self.states.values():
            yield from named_in(state)
        if self.scope.recipient_key:
            yield from self._source.chained(self.scope.recipient_key, self.heads)
        if self.scope.recipient_key is None or self._owns_facts:
            yield from self._source.archived(self.scope.recipient_key, self.void.party)

    def _removed_facts(self) -> dict[Key, Document]:
        if self.scope.recipient_key is None:
            return {}
        pk = table.removed_facts(self.void.party, self.scope.recipient_key)
        stored = self._documents.partition(pk, "")
        return {Key(self.pks[0], one.key.sk): one for one in stored if not one.key.sk.startswith(table.VOID_DONE)}

    def is_gone(self, statement_id: str) -> bool:
        """Whether this statement is voided. One that nothing holds any longer counts as one that remains."""
        if is_row(statement_id):
            return self._source.is_voided_row(statement_id, self.voided)
        again = self.statements.get(statement_id)
        return again is not None and again.voided

    def subject(self) -> list[RereadStatement]:
        """The statements that this void is about, whether it is active or undone."""
        return [
            one
            for one in self.statements.values()
            if self.void.covers(one.record.issuer, one.verified.kind, one.record.received_at)
        ]

    def remaining(self) -> list[RereadStatement]:
        return sorted((one for one in self.statements.values() if not one.voided), key=lambda one: one.order)

    def is_revived(self, key: Key, before: Debt | Consent | None, after: Debt | Consent) -> bool:
        """Whether this consent or debt was not in force before the voids."""
        stored = self.removed.get(key)
        facts = table.read(stored, RemovedFacts) if stored else RemovedFacts()
        known = {before.statement if before else "", *facts.debts, *facts.consents}
        return after.statement not in known

    def keep_facts(self, key: Key, facts: RemovedFacts) -> None:
        """Keep consents and debts that are removed from this state."""
        self._facts_kept[key] = facts

    def removed_facts_changed(self) -> Iterator[Document]:
        for key, facts in self._facts_kept.items():
            stored = self.removed.get(key)
            before = table.read(stored, RemovedFacts) if stored else RemovedFacts()
            after = RemovedFacts(
                before.debts | facts.debts, before.consents | facts.consents, before.answers | facts.answers
            )
            if after != before and self.scope.recipient_key:
                pk = table.removed_facts(self.void.party, self.scope.recipient_key)
                yield table.write(Key(pk, key.sk), stored, after)

    def contents_changed(self) -> Iterator[Document]:
        """A voided content may be stated again, and is then not "unchanged"; undone, it is known again."""
        subject = {table.content(one.verified.kind, one.verified.content): one for one in self.subject()}
        for keys in chunks(list(subject), MAX_KEYS_READ):
            stored = self._documents.get(keys)
            for key, document in stored.items():
                one = subject[key]
                if table.is_removed(document) and not one.voided:
                    yield table.write(key, document, StatementContent(one.verified.statement_id))
                elif not table.is_removed(document) and one.voided:
                    first = table.read(document, StatementContent).statement
                    if first in self.statements and self.statements[first].voided:
                        yield table.remove(document, self.now)

    def heads_of(self, group: Sequence[Document]) -> list[Document]:
        """The heads of the chains that concern these states, with the next version."""
        names = {_chain_of(one.key) for one in group if one.key.pk in self.pks}
        changed = {of: one._replace(version=one.version + 1) for of, one in self.heads.items() if of in names}
        self.heads |= changed
        return list(changed.values())


def _merged(found: _ScopeStates, deps: VoidStatesDeps, uploads: dict[str, datetime]) -> dict[Key, FactState | None]:
    """The states that this void concerns, as they must be; None for one that must not exist."""
    records = {name: one.record for name, one in found.statements.items()}
    remerge = Remerge(deps.documents, deps.pseudonyms, deps.rules, found.pks, deps.source.decision, records)
    answers: dict[Key, dict[str, DisputeAnswer]] = {}
    for key, state in found.states.items():
        kept = _kept(state, found)
        if kept is not None:
            remerge.states[key] = kept
        if isinstance(state, DebtState):
            answers[key] = {name: one for name, one in state.answers.items() if not found.is_gone(one.statement)}
    for key, document in found.removed.items():
        _restore(key, table.read(document, RemovedFacts), found, remerge.states, answers)
    for one in found.remaining():
        remerge.add(one.record.issuer, one.verified)
    concerned = _concerned(found, remerge)
    for key in concerned:
        merged = remerge.states.get(key)
        if isinstance(merged, DebtState) and answers.get(key):
            remerge.states[key] = structs.replace(merged, answers={**answers[key], **merged.answers})
        _keep_voided(key, found)
        _drop_doubtful(key, found, remerge.states, uploads)
    return {key: remerge.states.get(key) for key in concerned}


def _concerned(found: _ScopeStates, remerge: Remerge) -> set[Key]:
    """The keys of the states that the statements of this void may have changed.

    A dispute may have folded others, and have made the answer to another one useless, so all disputes and debts of its
    creditor are concerned.
    """
    keys: set[Key] = set()
    creditors: set[str] = set()
    for one in found.subject():
        keys |= {slot_key(one.verified.partition, slot) for slot in remerge.slots(one.record.issuer, one.verified)}
        if isinstance(one.verified.statement, DisputeStatement):
            creditors.add(one.verified.statement.creditor)
    own = found.void.party
    for key, state in found.states.items():
        if any(is_row(name) and found.is_gone(name) for name in named_in(state)) and _owner(key) == own:
            keys.add(key)
    keys |= set(found.removed)
    for key in (*found.states, *remerge.states):
        if key.sk[:2] in (f"{DISPUTE}#", f"{DEBT}#") and _owner(key) in creditors:
            keys.add(key)
    return keys


def _changes(found: _ScopeStates, merged: dict[Key, FactState | None]) -> Iterator[Document]:
    for key, state in sorted(merged.items()):
        stored = found.documents.get(key)
        if state is None:
            if stored is not None and not table.is_removed(stored):
                yield table.remove(stored, found.now)
        elif found.states.get(key) != state:
            yield table.write(key, stored, state)


def _kept(state: FactState, found: _ScopeStates) -> FactState | None:
    """The components of a state that rest on statements that remain. Disputes are merged anew, because how they fold
    depends on the others, unless nothing holds their statements any longer."""
    gone: Callable[[str], bool] = found.is_gone
    match state:
        case ConsentState(consent=consent, revoked=revoked):
            consent = None if consent is None or gone(consent.statement) else consent
            revoked = None if revoked is None or gone(revoked.statement) else revoked
            return ConsentState(consent, revoked) if consent or revoked else None
        case StopState(stopped=stopped, lifted=lifted):
            stopped = None if stopped is None or gone(stopped.statement) else stopped
            lifted = None if lifted is None or gone(lifted.statement) else lifted
            return StopState(stopped, lifted) if stopped or lifted else None
        case DebtState(newest=newest, answers=answers):
            remaining = {name: one for name, one in answers.items() if not gone(one.statement)}
            return None if gone(newest.statement) else DebtState(newest, remaining)
        case NumberState(reassigned=reassigned):
            return None if gone(reassigned.statement) else state
        case Mandate(statement=statement) | Route(statement=statement):
            return None if gone(statement) else state
        case Dispute(statement=statement):
            return None if statement in found.statements else state
    raise TypeError(f"{type(state).__name__} cannot be merged anew")


def _restore(
    key: Key,
    facts: RemovedFacts,
    found: _ScopeStates,
    states: dict[Key, FactState],
    answers: dict[Key, dict[str, DisputeAnswer]],
) -> None:
    """Put back what an undone void had removed."""
    answers.setdefault(key, {}).update(
        {name: one for name, one in facts.answers.items() if not found.is_gone(one.statement)}
    )
    state = states.get(key)
    for debt in facts.debts.values():
        if not found.is_gone(debt.statement) and isinstance(state, DebtState | None):
            newest = state.newest if state else debt
            state = DebtState(max(newest, debt, key=lambda one: one.at), state.answers if state else {})
            states[key] = state
    for consent in facts.consents.values():
        if not found.is_gone(consent.statement) and isinstance(state, ConsentState | None):
            state = state or ConsentState()
            newer = max(state.consent or consent, consent, key=lambda one: one.at)
            state = structs.replace(state, consent=newer)
            states[key] = state


def _keep_voided(key: Key, found: _ScopeStates) -> None:
    """Keep the voided consent or debt of a stored state, so that it can be put back."""
    state = found.states.get(key)
    facts = RemovedFacts()
    if isinstance(state, DebtState):
        debts = {one.statement: one for one in (state.newest,) if found.is_gone(one.statement)}
        answers = {name: one for name, one in state.answers.items() if found.is_gone(one.statement)}
        facts = RemovedFacts(debts=debts, answers=answers)
    elif isinstance(state, ConsentState) and state.consent and found.is_gone(state.consent.statement):
        facts = RemovedFacts(consents={state.consent.statement: state.consent})
    if facts != RemovedFacts():
        found.keep_facts(key, facts)


def _drop_doubtful(key: Key, found: _ScopeStates, states: dict[Key, FactState], uploads: dict[str, datetime]) -> None:
    """An older debt or consent is not revived if a row of a file may have replaced it: such a row exists nowhere once
    a newer one has replaced it, and it may have settled the debt."""
    before, after = found.states.get(key), states.get(key)
    if _owner(key) != found.void.party:
        return
    if isinstance(after, DebtState):
        newest = before.newest if isinstance(before, DebtState) else None
        if found.is_revived(key, newest, after.newest) and _may_be_replaced(after.newest, uploads.get("debt")):
            del states[key]
    elif isinstance(after, ConsentState) and after.consent:
        consent = before.consent if isinstance(before, ConsentState) else None
        if found.is_revived(key, consent, after.consent) and _may_be_replaced(after.consent, uploads.get("consent")):
            if after.revoked is None:
                del states[key]
            else:
                states[key] = structs.replace(after, consent=None)


def _may_be_replaced(fact: Debt | Consent, last_file: datetime | None) -> bool:
    """Whether a row of a file may be newer than this: no row is dated after its file was announced."""
    return last_file is not None and fact.at <= last_file


def named_in(state: FactState) -> Iterator[str]:
    """The ids of the statements that a state rests on."""
    match state:
        case ConsentState(consent=consent, revoked=revoked):
            yield from (one.statement for one in (consent, revoked) if one)
        case StopState(stopped=stopped, lifted=lifted):
            yield from (one.statement for one in (stopped, lifted) if one)
        case DebtState(newest=newest, answers=answers):
            yield newest.statement
            yield from (one.statement for one in answers.values())
        case NumberState(reassigned=reassigned):
            yield reassigned.statement
        case Dispute(statement=statement, also=also):
            yield from (statement, *also)
        case Mandate(statement=statement) | Route(statement=statement):
            yield statement


def _owner(key: Key) -> str:
    """The creditor of a state, or `*`."""
    return key.sk.partition("#")[2].partition("#")[0]


def _chain_of(key: Key) -> str:
    return "*" if key.sk == NUMBER else _owner(key)
