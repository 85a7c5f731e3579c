"""The effect of one statement: the documents that it changes and the answer to the party that states it.

Facts merge by the time of the fact, not of its arrival (duecare_core.domain.facts.merge). This module adds the
rest: who may speak for which recipient, whether the things that a statement refers to exist, and the keys of states.
"""

from __future__ import annotations

from datetime import UTC
from typing import Literal, NamedTuple

from msgspec import structs

from duecare.ports import Document, Documents, Key
from duecare.usecases import table
from duecare.usecases.verify.stored_decision import unpack
from duecare_core.domain.facts.merge import FactSlot, FactState, MergeInput, merge, touched_slots
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import (
    ConsentRevocationStatement,
    ConsentStatement,
    DebtStatement,
    DeliveryStatement,
    DisputeStatement,
    OptOutStatement,
    ReplyStatement,
    Statement,
    StatementKind,
)
from duecare_core.domain.facts.states import ConsentState, DebtState, Dispute, Mandate, NumberState, StopState
from duecare_core.domain.fields import RecipientKey
from duecare_core.domain.reconciliation import Delivery
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import Conflict, NotAllowed, NotFound, Unacceptable, Violation
from duecare_core.evidence.pseudonyms import Pseudonyms

# Every verify reads all disputes of a recipient, so this partition must not grow without limit.
MAX_DISPUTES = 50


class VerifiedStatement(NamedTuple):
    """A statement whose signature and members were checked. `content`: a keyed digest of its members without `iat`.
    `recipient`: the recipient's key (an HMAC), or None if the statement names no recipient."""

    kind: StatementKind
    statement: Statement
    statement_id: str
    content: str
    recipient_key: RecipientKey | None

    @property
    def partition(self) -> str:
        return table.recipient(self.recipient_key or RecipientKey(""))


class Effect(NamedTuple):
    """The documents to write, and the members of the answer: `status` (`accepted` or `unchanged`), `read_as` (how a
    reply was read) and `same_as` (the id of an earlier statement with the same content).

    `effect`: whether the statement is `in_force`, is `superseded` by a newer one (`superseded_by`) or has no effect on
    decisions (`none`). `chain_of`: the recipient's chain that it belongs to (a creditor's id, or `*`), or None.
    """

    documents: list[Document]
    status: str
    read_as: str | None = None
    same_as: str | None = None
    effect: Literal["in_force", "superseded", "none"] = "in_force"
    superseded_by: str | None = None
    chain_of: str | None = None


