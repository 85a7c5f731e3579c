"""Merge: the effect of one statement on the facts, kind by kind, by the time of the fact and not of its arrival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import NamedTuple, TypeVar

from msgspec import structs

from duecare.ports import Document, Documents, Key
from duecare.usecases import table
from duecare.usecases.verify.stored_decision import unpack
from duecare_core.domain.facts import merge as merging
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import (
    ConsentRevocationStatement,
    ConsentStatement,
    DebtStatement,
    DeliveryStatement,
    DisputeStatement,
    MandateStatement,
    NumberReassignmentStatement,
    OptOutStatement,
    ReplyStatement,
    Statement,
)
from duecare_core.domain.facts.states import (
    ConsentState,
    Debt,
    DebtState,
    Dispute,
    Mandate,
    NumberState,
    Occurrence,
    StopState,
)
from duecare_core.domain.reconciliation import Delivery
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import Conflict, NotAllowed, NotFound, Unacceptable, Violation
from duecare_core.evidence.pseudonyms import Pseudonyms

State = TypeVar("State")

# Every verify reads them: nobody may make one recipient's partition grow without end.
MAX_DISPUTES = 50


class VerifiedStatement(NamedTuple):
    """A verified statement. `content` is a keyed digest of what it says, `recipient` the pseudonym of whom it names."""

    kind: str
    statement: Statement
    statement_id: str
    content: str
    recipient: str | None

    @property
    def partition(self) -> str:
        return table.recipient(self.recipient or "")


class Effect(NamedTuple):
    """The documents to write, and what the caller is told."""

    documents: list[Document]
    status: str
    read_as: str | None = None
    same_as: str | None = None


class StatementEffects:
    """Reads the state that a statement touches and answers what it becomes; writes nothing itself."""

    def __init__(self, documents: Documents, pseudonyms: Pseudonyms, rules: Rules) -> None:
        self._documents = documents
        self._pseudonyms = pseudonyms
        self._rules = rules

    def known(self, stated: VerifiedStatement) -> Effect:
        """The same JWS again changes nothing; a reply is still told how it was read."""
        read_as = None
        if isinstance(stated.statement, ReplyStatement):
            read_as = read_reply(stated.statement.text, self._rules, stated.statement.received_at).value
        return Effect([], "unchanged", read_as)

    def __call__(self, party: Party, stated: VerifiedStatement) -> Effect:  # noqa: PLR0911  one return a kind
        """Raises RequestError where the statement conflicts with another or speaks of what is not the party's."""
        match stated.statement:
            case ConsentStatement() as consent:
                return self._consent(stated, consent)
            case ConsentRevocationStatement() as revocation:
                return self._revocation(party, stated, revocation)
            case DebtStatement() as debt:
                return self._debt(stated, debt)
            case MandateStatement() as mandate:
                return self._mandate(stated, mandate)
            case ReplyStatement() as reply:
                return self._reply(party, stated, reply)
            case OptOutStatement() as opt_out:
                return self._opt_out(party, stated, opt_out)
            case DisputeStatement() as dispute:
                return self._dispute(party, stated, dispute)
            case NumberReassignmentStatement() as reassignment:
                return self._reassignment(stated, reassignment)
            case DeliveryStatement() as delivery:
                return self._delivery(stated, delivery)
        raise AssertionError(f"no effect is written for {stated.kind}")

    def _consent(self, stated: VerifiedStatement, said: ConsentStatement) -> Effect:
        consent = merging.consent(said, stated.statement_id, stated.content, self._subject(said.subject))
        keys = [table.consent(stated.partition, said.iss, channel) for channel in sorted(set(said.channels))]
        changed, after = self._merged(keys, ConsentState, lambda state: merging.with_consent(state, consent))
        same = [state.consent for state in after if state.consent and state.consent.content == consent.content]
        return _told(changed, same_as=same[0].statement if same else None)

    def _revocation(self, party: Party, stated: VerifiedStatement, said: ConsentRevocationStatement) -> Effect:
        self._own_or_any(party, said.creditor)
        mark = Occurrence(said.revoked_at, stated.statement_id)
        channels = sorted(set(said.channels)) if said.channels else ["*"]
        keys = [table.consent(stated.partition, said.creditor, channel) for channel in channels]
        changed, after = self._merged(keys, ConsentState, lambda state: merging.with_revocation(state, mark))
        same = [state.revoked for state in after if state.revoked and state.revoked.at == mark.at]
        return _told(changed, same_as=same[0].statement if same else None)

    def _debt(self, stated: VerifiedStatement, said: DebtStatement) -> Effect:
        key = table.debt(stated.partition, said.iss, said.debt_ref)
        if said.answers_dispute is not None:
            self._check_dispute(stated, said, said.answers_dispute)
        debt = merging.debt(said, stated.statement_id, stated.content, self._subject(said.subject))
        changed, (after,) = self._merged(
            [key], DebtState, lambda state: merging.with_debt(state, debt, said.answers_dispute)
        )
        if after.newest is debt:
            return _told(changed)
        # An older statement: told as unchanged, and yet kept where the earliest date or an answer hangs on it.
        return Effect(changed, "unchanged", same_as=_same(after.newest, debt))

    def _check_dispute(self, stated: VerifiedStatement, said: DebtStatement, answered: str) -> None:
        """A debt can only answer a dispute that this recipient has with this creditor, about this debt or about all."""
        documents = self._documents.partition(stated.partition, table.disputes(said.iss))
        for document in documents:
            dispute = table.read(document, Dispute)
            if dispute.statement == answered and dispute.debt_ref in (None, said.debt_ref):
                return
        raise Unacceptable(
            "answers_dispute names no dispute that this recipient has over this debt with this creditor.",
            name="unknown-dispute",
            errors=(Violation("/answers_dispute", "unknown-dispute", "not the statement_id of such a dispute"),),
        )

    def _mandate(self, stated: VerifiedStatement, said: MandateStatement) -> Effect:
        key = table.mandate(said.iss, said.collector)
        mandate = merging.mandate(said, stated.statement_id, stated.content)
        changed, (after,) = self._merged([key], Mandate, lambda state: merging.newest(state, mandate))
        return _told(changed, same_as=_same(after, mandate))

    def _reply(self, party: Party, stated: VerifiedStatement, said: ReplyStatement) -> Effect:
        meaning = read_reply(said.text, self._rules, said.received_at)
        creditor = said.creditor or self._creditor_of(party, stated, said.message_id or "")
        self._registered(creditor)
        if meaning is Reply.NONE:
            return Effect([], "accepted", meaning.value)
        merge = merging.with_stop if meaning is Reply.OPT_OUT else merging.with_start
        return self._stop(stated, creditor, merge, Occurrence(said.received_at, stated.statement_id), meaning.value)

    def _creditor_of(self, party: Party, stated: VerifiedStatement, message_id: str) -> str:
        """For whom the message was sent that the recipient answers."""
        key = table.decision(self._pseudonyms.decision_id(party.id, message_id))
        document = self._documents.get([key]).get(key)
        if document is None:
            raise NotFound("No message was verified under this message_id; give the creditor.", name="unknown-message")
        decided = unpack(document)
        if decided.envelope.recipient_key != stated.recipient:
            raise Unacceptable("That message was to another recipient.", name="another-recipient")
        return decided.record.creditor

    def _opt_out(self, party: Party, stated: VerifiedStatement, said: OptOutStatement) -> Effect:
        if said.creditor != "*":
            self._own_or_any(party, said.creditor)
        return self._stop(stated, said.creditor, merging.with_stop, Occurrence(said.received_at, stated.statement_id))

    def _stop(
        self,
        stated: VerifiedStatement,
        creditor: str,
        merge: merging.StopMerge,
        mark: Occurrence,
        read_as: str | None = None,
    ) -> Effect:
        changed, _ = self._merged([table.stop(stated.partition, creditor)], StopState, lambda state: merge(state, mark))
        return _told(changed, read_as)

    def _dispute(self, party: Party, stated: VerifiedStatement, said: DisputeStatement) -> Effect:
        self._own_or_any(party, said.creditor)
        key = table.dispute(stated.partition, said.creditor, stated.content)
        before = table.find(self._documents.get([key]), key, Dispute)
        if before is not None:
            return Effect([], "unchanged", same_as=before.statement)
        standing = self._documents.partition(stated.partition, table.disputes(said.creditor))
        if len(standing) >= MAX_DISPUTES:
            raise Conflict(
                f"This recipient has {MAX_DISPUTES} disputes with this creditor already; they block as they stand.",
                name="too-many-disputes",
            )
        dispute = Dispute(at=said.received_at, statement=stated.statement_id, claim=said.claim, debt_ref=said.debt_ref)
        return Effect([table.write(key, None, dispute)], "accepted")

    def _reassignment(self, stated: VerifiedStatement, said: NumberReassignmentStatement) -> Effect:
        mark = Occurrence(said.effective_at, stated.statement_id)
        changed, _ = self._merged(
            [table.number(stated.partition)], NumberState, lambda state: merging.with_reassignment(state, mark)
        )
        return _told(changed)

    def _delivery(self, stated: VerifiedStatement, said: DeliveryStatement) -> Effect:
        """Each instant stands for itself: that a message was delivered twice is for reconciliation to tell."""
        delivery = Delivery(
            message_id=said.message_id,
            at=said.at.astimezone(UTC),
            status=said.status,
            text_sha256=said.text_sha256,
            statement=stated.statement_id,
        )
        key = table.delivery(said.iss, said.message_id, said.at)
        before = table.find(self._documents.get([key]), key, Delivery)
        if before is None:
            return Effect([table.write(key, None, delivery)], "accepted")
        if structs.replace(before, statement=delivery.statement) != delivery:
            raise Conflict("Another statement of this message and instant says something else.")
        return Effect([], "unchanged", same_as=before.statement)

    def _subject(self, digest: str | None) -> str | None:
        """Only ever compared, so it is kept under the pepper: a plain digest of an identity number can be guessed."""
        return None if digest is None else self._pseudonyms.content(digest.encode())

    def _merged(
        self, keys: Sequence[Key], kind: type[State], merge: Callable[[State | None], State]
    ) -> tuple[list[Document], list[State]]:
        """Merge into the states under these keys: the documents that change, and every state as it is afterwards."""
        found = self._documents.get(keys)
        changed, states = [], []
        for key in keys:
            before = table.find(found, key, kind)
            after = merge(before)
            if after != before:
                changed.append(table.write(key, found.get(key), after))
            states.append(after)
        return changed, states

    def _own_or_any(self, party: Party, creditor: str) -> None:
        """A gateway speaks for recipients of any creditor, a creditor for its own, a collector for those of creditors
        whose mandate it holds. Raises RequestError."""
        self._registered(creditor)
        if "gateway" in party.roles or ("creditor" in party.roles and party.id == creditor):
            return
        mandate = table.mandate(creditor, party.id)
        if "collector" not in party.roles or mandate not in self._documents.get([mandate]):
            raise NotAllowed("This party may not speak about that creditor's recipients.", name="not-its-own")

    def _registered(self, creditor: str) -> None:
        """A stop under a mistyped id would protect nobody, so it is refused rather than kept."""
        party = table.find_party(self._documents.get([table.party(creditor)]), creditor)
        if party is None or "creditor" not in party.roles:
            raise NotFound("No creditor is registered under this id.", name="unknown-creditor")


def _told(changed: list[Document], read_as: str | None = None, same_as: str | None = None) -> Effect:
    if changed:
        return Effect(changed, "accepted", read_as)
    return Effect([], "unchanged", read_as, same_as)


def _same(standing: Debt | Mandate, stated: Debt | Mandate) -> str | None:
    """The statement that stands, where it says the same."""
    return standing.statement if standing.content == stated.content else None
