"""One message on its way through verify: its state, and every way from one state to the next.

    TO_DECIDE ── decided ──▶ TO_CREATE ── write ──▶ ANSWERED
                                 │
                                 └─ conflict ─▶ resolve_existing ─▶ ANSWERED (replayed or refused)
                                                                 ─▶ TO_REPLACE ── write ──▶ ANSWERED
                                                                 ─▶ TO_DECIDE (the facts are loaded again)

A write that loses to another one of the same message, or of the same contact ledger, leads back to TO_DECIDE, a bounded
number of times. `fail` leads from any state to ANSWERED.

No allow is answered unless it is recorded. `_result` is set in three places: `fail` accepts errors only,
`write_outcome` takes a decision whose write the table confirmed, and `resolve_existing` one that was read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Literal, NamedTuple

from msgspec import Struct, structs

from duecare.ports import Document, WriteConflict
from duecare.usecases import table
from duecare.usecases.verify.stored_decision import SignedDecision, StoredDecision, confirmed, summary, unpack
from duecare_core.domain.decision.decision import is_rehearsal
from duecare_core.domain.fields import PartyId, PhoneNumber, RecipientKey, Reference, Text, Time
from duecare_core.domain.location.phone import is_e164
from duecare_core.domain.text.reader import Reading
from duecare_core.errors import CannotDecide, Conflict, Contention, RequestError, StoreFailed, Unacceptable, Violation
from duecare_core.evidence.record import Record
from duecare_core.evidence.sealed_decision import InputsKey

MAX_BATCH = 25  # messages decided and written together
MAX_RECORD_CONFLICTS = 4
# Other allows that count for the same recipient may be written first that often. Each of them fills the frequency caps,
# so the number of retries is bounded; the backoff between them keeps the writers from colliding again.
MAX_LEDGER_CONFLICTS = 16
Result = StoredDecision | RequestError | CannotDecide


class Message(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /v1/verify`: one message before it is sent. `text` is what will be delivered."""

    message_id: Reference
    recipient: PhoneNumber
    creditor: PartyId
    collector: PartyId | None = None
    debt_ref: Reference | None = None
    channel: Literal["sms"]
    text: Text
    send_at: Time | None = None
    shadow: bool = False


class Draft(NamedTuple):
    """A decision that is neither signed nor stored.

    `inputs`: the encoded inputs, to be sealed. `ledger`: the contact ledger that counts this message, if it counts.
    `content`: keyed digest of the request, by which a repeated request is recognised. `at`: when it was decided.
    """

    record: Record
    inputs: bytes
    ledger: Document | None
    content: str
    at: datetime


class State(Enum):
    TO_DECIDE = "its facts are loaded next"
    TO_CREATE = "decided; its record is to be the first under its key"
    TO_REPLACE = "decided; its record is to replace the one that is stored"
    ANSWERED = "it has its result"


