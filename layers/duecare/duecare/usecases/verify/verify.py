"""Verify: may this message be delivered? The seven steps of docs/how-it-works.md, numbered as there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from duecare.ports import Clock, DecisionStore, Document, Entropy, Key, Situation, Write
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, admit
from duecare.usecases.verify.load_facts import facts_of, situation_keys
from duecare.usecases.verify.pending import Message, PendingMessage, Result, wave
from duecare.usecases.verify.stored_decision import DecisionEnvelope, StoredDecision, pack
from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import Decision, DecisionRequest, is_rehearsal
from duecare_core.domain.facts.states import Facts
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.rules.frequency_caps import Contact, contact, drop_expired, pack_contacts, without_message
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import CannotDecide, Contention, DuecareError, NotAllowed, RequestError, StoreFailed
from duecare_core.evidence import record as records
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile.inputs import NONCE_BYTES, InputsKey, encode, inputs_of
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.receipt import ReceiptKey
from duecare_core.evidence.record import Record

ATTEMPTS = 4
# Others' allows that count for the same recipient may come first that often. Each of them fills the caps, so that
# there is an end to it; and between two tries there is a rest, so that not all try again at the same moment.
GIVING_WAY = 16
SECOND = timedelta(seconds=1)


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/verify/batch`. Each message is typed on its own: a bad one spoils no other."""

    messages: Annotated[list[Any], Meta(min_length=1, max_length=100)]


class DecisionKeys(NamedTuple):
    """What a decision is kept and signed with."""

    pseudonyms: Pseudonyms
    receipt: ReceiptKey
    inputs: InputsKey


