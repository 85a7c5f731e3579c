"""What has been stated so far, merged: the state that a decision reads.

Each state is a join-semilattice: merging is commutative, associative and idempotent, so statements that come late,
repeated or reordered end in the same state (guarantee 5). `content` is a keyed digest of a statement's members without
`iat`; it tells "the same again" from "something else at the same instant".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypeVar

from msgspec import Struct, field, structs

from duecare.domain.caps import Contact
from duecare.domain.party import Party
from duecare.errors import Conflict


class Mark(Struct, frozen=True):
    """Something that happened at an instant, and the statement that says so."""

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
    """Consent to one creditor on one channel. Under the channel `*` only revocations of all channels stand."""

    consent: Consent | None = None
    revoked: Mark | None = None


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
    """One debt. `first` is the earliest `as_of` ever stated (a dispute of all debts covers what was stated by then),
    `first_by` the statement that stated it, where that is not the newest; `answers` holds, per dispute, the newest
    statement that answers it."""

    newest: Debt
    first: datetime
    first_by: str = ""
    answers: dict[str, Mark] = field(default_factory=dict)


class Dispute(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The recipient contests one debt, or all debts of the creditor stated so far."""

    at: datetime
    statement: str
    claim: str
    debt_ref: str | None = None


class StopState(Struct, frozen=True, omit_defaults=True):
    """Stops of one creditor, or of all. Only the recipient's own START lifts a stop; on a tie the stop holds."""

    stopped: Mark | None = None
    lifted: Mark | None = None

    @property
    def in_force(self) -> Mark | None:
        if self.stopped and (self.lifted is None or self.lifted.at <= self.stopped.at):
            return self.stopped
        return None


class NumberState(Struct, frozen=True):
    """The last time that the number changed hands."""

    reassigned: Mark


class Mandate(Struct, frozen=True, kw_only=True):
    """The newest word of the creditor on one collector."""

    at: datetime
    statement: str
    content: str
    status: Literal["active", "revoked"]
    channels: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime


class Facts(Struct, frozen=True, kw_only=True):
    """All that a decision reads. A party is None where it is not registered."""

    gateway: Party | None = None
    creditor: Party | None = None
    collector: Party | None = None
    halted: bool = False
    mandate: Mandate | None = None
    consents: dict[str, ConsentState] = field(default_factory=dict)  # by channel, and "*"
    debts: dict[str, DebtState] = field(default_factory=dict)  # by debt_ref
    disputes: tuple[Dispute, ...] = ()
    stops: tuple[StopState, ...] = ()  # of this creditor, and of all
    number: NumberState | None = None
    contacts: tuple[Contact, ...] = ()  # those that frequency caps count


Dated = TypeVar("Dated", Consent, Debt, Mandate)
StopMerge = Callable[[StopState | None, Mark], StopState]


def later(current: Mark | None, new: Mark) -> Mark:
    """The later of two marks; the one that stands where both are of one instant."""
    return new if current is None or new.at > current.at else current


def newest(current: Dated | None, new: Dated) -> Dated:
    """The newer of two facts. Raises Conflict where both are of one instant and say different things."""
    if current is None or new.at > current.at:
        return new
    if new.at == current.at and new.content != current.content:
        raise Conflict("Another statement of the same instant says something else; state it again with a later time.")
    return current


def with_consent(state: ConsentState | None, consent: Consent) -> ConsentState:
    state = state or ConsentState()
    return structs.replace(state, consent=newest(state.consent, consent))


def with_revocation(state: ConsentState | None, mark: Mark) -> ConsentState:
    state = state or ConsentState()
    return structs.replace(state, revoked=later(state.revoked, mark))


def with_debt(state: DebtState | None, debt: Debt, answers_dispute: str | None) -> DebtState:
    """An older statement still counts for `first` and `answers`, or the order of arrival would matter.

    Only a statement that the debt is open answers a dispute: it must be stated again, not settled and later reopened.
    """
    answers = dict(state.answers) if state else {}
    if answers_dispute is not None and debt.status == "open":
        answers[answers_dispute] = later(answers.get(answers_dispute), Mark(debt.at, debt.statement))
    after = newest(state.newest if state else None, debt)
    first, first_by = _first(state, debt)
    first_by = "" if first_by == after.statement else first_by
    return DebtState(newest=after, first=first, first_by=first_by, answers=answers)


def _first(state: DebtState | None, debt: Debt) -> tuple[datetime, str]:
    """The earliest `as_of`, and who stated it. (States that were written before it was kept do not know.)"""
    if state is None or debt.at < state.first:
        return debt.at, debt.statement
    return state.first, state.first_by or (state.newest.statement if state.newest.at == state.first else "")


def with_stop(state: StopState | None, mark: Mark) -> StopState:
    state = state or StopState()
    return structs.replace(state, stopped=later(state.stopped, mark))


def with_start(state: StopState | None, mark: Mark) -> StopState:
    state = state or StopState()
    return structs.replace(state, lifted=later(state.lifted, mark))


def with_reassignment(state: NumberState | None, mark: Mark) -> NumberState:
    return NumberState(later(state.reassigned if state else None, mark))
