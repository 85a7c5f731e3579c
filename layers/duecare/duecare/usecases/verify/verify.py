"""Verify: may this message be delivered? The seven steps of docs/architecture.md, numbered as there.

    1. authorize   2. parse   3. load   4. decide   5. sign   6. record   7. answer

`Verify.many` is the whole control flow; pending.py has the states of one message, and says why no allow is answered
unrecorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from duecare.ports import Clock, DecisionStore, Entropy, Situation, Write
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, check_caller
from duecare.usecases.verify import drafting
from duecare.usecases.verify.load_facts import facts_of, situation_keys
from duecare.usecases.verify.pending import Draft, Message, PendingMessage, Result, State, next_independent_batch
from duecare.usecases.verify.stored_decision import (
    DecisionEnvelope,
    DecisionSeal,
    SignedDecision,
    StoredDecision,
    pack,
)
from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import is_rehearsal
from duecare_core.domain.facts.party import Party
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.domain.text.reader import read
from duecare_core.errors import BadToken, CannotDecide, DuecareError, NotAllowed, RequestError
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.receipt import ReceiptKey
from duecare_core.evidence.sealed_decision import NONCE_BYTES, InputsKey


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/verify/batch`. Each message is validated on its own, so an invalid one affects no other."""

    messages: Annotated[list[Any], Meta(min_length=1, max_length=100)]


class DecisionKeys(NamedTuple):
    """The keys that a decision is stored, signed and sealed with."""

    pseudonyms: Pseudonyms
    receipt: ReceiptKey
    inputs: InputsKey


