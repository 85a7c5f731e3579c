"""Verify: may this message be delivered? The seven steps of docs/how-it-works.md, numbered as there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from duecare.domain.decision import Decision, Request, decide, is_rehearsal
from duecare.domain.facts import ConsentState, DebtState, Dispute, Facts, Mandate, NumberState, StopState
from duecare.domain.kinds import E164, PartyId, Reference, Text, Time
from duecare.domain.party import Party
from duecare.domain.phone import is_e164
from duecare.domain.rules import Rules
from duecare.errors import Conflict, Contended, NotAllowed, Unacceptable, Violation
from duecare.evidence import record as records
from duecare.evidence.pseudonym import Pseudonyms
from duecare.evidence.receipt import ReceiptKey
from duecare.evidence.record import Record
from duecare.ports import Clock, Document, Entropy, Gate, Key, Situation
from duecare.usecases import table
from duecare.usecases.caller import Caller, admit
from duecare.usecases.decided import Decided, Kept, pack, unpack

ATTEMPTS = 4


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /v1/verify`: one message before it is sent. `text` is what will be delivered."""

    message_id: Reference
    recipient: E164
    creditor: PartyId
    collector: PartyId | None = None
    debt_ref: Reference | None = None
    channel: Literal["sms"]
    text: Text
    send_at: Time | None = None
    shadow: bool = False


