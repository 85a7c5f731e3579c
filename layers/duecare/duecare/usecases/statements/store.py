"""Stores one verified statement: merge → acknowledge → seal → one transaction of states, chain and statement.

The transaction is conditional on every version that was read. A writer that loses reads again, and then finds what the
other one stored. If the response of a transaction is lost, the statement is found under its id when it is stated again,
and the same acknowledgement is made again.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct, structs

from duecare.ports import Backoff, Document, Documents, Key, Sealer
from duecare.usecases import table
from duecare.usecases.retry import retry_on_conflict
from duecare.usecases.statements.acknowledge import Acknowledge
from duecare.usecases.statements.chains import extend
from duecare.usecases.statements.debt_limit import guard_of_added_debt
from duecare.usecases.statements.effects import Effect, StatementEffects, VerifiedStatement
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import DebtStatement
from duecare_core.errors import RequestError
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.statement import EffectName, SealedStatement, StatementRecord

# All that a recipient does concerning one creditor changes the head of one chain, so writers conflict more often.
MAX_ATTEMPTS = 12


class StatementContent(Struct, frozen=True):
    """The first statement of one content. It is stored with the statement, so that of two statements of one content
    only one is accepted, in whatever order newer ones arrived."""

    statement: str


class StatementResult(NamedTuple):
    """The answer to one statement. `status`: `accepted`, `unchanged` (already known) or `rejected` (with its problem).

    `read_as`: how a reply was read. `same_as`: the id of the earlier statement whose content this one repeats. `effect`
    and `acknowledgement` (a compact JWS): None if it is rejected. A statement that is unchanged has those of the first
    one; no acknowledgement, if the first one is no longer in the table, or was a row of a file.
    """

    statement_id: str
    status: str
    problem: RequestError | None = None
    read_as: str | None = None
    same_as: str | None = None
    effect: EffectName | None = None
    acknowledgement: str | None = None


class StoreStatement:
    def __init__(
        self,
        *,
        documents: Documents,
        sealer: Sealer,
        effects: StatementEffects,
        acknowledge: Acknowledge,
        backoff: Backoff,
    ) -> None:
        self._documents = documents
        self._sealer = sealer
        self._effects = effects
        self._acknowledge = acknowledge
        self._backoff = backoff

    def __call__(self, party: Party, verified: VerifiedStatement, kid: str, token: str) -> StatementResult:
        """`kid` and `token`: the key that signed it, and its JWS. Raises RequestError, CannotDecide."""
        contention = "other writers kept changing the same recipient's facts"
        return retry_on_conflict(
            lambda: self._attempt(party, verified, kid, token),
            attempts=MAX_ATTEMPTS,
            contention=contention,
            backoff=self._backoff,
        )

    def _attempt(self, party: Party, verified: VerifiedStatement, kid: str, token: str) -> StatementResult:
        """Raises VersionConflict if another writer was faster."""
        key, content_key = table.statement(verified.statement_id), table.content(verified.kind, verified.content)
        found = self._documents.get([key, content_key])
        stored = table.find(found, key, StatementRecord)
        if stored is not None:
            return self._known(verified, stored)
        effect = self._effect(party, verified, table.find(found, content_key, StatementContent))
        if effect.status == "unchanged":
            return self._repeated(party, verified, effect, kid, token, found.get(key))
        record, documents = self._accepted(party, verified, effect, kid)
        acknowledgement = self._acknowledge(verified.statement_id, record, verified.statement)
        first = table.write(content_key, found.get(content_key), StatementContent(verified.statement_id))
        self._commit(key, found.get(key), record, SealedStatement(token, acknowledgement), [*documents, first])
        return _result(verified, effect, record, acknowledgement)

    def _effect(self, party: Party, verified: VerifiedStatement, first: StatementContent | None) -> Effect:
        """The effect of a statement whose content was first stated by `first`. Raises RequestError."""
        if first is None:
            return self._effects(party, verified)
        known = self._effects.known(verified)._replace(same_as=first.statement)
        if self._effects.has_no_state_left(verified):
            return self._effects(party, verified)
        # The state of a dispute names the ids under which it was stated, unless a newer one has replaced it.
        repeated = self._effects(party, verified) if verified.kind == "dispute" else known
        return repeated if repeated.status == "unchanged" else known

    def _accepted(
        self, party: Party, verified: VerifiedStatement, effect: Effect, kid: str
    ) -> tuple[StatementRecord, list[Document]]:
        """The record of an accepted statement, and the documents of its effect and of its chain or, if it adds a debt,
        the guard of the number of debts. Raises Conflict if there are too many."""
        superseded_by = self._acknowledge.readable(party, effect.superseded_by)
        record = structs.replace(_record(party, verified, kid, effect.effect), superseded_by=superseded_by)
        if isinstance(verified.statement, DebtStatement) and effect.added_debt:
            creditor, debt_ref = verified.statement.iss, verified.statement.debt_ref
            place = verified.partition, creditor, debt_ref
            guard = guard_of_added_debt(self._documents, *place, effect.added_debt, verified.accepted_at)
            return record, [*effect.documents, guard]
        if effect.chain_of is None or verified.recipient_key is None:
            return record, effect.documents
        chain = extend(self._documents, verified.recipient_key, effect.chain_of, verified.statement_id)
        return structs.replace(record, chain=chain.head), [*effect.documents, *chain.documents]

    def _known(self, verified: VerifiedStatement, stored: StatementRecord) -> StatementResult:
        """The result of a JWS that is stored already."""
        effect = self._effects.known(verified)._replace(same_as=stored.same_as)
        return _result(verified, effect, *self._first(verified, verified.statement_id, stored))

    def _repeated(
        self,
        party: Party,
        verified: VerifiedStatement,
        effect: Effect,
        kid: str,
        token: str,
        erased: Document | None,
    ) -> StatementResult:
        """The result of a statement whose content is known, with the first acknowledgement if it was this party's.

        A dispute is stored all the same, because the debt that answers it may name its id.
        """
        same_as = effect.same_as or ""
        first = self._acknowledge.record_of(same_as) if same_as else None
        own = first if first and first.issuer == party.id else None
        result = _result(verified, effect, *self._first(verified, same_as, own))
        if verified.kind == "dispute" and same_as:
            record = structs.replace(_record(party, verified, kid, result.effect), same_as=same_as)
            sealed = SealedStatement(token, result.acknowledgement)
            key = table.statement(verified.statement_id)
            self._commit(key, erased, record, sealed, effect.documents)
        return result

    def _first(
        self, verified: VerifiedStatement, statement_id: str, record: StatementRecord | None
    ) -> tuple[StatementRecord | None, str | None]:
        """The record of the first statement of this content and its acknowledgement. `record`: of `statement_id`."""
        if record and record.same_as:
            statement_id, record = record.same_as, self._acknowledge.record_of(record.same_as)
        if record is None:
            return None, None
        return record, self._acknowledge(statement_id, record, verified.statement)

    def _commit(
        self,
        key: Key,
        erased: Document | None,
        record: StatementRecord,
        content: SealedStatement,
        others: list[Document],
    ) -> None:
        """Write the statement and the other documents in one transaction. `erased`: what an erasure has left under the
        key. Raises VersionConflict, CannotDecide."""
        sealed = self._sealer.seal(content.encode())
        on_file = structs.replace(record, sealed_sha256=digest(sealed))
        self._documents.commit([*others, table.write(key, erased, on_file, sealed)])


def _record(party: Party, verified: VerifiedStatement, kid: str, effect: EffectName | None) -> StatementRecord:
    return StatementRecord(
        kind=verified.kind,
        issuer=party.id,
        kid=kid,
        received_at=verified.accepted_at,
        recipient_key=verified.recipient_key,
        effect=effect,
    )


def _result(
    verified: VerifiedStatement, effect: Effect, record: StatementRecord | None, acknowledgement: str | None
) -> StatementResult:
    """`record`: of the statement that is acknowledged, None if there is none."""
    return StatementResult(
        verified.statement_id,
        effect.status,
        read_as=effect.read_as,
        same_as=effect.same_as,
        effect=(record.effect if record else None) or effect.effect,
        acknowledgement=acknowledgement,
    )
