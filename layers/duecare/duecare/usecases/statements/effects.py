"""The effect of one statement: the documents that it changes and the answer to the party that states it.

Facts merge by the time of the fact, not of its arrival (duecare_core.domain.facts.merge). This module adds the
rest: who may speak for which recipient, whether the things that a statement refers to exist, and the keys of states.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from msgspec import structs

from duecare.ports import Document, Documents, Key
from duecare.usecases import table
from duecare.usecases.statements.current import (
    awaits_confirmation,
    current_statement,
    same_content,
    start_counts,
    voided_by,
    voiding_slots,
)
from duecare.usecases.statements.debt_limit import adds_debt
from duecare.usecases.verify.stored_decision import PastAllow, past_allows, summary
from duecare_core.domain.facts.merge import (
    EVERY,
    MAX_DISPUTED_DEBTS,
    FactSlot,
    FactState,
    MergeInput,
    merge,
    touched_slots,
)
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import (
    DATED_AHEAD,
    ConsentRevocationStatement,
    ConsentStatement,
    DebtStatement,
    DeliveryStatement,
    DisputeStatement,
    NumberReassignmentStatement,
    OptOutStatement,
    ReplyStatement,
    Statement,
    StatementKind,
    dated_ahead,
)
from duecare_core.domain.facts.states import (
    ConsentState,
    DebtState,
    Dispute,
    Mandate,
    NumberState,
    Route,
    Start,
    StopState,
)
from duecare_core.domain.fields import RecipientKey
from duecare_core.domain.reconciliation import Delivery
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import Conflict, NotAllowed, NotFound, RequestError, Unacceptable, Violation
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.sealed_decision import Summary
from duecare_core.evidence.statement import StatementRecord


class VerifiedStatement(NamedTuple):
    """A statement whose signature and members were checked. `content`: a keyed digest of its members without `iat`.
    `recipient`: the recipient's key (an HMAC), or None if the statement names no recipient. `accepted_at`: the
    service's clock."""

    kind: StatementKind
    statement: Statement
    statement_id: str
    content: str
    recipient_key: RecipientKey | None
    accepted_at: datetime

    @property
    def partition(self) -> str:
        return table.recipient(self.recipient_key or RecipientKey(""))