class Verify:
    def __init__(
        self,
        *,
        gate: Gate,
        pseudonyms: Pseudonyms,
        receipt_key: ReceiptKey,
        rules: Rules,
        issuer: str,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._gate = gate
        self._pseudonyms = pseudonyms
        self._receipt_key = receipt_key
        self._rules = rules
        self._issuer = issuer
        self._clock = clock
        self._entropy = entropy

    def __call__(self, caller: Caller, message: Message) -> Decided:
        """Raises Refused (the caller's fault) or CannotDecide (503: the gateway must not send)."""
        # 1. Authorize was the authorizer's; the caller's role and key are checked with the facts. 2. Parse: what types
        # cannot say.
        if not is_e164(message.recipient):
            raise Unacceptable(
                "The recipient is not a telephone number in E.164 form.",
                errors=(Violation("/recipient", "not-e164", "not a possible telephone number in E.164 form"),),
            )
        for _ in range(ATTEMPTS):
            decided = self._attempt(caller, message)
            if decided:
                return decided
        raise Contended("the same message was decided at the same time, again and again")

    def _attempt(self, caller: Caller, message: Message) -> Decided | None:
        now = self._clock()
        rehearsal = is_rehearsal(message.send_at, now)
        collector = message.collector or message.creditor
        pseudonym = self._pseudonyms.recipient(message.recipient)
        # 3. Load: one strongly consistent Query beside one strongly consistent BatchGetItem.
        situation = self._gate.situation(table.recipient(pseudonym), _keys(caller.party, message.creditor, collector))
        gateway = admit(caller, table.find_party(situation.documents, caller.party), now)
        if "gateway" not in gateway.roles:
            raise NotAllowed("Only a gateway may ask whether to deliver a message.", name="wrong-role")
        # 4. Decide.
        facts = facts_of(situation, gateway, message.creditor, collector)
        request = Request(
            gateway=caller.party,
            creditor=message.creditor,
            collector=collector,
            channel=message.channel,
            text=message.text,
            debt_ref=message.debt_ref,
            send_at=message.send_at,
        )
        decision = decide(request, facts, self._rules, now)
        # 5. and 6. Sign the receipt, then record it in one conditional write.
        record = self._record(caller, message, decision, now, rehearsal=rehearsal, shadow=gateway.shadow)
        asked = self._pseudonyms.content(msgspec.json.encode(message))
        return self._keep(record, pseudonym, asked, now)

    def _record(
        self, caller: Caller, message: Message, decision: Decision, now: datetime, *, rehearsal: bool, shadow: bool
    ) -> Record:
        salt = self._entropy(16)
        at = records.whole_seconds(now)
        return Record(
            decision_id=self._pseudonyms.decision_id(caller.party, message.message_id, rehearsal=rehearsal),
            attempt=1,
            at=at,
            gateway=caller.party,
            message_id=message.message_id,
            creditor=message.creditor,
            collector=message.collector or message.creditor,
            channel=message.channel,
            debt_ref=message.debt_ref,
            send_at=message.send_at,
            decision="allow" if decision.allowed else "deny",
            reasons=decision.codes,
            retry_at=decision.retry_at,
            valid_until=at + self._rules.answer_validity,
            enforced=not (message.shadow or shadow),
            provisional=rehearsal,
            text_sha256=records.text_digest(message.text),
            recipient=records.recipient_digest(salt, message.recipient),
            salt=salt.hex(),
            relied_on=decision.relied_on,
            rules_version=self._rules.version,
        )

    def _keep(self, record: Record, pseudonym: str, asked: str, now: datetime) -> Decided | None:
        """Store the record, or meet the one that stands: replay, renew or replace it. None: read the facts again."""
        document, kept = self._document(record, pseudonym, asked, None)
        standing = self._gate.record(document)
        if standing is None or standing == document:
            return Decided(record, kept, replayed=False)
        earlier = unpack(standing)
        if earlier.kept.request != asked:
            raise Conflict(
                "Another message was asked about under this message_id; every message needs an id of its own.",
                name="message-id-reused",
            )
        same = earlier.record.outcome() == record.outcome()
        if same and now < earlier.record.valid_until:
            return earlier
        # The same outcome with a receipt that has expired is renewed as the same attempt; another outcome is the next.
        record = msgspec.structs.replace(record, attempt=earlier.record.attempt + (not same))
        document, kept = self._document(record, pseudonym, asked, standing)
        met = self._gate.record(document)
        if met is None or met == document:
            return Decided(record, kept, replayed=same)
        return None

    def _document(self, record: Record, pseudonym: str, asked: str, replaces: Document | None) -> tuple[Document, Kept]:
        signature = self._receipt_key.sign(record, self._issuer)
        kept = Kept(self._receipt_key.kid, signature.hex(), pseudonym, asked)
        return pack(record, kept, replaces), kept


def _keys(gateway: str, creditor: str, collector: str) -> list[Key]:
    keys = [table.EVERYTHING, table.party(gateway), table.party(creditor)]
    if collector != creditor:
        keys += [table.party(collector), table.mandate(creditor, collector)]
    return list(dict.fromkeys(keys))


def facts_of(situation: Situation, gateway: Party, creditor: str, collector: str) -> Facts:
    """The facts about this recipient and this creditor, out of all that was read."""
    consents: dict[str, ConsentState] = {}
    debts: dict[str, DebtState] = {}
    disputes: list[Dispute] = []
    stops: list[StopState] = []
    number: NumberState | None = None
    for document in situation.partition:
        kind, _, rest = document.key.sk.partition("#")
        whose, _, what = rest.partition("#")
        if kind == "N":
            number = table.read(document, NumberState)
        elif kind == "S" and whose in (creditor, "*"):
            stops.append(table.read(document, StopState))
        elif whose != creditor:
            continue
        elif kind == "C":
            consents[what] = table.read(document, ConsentState)
        elif kind == "D":
            debts[what] = table.read(document, DebtState)
        elif kind == "Q":
            disputes.append(table.read(document, Dispute))
    documents = situation.documents
    return Facts(
        gateway=gateway,
        creditor=table.find_party(documents, creditor),
        collector=table.find_party(documents, collector),
        halted=table.is_halted(documents),
        mandate=table.find(documents, table.mandate(creditor, collector), Mandate),
        consents=consents,
        debts=debts,
        disputes=tuple(disputes),
        stops=tuple(stops),
        number=number,
    )
