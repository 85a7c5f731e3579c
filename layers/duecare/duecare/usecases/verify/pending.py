"""A message while it is being verified: its decision and record, and how it fares against what stands already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from duecare.ports import Document
from duecare.usecases.verify.stored_decision import StoredDecision, unpack
from duecare_core.domain.decision.decision import is_rehearsal
from duecare_core.domain.fields import E164, PartyId, Reference, Text, Time
from duecare_core.domain.location.phone import is_e164
from duecare_core.errors import CannotDecide, Conflict, RequestError, StoreFailed, Unacceptable, Violation
from duecare_core.evidence.record import Record

AT_ONCE = 25
Result = StoredDecision | RequestError | CannotDecide


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


class PendingMessage:
    """One message on its way to a result: what was decided last, and what it met when it was to be recorded."""

    record: Record
    inputs: bytes
    ledger: Document | None
    asked: str
    now: datetime

    def __init__(self, message: Message, pseudonym: str) -> None:
        self.message = message
        self.pseudonym = pseudonym
        self.tries = 0
        self.gave_way = 0
        self.renews = False
        self.seen: Document | None = None
        self.result: Result | None = None

    def parse(self, now: datetime) -> None:
        """2. What types cannot say."""
        if not is_e164(self.message.recipient):
            self.result = Unacceptable(
                "The recipient is not a telephone number in E.164 form.",
                errors=(Violation("/recipient", "not-e164", "not a possible telephone number in E.164 form"),),
            )
            return
        try:
            is_rehearsal(self.message.send_at, now)
        except Unacceptable as refused:
            self.result = refused

    def meet(self, standing: Document) -> bool:
        """Whether nothing is to be written over the record that stands; if not, ours is to be put in its place."""
        try:
            earlier = unpack(standing)
        except StoreFailed as failed:
            self.result = failed
            return True
        if earlier.kept.request != self.asked:
            self.result = Conflict(
                "Another message was asked about under this message_id; every message needs an id of its own.",
                name="message-id-reused",
            )
            return True
        self.renews = earlier.record.outcome() == self.record.outcome()
        if self.renews and self.now < earlier.record.valid_until:
            self.result = earlier
            return True
        if not self.renews and standing != self.seen:
            # It may rest on newer facts than ours, say an opt-out: they are read again, now that it stands.
            self.seen = standing
            return True
        # The same outcome with a receipt that has expired is renewed as the same attempt; another outcome is the next.
        self.record = msgspec.structs.replace(self.record, attempt=earlier.record.attempt + (not self.renews))
        return False


def wave(pending: Sequence[PendingMessage]) -> list[PendingMessage]:
    """The next cases that do not touch each other: no two of one recipient or one message_id, the earlier one first."""
    taken: set[tuple[str, str]] = set()
    together: list[PendingMessage] = []
    for case in pending:
        touches = {("recipient", case.pseudonym), ("message", case.message.message_id)}
        if not touches & taken and len(together) < AT_ONCE:
            together.append(case)
        taken |= touches
    return together
