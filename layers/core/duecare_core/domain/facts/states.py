"""The facts that a decision reads: statements, merged into one state per consent, debt, stop and so on (merge.py).

`content` is a digest of a statement's members without `iat`. It distinguishes a repeated statement from another one of
the same instant.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from duecare_core.domain.facts.chain import ChainHead
from duecare_core.domain.facts.party import Party
from duecare_core.domain.rules.frequency_caps import Contact

DEBT_VALIDITY = timedelta(days=35)  # the longest time for which one statement confirms a debt


class Occurrence(Struct, frozen=True, omit_defaults=True):
    """The instant of an event, and the id of the statement that reports it."""

    at: datetime
    statement: str
    content: str = ""


class DisputeAnswer(Struct, frozen=True, omit_defaults=True):
    """A debt statement that answers a dispute. `at`: its `as_of`. `content`: the content digest of that dispute, which
    may have been stated more than once."""

    at: datetime
    statement: str
    content: str = ""


class Start(Struct, frozen=True):
    """A START: the recipient re-opens what a stop or a revocation had closed, in reply to a message that was allowed.

    `allowed_at` and `record_sha256` identify the enforced allow of `decision_id` that it answers.
    """

    at: datetime
    statement: str
    content: str
    allowed_at: datetime
    decision_id: str
    record_sha256: str


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
    """One debt. `answers`: by the id under which a dispute was named, the newest statement that answers it."""

    newest: Debt
    answers: dict[str, DisputeAnswer] = field(default_factory=dict)


class Dispute(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The recipient contests one debt or, without `debt_ref`, all debts of the creditor, also those stated later.

    Disputes of the same claim about the same debt fold into the newest. `also`: the ids of the same content, stated
    again. `folded`: it named one debt, and covers all of them because too many debts were disputed one by one.
    """

    at: datetime
    statement: str
    content: str
    claim: str
    debt_ref: str | None = None
    also: tuple[str, ...] = ()
    folded: bool = False


class StopState(Struct, frozen=True, omit_defaults=True):
    """The recipient's newest stop of one creditor, or of all (`*`), and the newest START that re-opens this creditor.

    A START concerns one creditor: for that creditor it lifts the stop of all, too.
    """

    stopped: Occurrence | None = None
    lifted: Start | None = None


class NumberState(Struct, frozen=True):
    """The last time that the number changed hands. `at` is the end of the day if the source knows only the date."""

    reassigned: Occurrence


class _Engagement(Struct, frozen=True, kw_only=True):
    at: datetime
    statement: str
    content: str
    status: Literal["active", "revoked"]
    channels: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime


class Mandate(_Engagement, frozen=True, kw_only=True):
    """The creditor's newest mandate for one collector."""


class Route(_Engagement, frozen=True, kw_only=True):
    """The newest statement by which a sender engages one gateway."""


class RuleTerms(Struct, frozen=True, omit_defaults=True):
    """The members of a consent or a debt that choose the rules of time and frequency."""

    time_zone: str | None = None
    region: str | None = None
    product: str | None = None


class Undisclosed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Facts that gave no reason to deny and that the case file of a denial does not show. Only a replay has them.

    `mandate`, `route`: it is in force. `consent`, `debt`: it gave no reason; only the terms that choose rules are here.
    `voided_debts`: the creditor's debts on this number are all of an earlier holder, about whom nothing is said.
    """

    mandate: bool = False
    route: bool = False
    consent: RuleTerms | None = None
    debt: RuleTerms | None = None
    voided_debts: bool = False


class Facts(Struct, frozen=True, kw_only=True):
    """All that a decision reads. A party is None if it is not registered."""

    gateway: Party | None = None
    creditor: Party | None = None
    collector: Party | None = None
    halted: bool = False
    mandate: Mandate | None = None
    route: Route | None = None  # from the sender to the gateway
    consents: dict[str, ConsentState] = field(default_factory=dict)  # by channel, or "*"
    debts: dict[str, DebtState] = field(default_factory=dict)  # by debt_ref
    disputes: tuple[Dispute, ...] = ()
    stop: StopState = StopState()  # of this creditor
    stop_of_all: StopState = StopState()
    number: NumberState | None = None
    contacts: tuple[Contact, ...] = ()  # counted by frequency caps
    chains: tuple[ChainHead, ...] = ()  # the recipient's, of this creditor and then of "*"; a decision records them
    undisclosed: Undisclosed = Undisclosed()
