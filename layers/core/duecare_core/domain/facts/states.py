"""The facts that a decision reads: statements, merged into one state per consent, debt, stop and so on (merge.py).

`content` is a digest of a statement's members without `iat`. It distinguishes a repeated statement from another one of
the same instant.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from duecare_core.domain.facts.chain import ChainHead
from duecare_core.domain.facts.party import Party
from duecare_core.domain.rules.frequency_caps import Contact


class Occurrence(Struct, frozen=True):
    """The instant of an event, and the id of the statement that reports it."""

    at: datetime
    statement: str


class Consent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest consent on one channel."""

    at: datetime
    statement: str
    content: str
    method: str
    expires_at: datetime | None = None
    subject: str | None = None
    time_zone: str | None = None


class ConsentState(Struct, frozen=True, omit_defaults=True):
    """Consent to one creditor on one channel. The state of channel `*` holds only a revocation of all channels."""

    consent: Consent | None = None
    revoked: Occurrence | None = None


class Debt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest confirmation of one debt."""

    at: datetime
    statement: str
    content: str
    status: Literal["open", "settled", "withdrawn"]
    currency: str
    outstanding: Decimal
    valid_until: datetime
    subject: str | None = None
    collectors: tuple[str, ...] | None = None
    region: str | None = None
    product: str | None = None
    time_zone: str | None = None


class DebtState(Struct, frozen=True, omit_defaults=True):
    """One debt.

    `first`: the earliest `as_of` ever stated; a dispute of all debts covers those stated by then. `first_by`: the
    statement of `first`, empty if that is the newest. `answers`: by dispute, the newest statement that answers it.
    """

    newest: Debt
    first: datetime
    first_by: str = ""
    answers: dict[str, Occurrence] = field(default_factory=dict)


class Dispute(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The recipient contests one debt, or all debts that the creditor has stated so far."""

    at: datetime
    statement: str
    claim: str
    debt_ref: str | None = None


class StopState(Struct, frozen=True, omit_defaults=True):
    """The recipient's stop of one creditor, or of all. Only the recipient's own START lifts it; at one instant the stop
    wins."""

    stopped: Occurrence | None = None
    lifted: Occurrence | None = None

    @property
    def in_force(self) -> Occurrence | None:
        if self.stopped and (self.lifted is None or self.lifted.at <= self.stopped.at):
            return self.stopped
        return None


class NumberState(Struct, frozen=True):
    """The last time that the number changed hands."""

    reassigned: Occurrence


class Mandate(Struct, frozen=True, kw_only=True):
    """The creditor's newest mandate for one collector."""

    at: datetime
    statement: str
    content: str
    status: Literal["active", "revoked"]
    channels: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime


class Facts(Struct, frozen=True, kw_only=True):
    """All that a decision reads. A party is None if it is not registered."""

    gateway: Party | None = None
    creditor: Party | None = None
    collector: Party | None = None
    halted: bool = False
    mandate: Mandate | None = None
    consents: dict[str, ConsentState] = field(default_factory=dict)  # by channel, or "*"
    debts: dict[str, DebtState] = field(default_factory=dict)  # by debt_ref
    disputes: tuple[Dispute, ...] = ()
    stops: tuple[StopState, ...] = ()  # of this creditor and of all creditors
    number: NumberState | None = None
    contacts: tuple[Contact, ...] = ()  # counted by frequency caps
    chains: tuple[ChainHead, ...] = ()  # the recipient's, of this creditor and then of "*"; a decision records them