class Effect(NamedTuple):
    """The documents to write, and the members of the answer: `status` (`accepted` or `unchanged`), `read_as` (how a
    reply was read) and `same_as` (the id of an earlier statement with the same content).

    `effect`: whether the statement is `in_force`, is `superseded` by a newer one (`superseded_by`) or has no effect on
    decisions (`none`; for a consent that the recipient has to confirm: not yet). `chain_of`: the recipient's chain that
    it belongs to (a creditor's id, or `*`), or None.
    `added_debt`: the debt that it adds or re-opens (debt_limit.py), or None.
    """

    documents: list[Document]
    status: str
    read_as: str | None = None
    same_as: str | None = None
    effect: Literal["in_force", "superseded", "none"] = "in_force"
    superseded_by: str | None = None
    chain_of: str | None = None
    added_debt: DebtState | None = None


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

    def has_no_state_left(self, verified: VerifiedStatement) -> bool:
        """Whether no state of this consent or debt is left, so that it is known and counts nowhere."""
        if not isinstance(verified.statement, ConsentStatement | DebtStatement):
            return False
        incoming = MergeInput(verified.statement, verified.statement_id, verified.content, verified.accepted_at)
        keys = [slot_key(verified.partition, slot) for slot in touched_slots(incoming)]
        found = self._documents.get(keys)
        return all(table.is_removed(document) for document in found.values())

    def __call__(self, party: Party, verified: VerifiedStatement, *, is_row: bool = False) -> Effect:
        """Raises RequestError if the statement conflicts with another one, or if the party may not state it.

        `is_row`: of a file. Rows have no acknowledgement, so it is not asked whether other statements void them.
        """
        if isinstance(verified.statement, DeliveryStatement):
            return self._delivery(verified, verified.statement)
        incoming = self._merge_input(party, verified)
        read_as = incoming.reply.value if incoming.reply else None
        slots = touched_slots(incoming)
        if not slots:
            return Effect([], "accepted", read_as, effect="none")  # stored, changes nothing
        keys = [slot_key(verified.partition, slot) for slot in slots]
        others = [] if is_row else voiding_slots(incoming)
        voiding = {slot_key(verified.partition, slot): slot for slot in others}
        found = self._documents.get([*keys, *voiding])
        documents: list[Document] = []
        merged: list[FactState] = []
        same_as: str | None = None
        current: list[str] = []
        states: list[FactState | None] = [table.find(found, key, slot.state) for key, slot in voiding.items()]
        number = next((state for state in states if isinstance(state, NumberState)), None)
        added: DebtState | None = None
        for slot, key in zip(slots, keys, strict=True):
            before = table.find(found, key, slot.state)
            after = merge(before, incoming)
            if after != before:
                documents.append(table.write(key, found.get(key), after))
            same_as = same_as or same_content(before, incoming)
            merged.append(after)
            current.append(current_statement(after, incoming))
            if isinstance(after, DebtState) and (before is None or isinstance(before, DebtState)):
                added = after if adds_debt(before, after, verified.accepted_at) else None
        if same_as is not None or (not documents and verified.statement_id in current):
            # Only another statement of the same dispute is stored, because an answer may name it.
            kept = documents if isinstance(verified.statement, DisputeStatement) else []
            return Effect(kept, "unchanged", read_as, same_as)
        accepted = Effect(documents, "accepted", read_as, chain_of=_chain_of(incoming), added_debt=added)
        if incoming.start and not start_counts(incoming.start, number):
            return accepted._replace(effect="none", chain_of=None)
        newer = voided_by(incoming, merged, states)
        if verified.statement_id not in current or newer:
            accepted = accepted._replace(effect="superseded", superseded_by=newer or current[0])
        elif isinstance(incoming.statement, ConsentStatement) and awaits_confirmation(
            incoming.statement, [*states, *merged]
        ):
            accepted = accepted._replace(effect="none")
        return accepted

    def _merge_input(self, party: Party, verified: VerifiedStatement) -> MergeInput:
        """The statement as merging reads it, after a check of everything that it refers to. Raises RequestError."""
        statement = verified.statement
        incoming = MergeInput(statement, verified.statement_id, verified.content, verified.accepted_at)
        match statement:
            case DebtStatement():
                return incoming._replace(
                    answered=self._answered_dispute(verified, statement), subject=self._keyed_subject(statement.subject)
                )
            case ConsentStatement():
                return incoming._replace(subject=self._keyed_subject(statement.subject))
            case ReplyStatement():
                return self._reply(party, verified, statement, incoming)
            case OptOutStatement(creditor="*"):
                if "gateway" not in party.roles:
                    raise NotAllowed("Only a gateway states a stop of all creditors.", name="wrong-role")
            case DisputeStatement():
                self._check_may_speak_for(party, statement.creditor)
                return incoming._replace(folded=self._is_folded(verified, statement))
            case ConsentRevocationStatement() | OptOutStatement():
                self._check_may_speak_for(party, statement.creditor)
        return incoming

    def _reply(
        self, party: Party, verified: VerifiedStatement, statement: ReplyStatement, incoming: MergeInput
    ) -> MergeInput:
        """Raises RequestError."""
        reply = read_reply(statement.text, self._rules, statement.received_at)
        if party.state != "active" and reply is not Reply.OPT_OUT:
            raise NotAllowed(
                "This party is suspended; it may state only what protects a recipient.", name="party-suspended"
            )
        incoming = incoming._replace(reply=reply)
        if reply is not Reply.OPT_IN:
            return incoming._replace(creditor=self._creditor_of(party, verified, statement))
        if statement.received_at > verified.accepted_at:
            ahead = Violation("/received_at", DATED_AHEAD, "a START cannot be dated after the service's clock")
            raise dated_ahead(verified.accepted_at, (ahead,))
        answered = self._answered_message(party, verified, statement)
        if answered is None:
            return incoming
        creditor, allow = answered
        start = Start(statement.received_at, verified.statement_id, verified.content, *allow)
        return incoming._replace(creditor=creditor, start=start)

    def _answered_message(
        self, party: Party, verified: VerifiedStatement, statement: ReplyStatement
    ) -> tuple[str, PastAllow] | None:
        """The creditor of the message that a START answers, and the newest enforced allow of it by then; None if there
        is no such message of this gateway to this recipient, or none that was allowed."""
        if statement.message_id is None:
            return None
        document = self._decision(party, statement.message_id, rehearsal=False)
        if document is None:
            return None
        answered = summary(document)
        to_another = not self._is_to(answered, verified)
        if to_another or statement.creditor not in (None, answered.creditor):
            return None
        allows = [allow for allow in past_allows(document) if allow.at <= statement.received_at]
        return (answered.creditor, allows[-1]) if allows else None

    def _read(self, statement: Statement) -> Reply | None:
        if isinstance(statement, ReplyStatement):
            return read_reply(statement.text, self._rules, statement.received_at)
        return None

    def _keyed_subject(self, digest: str | None) -> str | None:
        """Subjects are only compared, so a keyed digest is enough: the plain digest of an identity number can be
        guessed."""
        return None if digest is None else self._pseudonyms.content(digest.encode())

    def _answered_dispute(self, verified: VerifiedStatement, debt: DebtStatement) -> str | None:
        """The content of the dispute that the debt answers, over this debt or over all. None if it answers none, or one
        that a newer dispute has replaced, so that the answer frees nothing. Raises Unacceptable for an unknown one."""
        named = debt.answers_dispute
        if named is None:
            return None
        for dispute in self._disputes(verified, debt.iss):
            if named in (dispute.statement, *dispute.also) and dispute.debt_ref in (None, debt.debt_ref):
                return dispute.content
        key = table.statement(named)
        record = table.find(self._documents.get([key]), key, StatementRecord)
        is_dispute = record is not None and (record.kind, record.recipient_key) == ("dispute", verified.recipient_key)
        # One that repeats another dispute is in no chain.
        if record and is_dispute and (record.chain is None or record.chain.of == debt.iss):
            return None
        raise Unacceptable(
            "answers_dispute names no dispute that this recipient has over this debt with this creditor.",
            name="unknown-dispute",
            errors=(Violation("/answers_dispute", "unknown-dispute", "not the statement_id of such a dispute"),),
        )

    def _is_folded(self, verified: VerifiedStatement, dispute: DisputeStatement) -> bool:
        """Whether so many other debts of the creditor are disputed one by one that this dispute covers all of them."""
        if dispute.debt_ref is None:
            return False
        refs = {other.debt_ref for other in self._disputes(verified, dispute.creditor)} - {None}
        return dispute.debt_ref not in refs and len(refs) >= MAX_DISPUTED_DEBTS

    def _disputes(self, verified: VerifiedStatement, creditor: str) -> list[Dispute]:
        """The disputes of this recipient with this creditor."""
        documents = self._documents.partition(verified.partition, table.disputes(creditor))
        return [table.read(document, Dispute) for document in documents if not table.is_removed(document)]

    def _creditor_of(self, party: Party, verified: VerifiedStatement, statement: ReplyStatement) -> str:
        """The creditor to whom a reply applies: that of the message that it answers or, if the gateway never asked
        about it for this recipient, as stated. Raises RequestError."""
        problem: RequestError | None = None
        if statement.message_id is not None:
            try:
                creditor = self._creditor_of_message(party, verified, statement.message_id)
                self._check_registered(creditor)
                return creditor
            except RequestError as unknown:
                problem = unknown
        if statement.creditor is None:
            raise problem or AssertionError("a reply without a message and without a creditor")
        self._check_registered(statement.creditor)
        return statement.creditor

    def _creditor_of_message(self, party: Party, verified: VerifiedStatement, message_id: str) -> str:
        """Raises RequestError if the party never asked about such a message to this recipient."""
        document = self._decision(party, message_id, rehearsal=False) or self._decision(
            party, message_id, rehearsal=True
        )
        if document is None:
            raise NotFound("No message was verified under this message_id; give the creditor.", name="unknown-message")
        answered = summary(document)
        if not self._is_to(answered, verified):
            raise Unacceptable("That message was to another recipient.", name="another-recipient")
        return answered.creditor

    def _is_to(self, answered: Summary, verified: VerifiedStatement) -> bool:
        """Whether the decision is about a message to the recipient of this statement."""
        if verified.recipient_key is None:
            return False
        return answered.recipient_tag == self._pseudonyms.recipient_tag(answered.gateway, verified.recipient_key)

    def _decision(self, party: Party, message_id: str, *, rehearsal: bool) -> Document | None:
        key = table.decision(self._pseudonyms.decision_id(party.id, message_id, rehearsal=rehearsal))
        return self._documents.get([key]).get(key)

    def _delivery(self, verified: VerifiedStatement, statement: DeliveryStatement) -> Effect:
        """Every instant is stored on its own: reconciliation finds messages that were delivered twice."""
        delivery = Delivery(
            message_id=statement.message_id,
            at=statement.at.astimezone(UTC),
            status=statement.status,
            text_mac=self._pseudonyms.text(statement.text_sha256),
            statement=verified.statement_id,
        )
        key = table.delivery(statement.iss, statement.message_id, statement.at)
        before = table.find(self._documents.get([key]), key, Delivery)
        if before is None:
            return Effect([table.write(key, None, delivery)], "accepted", effect="none")
        if structs.replace(before, statement=delivery.statement) != delivery:
            raise Conflict("Another statement of this message and instant says something else.")
        return Effect([], "unchanged", same_as=before.statement, effect="none")

    def _check_may_speak_for(self, party: Party, creditor: str) -> None:
        """A gateway speaks for the recipients of any creditor, a creditor for its own, a collector for those of
        creditors that gave it a mandate. Raises RequestError."""
        self._check_registered(creditor)
        if "gateway" in party.roles or (party.acts_as("creditor") and party.id == creditor):
            return
        mandate = table.mandate(creditor, party.id)
        stored = table.find(self._documents.get([mandate]), mandate, Mandate)
        if not party.acts_as("collector") or stored is None:
            raise NotAllowed("This party may not speak about that creditor's recipients.", name="not-its-own")

    def _check_registered(self, creditor: str) -> None:
        """Raises NotFound: a stop stored under a mistyped id would protect nobody."""
        party = table.find_party(self._documents.get([table.party(creditor)]), creditor)
        if party is None or not party.acts_as("creditor"):
            raise NotFound("No creditor is registered under this id.", name="unknown-creditor")


def slot_key(partition: str, slot: FactSlot) -> Key:  # noqa: PLR0911  one return a kind
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
    if kind is Route:
        return table.route(creditor, item)
    if kind is NumberState:
        return table.number(partition)
    raise TypeError(f"{kind.__name__} has no key in the table")


def _chain_of(incoming: MergeInput) -> str | None:
    """The recipient's chain that the statement belongs to: what a recipient did, or what happened to the number."""
    match incoming.statement:
        case NumberReassignmentStatement():
            return EVERY
        case ConsentRevocationStatement(creditor=creditor) | OptOutStatement(creditor=creditor):
            return creditor
        case DisputeStatement(creditor=creditor):
            return creditor
        case ReplyStatement():
            return incoming.creditor
    return None
