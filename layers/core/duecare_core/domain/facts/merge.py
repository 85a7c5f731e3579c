"""How statements become facts: one merge, for the service when it accepts a statement and for the replay of a decision.

Merging is commutative, associative and idempotent, so statements that arrive late, repeated or reordered end in the
same state (guarantee 5). `statement` is a statement's id, `content` a digest of its members without `iat`. `subject` is
only ever compared: the service passes a keyed digest of the stated one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from msgspec import structs

from duecare_core.domain.facts.statement import ConsentStatement, DebtStatement, MandateStatement, valid_until
from duecare_core.domain.facts.states import (
    Consent,
    ConsentState,
    Debt,
    DebtState,
    Mandate,
    NumberState,
    Occurrence,
    StopState,
)
from duecare_core.errors import Conflict

Dated = TypeVar("Dated", Consent, Debt, Mandate)
StopMerge = Callable[[StopState | None, Occurrence], StopState]


def later(current: Occurrence | None, new: Occurrence) -> Occurrence:
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


def with_revocation(state: ConsentState | None, mark: Occurrence) -> ConsentState:
    state = state or ConsentState()
    return structs.replace(state, revoked=later(state.revoked, mark))


def with_debt(state: DebtState | None, debt: Debt, answers_dispute: str | None) -> DebtState:
    """An older statement still counts for `first` and `answers`, or the order of arrival would matter.

    Only a statement that the debt is open answers a dispute: it must be stated again, not settled and later reopened.
    """
    answers = dict(state.answers) if state else {}
    if answers_dispute is not None and debt.status == "open":
        answers[answers_dispute] = later(answers.get(answers_dispute), Occurrence(debt.at, debt.statement))
    after = newest(state.newest if state else None, debt)
    first, first_by = _first(state, debt)
    first_by = "" if first_by == after.statement else first_by
    return DebtState(newest=after, first=first, first_by=first_by, answers=answers)


def _first(state: DebtState | None, debt: Debt) -> tuple[datetime, str]:
    """The earliest `as_of`, and who stated it. (States that were written before it was kept do not know.)"""
    if state is None or debt.at < state.first:
        return debt.at, debt.statement
    return state.first, state.first_by or (state.newest.statement if state.newest.at == state.first else "")


def with_stop(state: StopState | None, mark: Occurrence) -> StopState:
    state = state or StopState()
    return structs.replace(state, stopped=later(state.stopped, mark))


def with_start(state: StopState | None, mark: Occurrence) -> StopState:
    state = state or StopState()
    return structs.replace(state, lifted=later(state.lifted, mark))


def with_reassignment(state: NumberState | None, mark: Occurrence) -> NumberState:
    return NumberState(later(state.reassigned if state else None, mark))


def consent(said: ConsentStatement, statement: str, content: str, subject: str | None) -> Consent:
    return Consent(
        at=said.granted_at,
        statement=statement,
        content=content,
        method=said.method,
        expires_at=said.expires_at,
        subject=subject,
        time_zone=said.time_zone,
    )


def debt(said: DebtStatement, statement: str, content: str, subject: str | None) -> Debt:
    return Debt(
        at=said.as_of,
        statement=statement,
        content=content,
        status=said.status,
        currency=said.currency,
        outstanding=Decimal(said.outstanding),
        valid_until=valid_until(said),
        subject=subject,
        collectors=tuple(sorted(set(said.collectors))) if said.collectors is not None else None,
        region=said.region,
        product=said.product,
        time_zone=said.time_zone,
    )


def mandate(said: MandateStatement, statement: str, content: str) -> Mandate:
    return Mandate(
        at=said.as_of,
        statement=statement,
        content=content,
        status=said.status,
        channels=tuple(sorted(set(said.channels))),
        valid_from=said.valid_from,
        valid_until=said.valid_until,
    )