class Verify:
    def __init__(
        self,
        *,
        decisions: DecisionStore,
        keys: DecisionKeys,
        rules: Rules,
        issuer: str,
        clock: Clock,
        entropy: Entropy,
        backoff: Callable[[int], None],
    ) -> None:
        """`backoff` waits before the given retry (1, 2, …)."""
        self._decisions = decisions
        self._pseudonyms, self._receipt_key, self._inputs_key = keys
        self._rules = rules
        self._issuer = issuer
        self._clock = clock
        self._entropy = entropy
        self._backoff = backoff

    def __call__(self, caller: Caller, message: Message) -> StoredDecision:
        """Raises RequestError (the caller's fault) or CannotDecide (503: the gateway must not send)."""
        (result,) = self.many(caller, [message])
        if isinstance(result, DuecareError):
            raise result
        return result

    def many(self, caller: Caller, messages: Sequence[Message]) -> list[Result]:
        """The result of each message, in order. Independent messages share their round trips: up to 25 are decided
        together, in a wave. Each wave reads everything again that it decides by: the recipients' facts, the caller's
        key and state, the other parties, mandates and halts. So once a suspension, a halt or a revocation is
        acknowledged, no later wave allows; a single message differs only in that it is always in the first wave.

        If the caller is refused in a later wave, the remaining messages have that problem in their results, and the
        messages that were decided before keep theirs. Raises RequestError or CannotDecide only if no message was
        decided.
        """
        # 1. Authorize: the authorizer has checked the signature; each wave checks the caller as it is registered then.
        now = self._clock()
        pending = [
            PendingMessage(
                message, self._pseudonyms.recipient_key(canonical_number(message.recipient)), self._inputs_key
            )
            for message in messages
        ]
        for one in pending:
            one.parse(now)  # 2. Parse.
        is_first = True
        while (batch := next_independent_batch(pending)) or is_first:
            try:
                situation, gateway = self._load(caller, batch)
            except (NotAllowed, BadToken, CannotDecide) as refused:
                if is_first:
                    raise
                # A refused caller stays refused; another wave may find the table available again.
                _fail(batch if isinstance(refused, CannotDecide) else pending, refused)
                continue
            is_first = False
            self._decide(batch, gateway, situation)
            self._sign_and_record([one for one in batch if one.state is State.TO_CREATE])
            self._sign_and_record([one for one in batch if one.state is State.TO_REPLACE])
            retry = max((one.ledger_conflicts for one in batch if one.state is State.TO_DECIDE), default=0)
            if retry:
                self._backoff(retry)
        return [one.result() for one in pending]  # 7. Answer.

    def _load(self, caller: Caller, batch: list[PendingMessage]) -> tuple[Situation, Party]:
        """3. Load: one strongly consistent Query for each recipient and one strongly consistent BatchGetItem of the
        parties, all at once. The texts are read while the table answers. Returns the calling gateway too; raises
        BadToken, NotAllowed, CannotDecide."""
        keys = [table.party(caller.party)]
        for one in batch:
            keys += situation_keys(caller.party, one.message.creditor, one.message.collector)
        recipients = [table.recipient(one.recipient_key) for one in batch]
        situation = self._decisions.load(recipients, keys, meanwhile=lambda: _read_texts(batch))
        gateway = check_caller(caller, table.find_party(situation.documents, caller.party), self._clock())
        if "gateway" not in gateway.roles:
            raise NotAllowed("Only a gateway may ask whether to deliver a message.", name="wrong-role")
        return situation, gateway

    def _decide(self, batch: list[PendingMessage], gateway: Party, situation: Situation) -> None:
        """4. Decide each message of the wave."""
        now = self._clock()
        for one in batch:
            try:
                one.decided(self._draft(one, gateway, situation, now))
            except (RequestError, CannotDecide) as failed:
                one.fail(failed)

    def _draft(self, one: PendingMessage, gateway: Party, situation: Situation, now: datetime) -> Draft:
        message = one.message
        rehearsal = is_rehearsal(message.send_at, now)
        decision_id, contact_id = self._pseudonyms.message_ids(gateway.id, message.message_id, rehearsal=rehearsal)
        request = drafting.request_of(message, contact_id, gateway.id)
        facts = facts_of(situation, gateway, message.creditor, message.collector, one.recipient_key)
        decision = decide(request, facts, self._rules, now, one.reading)
        content = self._pseudonyms.content(msgspec.json.encode(message))
        inputs = drafting.encoded_inputs(request, facts, decision, situation, now)
        record = drafting.new_record(
            decision_id,
            request,
            message,
            decision,
            self._rules,
            now,
            inputs=inputs,
            salt=self._entropy(16),
            enforced=not (message.shadow or gateway.shadow),
            rehearsal=rehearsal,
        )
        pk = table.recipient(one.recipient_key)
        ledger = drafting.updated_ledger(
            record, contact_id, decision, facts.contacts, self._rules.pack, situation.partitions[pk], pk
        )
        return Draft(record, inputs, ledger, content, now)

    def _sign_and_record(self, batch: list[PendingMessage]) -> None:
        if not batch:
            return
        signed = [self._sign(one) for one in batch]
        writes = [Write(decision.document, one.draft.ledger) for one, decision in zip(batch, signed, strict=True)]
        outcomes = self._decisions.record(writes)  # 6. Record.
        for one, decision, outcome in zip(batch, signed, outcomes, strict=True):
            one.write_outcome(decision, outcome)

    def _sign(self, one: PendingMessage) -> SignedDecision:
        """5. Sign the receipt, and seal the document."""
        record, inputs = one.draft.record, one.draft.inputs
        signature = self._receipt_key.sign(record, self._issuer)
        envelope = DecisionEnvelope(self._receipt_key.kid, signature, one.draft.content, one.recipient_key)
        tag = self._pseudonyms.recipient_tag(record.gateway, one.recipient_key)
        text = self._pseudonyms.text(record.text_sha256)
        seal = DecisionSeal(self._inputs_key, self._entropy(NONCE_BYTES), tag, text)
        return SignedDecision(record, envelope, inputs, pack(record, envelope, inputs, seal, one.replaces))


def _read_texts(messages: list[PendingMessage]) -> None:
    for one in messages:
        one.reading = one.reading or read(one.message.text)


def _fail(messages: list[PendingMessage], error: RequestError | CannotDecide) -> None:
    """This error is the result of each of these messages that has none yet."""
    for one in messages:
        if one.state is not State.ANSWERED:
            one.fail(error)
