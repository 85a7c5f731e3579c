"""Which statement counts: the one in a state that a new one would replace, and those of other states that void it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from duecare_core.domain.facts.merge import EVERY, FactSlot, FactState, MergeInput
from duecare_core.domain.facts.statement import (
    ConsentRevocationStatement,
    ConsentStatement,
    DebtStatement,
    OptOutStatement,
    ReplyStatement,
)
from duecare_core.domain.facts.states import (
    Consent,
    ConsentState,
    Debt,
    DebtState,
    Dispute,
    Mandate,
    NumberState,
    Occurrence,
    Route,
    Start,
    StopState,
)


def voiding_slots(incoming: MergeInput) -> list[FactSlot]:
    """The states, besides the statement's own, that decide whether it is in force: a revocation of all channels, a
    reassignment of the number, a stop of everyone, and the START that may confirm a consent."""
    match incoming.statement:
        case ConsentStatement(iss=creditor):
            return [FactSlot(ConsentState, creditor, EVERY), FactSlot(StopState, creditor), FactSlot(NumberState)]
        case ConsentRevocationStatement(creditor=creditor):
            return [FactSlot(ConsentState, creditor, EVERY)]
        case ReplyStatement() if incoming.start:
            return [FactSlot(StopState, EVERY), FactSlot(NumberState)]
        case DebtStatement() | OptOutStatement() | ReplyStatement():
            return [FactSlot(NumberState)]
    return []


def voided_by(incoming: MergeInput, own: Iterable[FactState], others: Iterable[FactState | None]) -> str | None:
    """The newest statement that voids this one, or None. `own`: the states of its slots after it was merged. `others`:
    those of `voiding_slots`."""
    others = [state for state in others if state]
    number = next((state for state in others if isinstance(state, NumberState)), None)
    stops = [state for state in (*own, *others) if isinstance(state, StopState)]
    revoked = [state.revoked for state in others if isinstance(state, ConsentState) and state.revoked]
    voiding: list[Occurrence | Start]
    match incoming.statement:
        case ConsentStatement(granted_at=at):
            voiding = [mark for mark in (*revoked, number and number.reassigned) if mark and mark.at >= at]
        case DebtStatement(as_of=at):
            voiding = [number.reassigned] if number and number.reassigned.at >= at else []
        case ConsentRevocationStatement(revoked_at=at):
            voiding = [mark for mark in revoked if mark.at > incoming.protective_time(at)]
        case ReplyStatement(received_at=at) if incoming.start:
            voiding = [state.stopped for state in stops if state.stopped and state.stopped.at >= at]
        case ReplyStatement(received_at=at) | OptOutStatement(received_at=at):
            starts = [state.lifted for state in stops if state.lifted and start_counts(state.lifted, number)]
            voiding = [start for start in starts if start.at > incoming.protective_time(at)]
        case _:
            voiding = []
    return max(voiding, key=lambda mark: mark.at).statement if voiding else None


def start_counts(start: Start, number: NumberState | None) -> bool:
    """Whether the number still belongs to the person to whom the answered message went."""
    return number is None or start.allowed_at > number.reassigned.at


def awaits_confirmation(consent: ConsentStatement, states: Iterable[FactState | None]) -> bool:
    """Whether the consent, which nothing voids, counts only once the recipient has confirmed it: the rule of
    Judgement._judge_confirmation. `states`: of its slots and of `voiding_slots`."""
    revoked: list[datetime] = []
    starts: list[datetime] = []
    for state in states:
        if isinstance(state, NumberState):
            return True
        if isinstance(state, ConsentState) and state.revoked:
            revoked.append(state.revoked.at)
        elif isinstance(state, StopState) and state.lifted:
            starts.append(state.lifted.at)
    return bool(revoked) and not any(consent.granted_at <= at and max(revoked) < at for at in starts)


def same_content(state: FactState | None, incoming: MergeInput) -> str | None:
    """The statement in this state, if it says the same as this one."""
    for mark in _marks(state, incoming):
        if mark.content == incoming.content:
            return mark.statement
    return None


def current_statement(state: FactState, incoming: MergeInput) -> str:
    """The statement that counts where this one would."""
    marks = _marks(state, incoming)
    if isinstance(state, ConsentState) and isinstance(incoming.statement, ConsentStatement):
        revoked, consent = state.revoked, state.consent
        if revoked and consent and revoked.at >= consent.at:
            return revoked.statement
    return marks[0].statement


def _marks(
    state: FactState | None, incoming: MergeInput
) -> list[Occurrence | Start | Consent | Debt | Mandate | Route | Dispute]:
    """The part of the state that this statement could replace, if there is one."""
    mark: Occurrence | Start | Consent | Debt | Mandate | Route | Dispute | None
    match state:
        case ConsentState():
            mark = state.consent if isinstance(incoming.statement, ConsentStatement) else state.revoked
        case DebtState():
            mark = state.newest
        case StopState():
            mark = state.lifted if incoming.start else state.stopped
        case NumberState():
            mark = state.reassigned
        case _:
            mark = state
    return [mark] if mark else []