class StatementEffects:
    """Reads the states that a statement touches and returns what to write. Writes nothing itself."""

    def __init__(self, documents: Documents, pseudonyms: Pseudonyms, rules: Rules) -> None:
        self._documents = documents
        self._pseudonyms = pseudonyms
        self._rules = rules

    def known(self, verified: VerifiedStatement) -> Effect:
        """The effect of a JWS that is stored already: nothing changes, and a reply is answered as before."""
        reply = self._read(verified.statement)
        return Effect([], "unchanged", reply.value if reply else None)

    def __call__(self, party: Party, verified: VerifiedStatement) -> Effect:
        """Raises RequestError if the statement conflicts with another one, or if the party may not state it."""
        if isinstance(verified.statement, DeliveryStatement):
            return self._delivery(verified, verified.statement)
        incoming = self._merge_input(party, verified)
        read_as = incoming.reply.value if incoming.reply else None
        slots = touched_slots(incoming)
        if not slots:
            return Effect([], "accepted", read_as)  # a reply without meaning: stored, changes nothing
        keys = [slot_key(verified.partition, slot) for slot in slots]
        found = self._documents.get(keys)
        documents: list[Document] = []
        accepted = False
        same_as: str | None = None
        for slot, key in zip(slots, keys, strict=True):
            before = table.find(found, key, slot.state)
            if before is None and slot.state is Dispute:
                self._check_dispute_limit(verified.partition, slot.creditor)
            after = merge(before, incoming)
            if after != before:
                documents.append(table.write(key, found.get(key), after))
                accepted = accepted or _is_news(before, after)
            same_as = same_as or _same_content(after, incoming)
        if accepted:
            return Effect(documents, "accepted", read_as)
        return Effect(documents, "unchanged", read_as, same_as)

    def _merge_input(self, party: Party, verified: VerifiedStatement) -> MergeInput:
        """The statement as merging reads it, after a check of everything that it refers to. Raises RequestError."""
        statement = verified.statement
        subject, creditor, reply = None, "", None
        match statement:
            case DebtStatement():
                self._check_answered_dispute(verified, statement)
                subject = self._keyed_subject(statement.subject)
            case ConsentStatement():
                subject = self._keyed_subject(statement.subject)
            case ReplyStatement():
                creditor = statement.creditor or self._creditor_of(party, verified, statement.message_id or "")
                self._check_registered(creditor)
                reply = self._read(statement)
            case OptOutStatement(creditor="*"):
                pass
            case ConsentRevocationStatement() | OptOutStatement() | DisputeStatement():
                self._check_may_speak_for(party, statement.creditor)
        return MergeInput(statement, verified.statement_id, verified.content, subject, creditor, reply)

    def _read(self, statement: Statement) -> Reply | None:
        if isinstance(statement, ReplyStatement):
            return read_reply(statement.text, self._rules, statement.received_at)
        return None

    def _keyed_subject(self, digest: str | None) -> str | None:
        """Subjects are only compared, so a keyed digest is enough: the plain digest of an identity number can be
        guessed."""
        return None if digest is None else self._pseudonyms.content(digest.encode())

    def _check_answered_dispute(self, verified: VerifiedStatement, debt: DebtStatement) -> None:
        """A debt answers only a dispute that this recipient has with this creditor, about this debt or about all.
        Raises Unacceptable."""
        answered = debt.answers_dispute
        if answered is None:
            return
        for document in self._documents.partition(verified.partition, table.disputes(debt.iss)):
            dispute = table.read(document, Dispute)
            if dispute.statement == answered and dispute.debt_ref in (None, debt.debt_ref):
                return
        raise Unacceptable(
            "answers_dispute names no dispute that this recipient has over this debt with this creditor.",
            name="unknown-dispute",
            errors=(Violation("/answers_dispute", "unknown-dispute", "not the statement_id of such a dispute"),),
        )

    def _check_dispute_limit(self, partition: str, creditor: str) -> None:
        if len(self._documents.partition(partition, table.disputes(creditor))) >= MAX_DISPUTES:
            raise Conflict(
                f"This recipient has {MAX_DISPUTES} disputes with this creditor already; they block as they stand.",
                name="too-many-disputes",
            )

    def _creditor_of(self, party: Party, verified: VerifiedStatement, message_id: str) -> str:
        """The creditor of the message that the recipient replied to. Raises RequestError."""
        key = table.decision(self._pseudonyms.decision_id(party.id, message_id))
        document = self._documents.get([key]).get(key)
        if document is None:
            raise NotFound("No message was verified under this message_id; give the creditor.", name="unknown-message")
        decided = unpack(document)
        if decided.envelope.recipient_key != verified.recipient_key:
            raise Unacceptable("That message was to another recipient.", name="another-recipient")
        return decided.record.creditor

    def _delivery(self, verified: VerifiedStatement, statement: DeliveryStatement) -> Effect:
        """Every instant is stored on its own: reconciliation finds messages that were delivered twice."""
        delivery = Delivery(
            message_id=statement.message_id,
            at=statement.at.astimezone(UTC),
            status=statement.status,
            text_sha256=statement.text_sha256,
            statement=verified.statement_id,
        )
        key = table.delivery(statement.iss, statement.message_id, statement.at)
        before = table.find(self._documents.get([key]), key, Delivery)
        if before is None:
            return Effect([table.write(key, None, delivery)], "accepted")
        if structs.replace(before, statement=delivery.statement) != delivery:
            raise Conflict("Another statement of this message and instant says something else.")
        return Effect([], "unchanged", same_as=before.statement)

    def _check_may_speak_for(self, party: Party, creditor: str) -> None:
        """A gateway speaks for the recipients of any creditor, a creditor for its own, a collector for those of
        creditors that gave it a mandate. Raises RequestError."""
        self._check_registered(creditor)
        if "gateway" in party.roles or ("creditor" in party.roles and party.id == creditor):
            return
        mandate = table.mandate(creditor, party.id)
        if "collector" not in party.roles or mandate not in self._documents.get([mandate]):
            raise NotAllowed("This party may not speak about that creditor's recipients.", name="not-its-own")

    def _check_registered(self, creditor: str) -> None:
        """Raises NotFound: a stop stored under a mistyped id would protect nobody."""
        party = table.find_party(self._documents.get([table.party(creditor)]), creditor)
        if party is None or "creditor" not in party.roles:
            raise NotFound("No creditor is registered under this id.", name="unknown-creditor")


def slot_key(partition: str, slot: FactSlot) -> Key:
    """Where the table keeps this state; `partition` is the recipient's."""
    kind, creditor, item = slot
    if kind is ConsentState:
        return table.consent(partition, creditor, item)
    if kind is DebtState:
        return table.debt(partition, creditor, item)
    if kind is StopState:
        return table.stop(partition, creditor)
    if kind is Dispute:
        return table.dispute(partition, creditor, item)
    if kind is Mandate:
        return table.mandate(creditor, item)
    if kind is NumberState:
        return table.number(partition)
    raise TypeError(f"{kind.__name__} has no key in the table")


def _is_news(before: FactState | None, after: FactState) -> bool:
    """An older confirmation of a debt is answered as unchanged, though it may move `first` or answer a dispute."""
    return not (isinstance(after, DebtState) and isinstance(before, DebtState) and after.newest == before.newest)


def _same_content(state: FactState, incoming: MergeInput) -> str | None:
    """The statement in this state, if it says the same as this one."""
    match state:
        case ConsentState(revoked=revoked) if isinstance(incoming.statement, ConsentRevocationStatement):
            return revoked.statement if revoked and revoked.at == incoming.statement.revoked_at else None
        case ConsentState(consent=consent):
            return consent.statement if consent and consent.content == incoming.content else None
        case DebtState(newest=newest) | (Mandate() as newest):
            return newest.statement if newest.content == incoming.content else None
        case Dispute():
            return state.statement
    return None