class Verify:
    def __init__(
        self,
        *,
        gate: DecisionStore,
        keys: DecisionKeys,
        rules: Rules,
        issuer: str,
        clock: Clock,
        entropy: Entropy,
        rest: Callable[[int], None],
    ) -> None:
        """`rest` waits a little before the given try, the more the later it is, and never equally long."""
        self._gate = gate
        self._pseudonyms, self._receipt_key, self._inputs_key = keys
        self._rules = rules
        self._issuer = issuer
        self._clock = clock
        self._entropy = entropy
        self._rest = rest

    def __call__(self, caller: Caller, message: Message) -> StoredDecision:
        """Raises RequestError (the caller's fault) or CannotDecide (503: the gateway must not send)."""
        (result,) = self.many(caller, [message])
        if isinstance(result, DuecareError):
            raise result
        return result

    def many(self, caller: Caller, messages: Sequence[Message]) -> list[Result]:
        """Each message as if it were asked about alone, in order, and side by side where they do not touch each other.

        Raises RequestError or CannotDecide only where no message can be answered.
        """
        # 1. Authorize was the authorizer's; the caller's role and key are checked with the facts.
        now = self._clock()
        cases = [
            PendingMessage(message, self._pseudonyms.recipient(canonical_number(message.recipient)))
            for message in messages
        ]
        for case in cases:
            case.parse(now)
        known: dict[Key, Document] = {}
        while together := wave([case for case in cases if case.result is None]):
            # The parties are read once for all; a case that is judged again reads them again.
            asking = cases if not known else [case for case in together if case.tries]
            keys = [
                key
                for case in asking
                for key in situation_keys(caller.party, case.message.creditor, case.message.collector)
            ]
            # 3. Load: one strongly consistent Query a recipient beside one strongly consistent BatchGetItem.
            try:
                situation = self._gate.load([table.recipient(case.pseudonym) for case in together], keys)
            except CannotDecide as failed:
                if not known:
                    raise
                for case in together:  # those decided before keep their answers
                    case.result = failed
                continue
            known |= situation.documents
            self._judge(caller, together, Situation(situation.partitions, known))
            self._keep(together)
            gave_way = max((case.gave_way for case in together if case.result is None), default=0)
            if gave_way:
                self._rest(gave_way)
        return [case.result for case in cases if case.result is not None]

    def _judge(self, caller: Caller, wave: list[PendingMessage], situation: Situation) -> None:
        now = self._clock()
        gateway = admit(caller, table.find_party(situation.documents, caller.party), now)
        if "gateway" not in gateway.roles:
            raise NotAllowed("Only a gateway may ask whether to deliver a message.", name="wrong-role")
        for case in wave:
            message = case.message
            # 4. Decide.
            try:
                rehearsal = is_rehearsal(message.send_at, now)
                request = self._request(caller, message, rehearsal=rehearsal)
                facts = facts_of(situation, gateway, message.creditor, message.collector, case.pseudonym)
                decision = decide(request, facts, self._rules, now)
            except (RequestError, CannotDecide) as failed:
                case.result = failed
                continue
            case.now = now
            case.asked = self._pseudonyms.content(msgspec.json.encode(message))
            case.inputs = self._inputs(request, facts, decision, situation, now)
            case.record = self._record(
                request, message, decision, case.inputs, now, rehearsal=rehearsal, shadow=gateway.shadow
            )
            case.ledger = self._ledger(case, request, decision, facts.contacts, situation)

    def _keep(self, wave: list[PendingMessage]) -> None:
        """5. Sign and 6. record, in one conditional write each. Where a record stands already, it is replayed, renewed
        or replaced; where something moved in between, the case is judged again."""
        fresh = [case for case in wave if case.result is None]
        standing = [(case, case.seen) for case in fresh if case.seen]
        standing += self._write([(case, None) for case in fresh if case.seen is None])
        replacing = [(case, earlier) for case, earlier in standing if not case.meet(earlier)]
        for case, other in self._write(replacing):
            case.seen = other
        for case in wave:
            case.tries += 1
            if case.result is None and case.tries - case.gave_way == ATTEMPTS:
                case.result = Contention("the same message was decided at the same time, again and again")
            if case.result is None and case.gave_way == GIVING_WAY:
                case.result = Contention(
                    "messages to the same recipient were counted at the same time, again and again"
                )

    def _write(self, cases: Sequence[tuple[PendingMessage, Document | None]]) -> list[tuple[PendingMessage, Document]]:
        """Write each case's record over what it replaces; answers those that met another record."""
        prepared = [(case, earlier, *self._document(case, earlier)) for case, earlier in cases]
        writes = [Write(document, case.ledger) for case, _, document, _ in prepared]
        outcomes = self._gate.record(writes) if writes else []
        met = []
        for (case, earlier, document, kept), outcome in zip(prepared, outcomes, strict=True):
            if isinstance(outcome, StoreFailed):
                case.result = outcome
            elif outcome is None or outcome.existing == document:
                # The same outcome renewed is still the same decision.
                case.result = StoredDecision(case.record, kept, replayed=earlier is not None and case.renews)
            elif outcome.existing is not None:
                met.append((case, outcome.existing))
            else:
                case.gave_way += 1
        return met

    def _document(self, case: PendingMessage, replaces: Document | None) -> tuple[Document, DecisionEnvelope]:
        signature = self._receipt_key.sign(case.record, self._issuer)
        kept = DecisionEnvelope(self._receipt_key.kid, signature, case.pseudonym, case.asked)
        sealed = self._inputs_key.seal(case.inputs, case.record.decision_id, self._entropy(NONCE_BYTES))
        return pack(case.record, kept, sealed, replaces), kept

    def _ledger(
        self,
        case: PendingMessage,
        request: DecisionRequest,
        decision: Decision,
        contacts: Iterable[Contact],
        situation: Situation,
    ) -> Document | None:
        """The contact ledger with this message, where it counts: an allow that is enforced and may be delivered.

        Written with the record or not at all, over the version that the decision read: of N + 1 allows side by side
        under a cap of N, one finds another version, and is judged again.
        """
        record, pack = case.record, self._rules.pack
        if not decision.allowed or not record.enforced or record.provisional or not pack.counts(request.channel):
            return None
        new = contact(record.at, request.channel, request.creditor, decision.debt_ref, request.decision_id)
        counted = drop_expired([*without_message(contacts, new), new], record.at, pack)
        key = table.contacts(table.recipient(case.pseudonym))
        before = next((one for one in situation.partitions[key.pk] if one.key == key), None)
        return table.write(key, before, {}, pack_contacts(counted))

    def _request(self, caller: Caller, message: Message, *, rehearsal: bool) -> DecisionRequest:
        return DecisionRequest(
            decision_id=self._pseudonyms.decision_id(caller.party, message.message_id, rehearsal=rehearsal),
            recipient=message.recipient,
            gateway=caller.party,
            creditor=message.creditor,
            collector=message.collector or message.creditor,
            channel=message.channel,
            text=message.text,
            debt_ref=message.debt_ref,
            send_at=message.send_at,
        )

    def _inputs(
        self, request: DecisionRequest, facts: Facts, decision: Decision, situation: Situation, now: datetime
    ) -> bytes:
        read = {who: situation.documents.get(table.party(who)) for who in _parties(request)}
        versions = {who: document.version for who, document in read.items() if document}
        return encode(inputs_of(request, facts, decision, versions, now))

    def _record(
        self,
        request: DecisionRequest,
        message: Message,
        decision: Decision,
        inputs: bytes,
        now: datetime,
        *,
        rehearsal: bool,
        shadow: bool,
    ) -> Record:
        salt = self._entropy(16)
        at = records.whole_seconds(now)
        # A denial, or a rehearsal, is told for as long as an answer is good; only an allow to deliver can end before.
        ends = decision.allowed and not rehearsal
        good_for = timedelta(seconds=(decision.good_for if ends else self._rules.answer_validity) // SECOND)
        return Record(
            decision_id=request.decision_id,
            attempt=1,
            at=at,
            gateway=request.gateway,
            message_id=message.message_id,
            creditor=request.creditor,
            collector=request.collector,
            channel=request.channel,
            debt_ref=request.debt_ref,
            send_at=message.send_at.astimezone(UTC) if message.send_at else None,
            decision="allow" if decision.allowed else "deny",
            reasons=decision.codes,
            findings=decision.findings,
            retry_at=decision.retry_at,
            valid_until=at + good_for,
            enforced=not (message.shadow or shadow),
            provisional=rehearsal,
            text_sha256=records.text_digest(message.text),
            recipient=records.recipient_digest(salt, message.recipient),
            salt=salt.hex(),
            relied_on=decision.relied_on,
            regions=decision.regions,
            rules_version=self._rules.version,
            rules_sha256=self._rules.digest,
            inputs_sha256=digest(inputs),
        )


def _parties(request: DecisionRequest) -> tuple[str, ...]:
    return request.gateway, request.creditor, request.collector
