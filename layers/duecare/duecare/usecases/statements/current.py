"""Which statement counts: the one in a state that a new one would replace, and those of other states that void it."""

from __future__ import annotations

from duecare_core.domain.facts.merge import EVERY, FactSlot, FactState, MergeInput
from duecare_core.domain.facts.statement import ConsentStatement, DebtStatement, Statement
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


def voiding_slots(statement: Statement) -> list[FactSlot]:
    """The states by which another statement may void this one, in addition to its own: a revocation of all channels,
    and a reassignment of the number."""
    if isinstance(statement, ConsentStatement):
        return [FactSlot(ConsentState, statement.iss, EVERY), FactSlot(NumberState)]
    return [FactSlot(NumberState)] if isinstance(statement, DebtStatement) else []


def voided_by(statement: Statement, states: list[FactState | None]) -> str | None:
    """The newest statement in these states that voids this consent or debt, or None."""
    voiding: list[Occurrence] = []
    for state in states:
        if isinstance(state, NumberState):
            voiding.append(state.reassigned)
        elif isinstance(state, ConsentState) and state.revoked:
            voiding.append(state.revoked)
    at = statement.granted_at if isinstance(statement, ConsentStatement) else getattr(statement, "as_of", None)
    later = [mark for mark in voiding if at and mark.at >= at]
    return max(later, key=lambda mark: mark.at).statement if later else None


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