class PendingMessage:
    draft: Draft

    def __init__(self, message: Message, recipient_key: RecipientKey, inputs_key: InputsKey) -> None:
        self.message = message
        self.recipient_key = recipient_key
        self._inputs_key = inputs_key
        self.state = State.TO_DECIDE
        self.reading: Reading | None = None  # of the text
        self.replaces: Document | None = None  # in TO_REPLACE
        self.ledger_conflicts = 0
        self._record_conflicts = 0
        self._seen: Document | None = None  # the stored decision that was known when the facts were last loaded
        self._is_renewal = False
        self._result: Result | None = None

    def result(self) -> Result:
        """7. The answer."""
        if self._result is None:
            raise AssertionError("a message without a result")
        return self._result

    def fail(self, error: RequestError | CannotDecide) -> None:
        self._answer(error)

    def parse(self, now: datetime) -> None:
        """2. Check what the types of `Message` cannot express."""
        if not is_e164(self.message.recipient):
            self.fail(
                Unacceptable(
                    "The recipient is not a telephone number in E.164 form.",
                    errors=(Violation("/recipient", "not-e164", "not a possible telephone number in E.164 form"),),
                )
            )
            return
        try:
            is_rehearsal(self.message.send_at, now)
        except Unacceptable as refused:
            self.fail(refused)

    def decided(self, draft: Draft) -> None:
        """4. From TO_DECIDE."""
        self.draft = draft
        self.replaces = None
        if self._seen is None:
            self.state = State.TO_CREATE
        else:
            self.resolve_existing(self._seen)

    def write_outcome(self, signed: SignedDecision, outcome: WriteConflict | StoreFailed | None) -> None:
        """6. From TO_CREATE or TO_REPLACE: take in the outcome of the conditional write."""
        if isinstance(outcome, StoreFailed):
            self.fail(outcome)
        elif outcome is None or outcome.existing == signed.document:
            self._answer(confirmed(signed, outcome, replayed=self.state is State.TO_REPLACE and self._is_renewal))
        elif outcome.existing is None:
            self._decide_again_after_ledger_conflict()
        elif self.state is State.TO_CREATE:
            self.resolve_existing(outcome.existing)
        else:
            self._decide_again_knowing(outcome.existing)

    def resolve_existing(self, existing: Document) -> None:
        """A decision is stored under this message's key already: replay it, replace it, or decide again."""
        try:
            if table.is_removed(existing):  # erased, so nothing of it can be repeated
                self._replace(existing, summary(existing).attempt + 1, is_renewal=False)
                return
            earlier = unpack(existing, self._inputs_key)
        except StoreFailed as failed:
            self.fail(failed)
            return
        same_outcome = earlier.record.outcome() == self.draft.record.outcome()
        if earlier.envelope.request != self.draft.content:
            self.fail(
                Conflict(
                    "Another message was asked about under this message_id; every message needs an id of its own.",
                    name="message-id-reused",
                )
            )
        elif same_outcome and self.draft.at < earlier.record.valid_until <= self.draft.record.valid_until:
            self._answer(earlier)
        elif not same_outcome and existing != self._seen:
            # The stored decision may rest on facts newer than ours, such as an opt-out. Facts loaded from now on
            # include them.
            self._decide_again_knowing(existing)
        else:
            # The same outcome with a receipt that has expired, or that would now expire earlier, is renewed as the same
            # attempt; another outcome is the next one.
            self._replace(existing, earlier.record.attempt + (not same_outcome), is_renewal=same_outcome)

    def _replace(self, existing: Document, attempt: int, *, is_renewal: bool) -> None:
        self.draft = self.draft._replace(record=structs.replace(self.draft.record, attempt=attempt))
        self._is_renewal = is_renewal
        self.replaces = existing
        self.state = State.TO_REPLACE

    def _answer(self, result: Result) -> None:
        self._result = result
        self.state = State.ANSWERED

    def _decide_again_knowing(self, existing: Document) -> None:
        self._seen = existing
        self._record_conflicts += 1
        self.state = State.TO_DECIDE
        if self._record_conflicts == MAX_RECORD_CONFLICTS:
            self.fail(Contention("other writers kept changing the decision about the same message"))

    def _decide_again_after_ledger_conflict(self) -> None:
        self.ledger_conflicts += 1
        self.state = State.TO_DECIDE
        if self.ledger_conflicts == MAX_LEDGER_CONFLICTS:
            self.fail(Contention("other writers kept counting messages to the same recipient"))


def next_independent_batch(messages: Sequence[PendingMessage]) -> list[PendingMessage]:
    """The next messages that do not affect each other: no two of one recipient or one message_id, in their order."""
    taken: set[tuple[str, str]] = set()
    batch: list[PendingMessage] = []
    for pending in messages:
        if pending.state is State.ANSWERED:
            continue
        affects = {("recipient", pending.recipient_key), ("message", pending.message.message_id)}
        if not affects & taken and len(batch) < MAX_BATCH:
            batch.append(pending)
        taken |= affects
    return batch
