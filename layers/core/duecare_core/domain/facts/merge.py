"""How statements become facts.

`touched_slots` says which states a statement changes, `merge` what one of them becomes. The service calls both when it
accepts a statement, the replay calls both when it recomputes a decision. Neither reads or writes anything.

`merge` is commutative, associative and idempotent as long as no two statements about one state share an instant, so
statements that arrive late, repeated or reordered end in the same state (guarantee 5). Of two at one instant the first
to arrive stays. For consents, debts and mandates the second raises Conflict if its content differs.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from msgspec import structs

from duecare_core.domain.facts.statement import (
    ConsentRevocationStatement,
    ConsentStatement,
    DebtStatement,
    DisputeStatement,
    MandateStatement,
    NumberReassignmentStatement,
    OptOutStatement,
    ReplyStatement,
    Statement,
    valid_until,
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
    StopState,
)
from duecare_core.domain.rules.reply import Reply
from duecare_core.errors import Conflict

EVERY = "*"  # every channel of a creditor, or every creditor

FactState = ConsentState | DebtState | Dispute | StopState | NumberState | Mandate
Dated = TypeVar("Dated", Consent, Debt, Mandate)


class MergeInput(NamedTuple):
    """A verified statement as `merge` reads it.

    `content` is a digest of its members without `iat`. `subject` is only ever compared: the service passes a keyed
    digest of the stated one. A reply also needs `creditor`, to whom it applies, and `reply`, how it was read.
    """

    statement: Statement
    statement_id: str
    content: str
    subject: str | None = None
    creditor: str = ""
    reply: Reply | None = None


class FactSlot(NamedTuple):
    """The place of one state among the facts about a recipient.

    `creditor` is `*` for a stop of all creditors, and empty for the number's own state. `item` is the channel of a
    consent (`*`: revocations of all channels), the debt_ref of a debt, the collector of a mandate, or the content
    digest of a dispute. A mandate concerns no recipient.
    """

    state: type[FactState]
    creditor: str = ""
    item: str = ""


def touched_slots(said: MergeInput) -> tuple[FactSlot, ...]:  # noqa: PLR0911  one return a kind
    """The states that this statement may change; none for a delivery, and for a reply without meaning."""
    match said.statement:
        case ConsentStatement(iss=creditor, channels=channels):
            return tuple(FactSlot(ConsentState, creditor, channel) for channel in sorted(set(channels)))
        case ConsentRevocationStatement(creditor=creditor, channels=revoked):
            return tuple(FactSlot(ConsentState, creditor, channel) for channel in sorted(set(revoked or (EVERY,))))
        case DebtStatement(iss=creditor, debt_ref=debt_ref):
            return (FactSlot(DebtState, creditor, debt_ref),)
        case MandateStatement(iss=creditor, collector=collector):
            return (FactSlot(Mandate, creditor, collector),)
        case DisputeStatement(creditor=creditor):
            return (FactSlot(Dispute, creditor, said.content),)
        case OptOutStatement(creditor=creditor):
            return (FactSlot(StopState, creditor),)
        case ReplyStatement() if said.reply is not Reply.NONE:
            return (FactSlot(StopState, said.creditor),)
        case NumberReassignmentStatement():
            return (FactSlot(NumberState),)
    return ()


def merge(state: FactState | None, said: MergeInput) -> FactState:  # noqa: PLR0911  one return a kind
    """The state of one of the statement's slots after this statement; `state` is None if there was none.

    Raises Conflict if a consent, a debt or a mandate of the same instant has other content.
    """
    match said.statement, state:
        case ConsentStatement() as consent, ConsentState() | None:
            return _merge_consent(state, to_consent(consent, said.statement_id, said.content, said.subject))
        case ConsentRevocationStatement(revoked_at=at), ConsentState() | None:
            return _merge_revocation(state, Occurrence(at, said.statement_id))
        case DebtStatement() as debt, DebtState() | None:
            new = to_debt(debt, said.statement_id, said.content, said.subject)
            return merge_debt(state, new, debt.answers_dispute)
        case MandateStatement() as mandate, Mandate() | None:
            return _newest(state, to_mandate(mandate, said.statement_id, said.content))
        case DisputeStatement() as dispute, Dispute() | None:
            return state or to_dispute(dispute, said.statement_id)
        case ((OptOutStatement(received_at=at) | ReplyStatement(received_at=at)), StopState() | None):
            return _merge_stop(state, Occurrence(at, said.statement_id), lifts=said.reply is Reply.OPT_IN)
        case NumberReassignmentStatement(effective_at=at), NumberState() | None:
            return NumberState(_latest(state.reassigned if state else None, Occurrence(at, said.statement_id)))
    raise TypeError(f"{type(said.statement).__name__} does not merge into {type(state).__name__}")


def merge_debt(state: DebtState | None, debt: Debt, answers_dispute: str | None) -> DebtState:
    """The debt after this confirmation. An older one still counts for `first` and `answers`, or the order of arrival
    would matter. Raises Conflict.

    Only a statement that the debt is open answers a dispute: the debt must be stated again, not settled and reopened.
    """
    answers = dict(state.answers) if state else {}
    if answers_dispute is not None and debt.status == "open":
        answers[answers_dispute] = _latest(answers.get(answers_dispute), Occurrence(debt.at, debt.statement))
    newest = _newest(state.newest if state else None, debt)
    first, first_by = _first(state, debt)
    if first_by == newest.statement:
        first_by = ""
    return DebtState(newest=newest, first=first, first_by=first_by, answers=answers)


def _first(state: DebtState | None, debt: Debt) -> tuple[datetime, str]:
    """The earliest `as_of`, and the statement that gave it ("" if unknown: older states did not keep it)."""
    if state is None or debt.at < state.first:
        return debt.at, debt.statement
    return state.first, state.first_by or (state.newest.statement if state.newest.at == state.first else "")


def _merge_consent(state: ConsentState | None, consent: Consent) -> ConsentState:
    state = state or ConsentState()
    return structs.replace(state, consent=_newest(state.consent, consent))


def _merge_revocation(state: ConsentState | None, revoked: Occurrence) -> ConsentState:
    state = state or ConsentState()
    return structs.replace(state, revoked=_latest(state.revoked, revoked))


def _merge_stop(state: StopState | None, occurrence: Occurrence, *, lifts: bool) -> StopState:
    state = state or StopState()
    if lifts:
        return structs.replace(state, lifted=_latest(state.lifted, occurrence))
    return structs.replace(state, stopped=_latest(state.stopped, occurrence))


def _latest(current: Occurrence | None, new: Occurrence) -> Occurrence:
    """The later of two; the current one if both have the same instant."""
    return new if current is None or new.at > current.at else current


def _newest(current: Dated | None, new: Dated) -> Dated:
    """The newer of two. Raises Conflict if both have the same instant and different content."""
    if current is None or new.at > current.at:
        return new
    if new.at == current.at and new.content != current.content:
        raise Conflict("Another statement of the same instant says something else; state it again with a later time.")
    return current


def to_consent(statement: ConsentStatement, statement_id: str, content: str, subject: str | None) -> Consent:
    return Consent(
        at=statement.granted_at,
        statement=statement_id,
        content=content,
        method=statement.method,
        expires_at=statement.expires_at,
        subject=subject,
        time_zone=statement.time_zone,
    )


def to_debt(statement: DebtStatement, statement_id: str, content: str, subject: str | None) -> Debt:
    return Debt(
        at=statement.as_of,
        statement=statement_id,
        content=content,
        status=statement.status,
        currency=statement.currency,
        outstanding=Decimal(statement.outstanding),
        valid_until=valid_until(statement),
        subject=subject,
        collectors=tuple(sorted(set(statement.collectors))) if statement.collectors is not None else None,
        region=statement.region,
        product=statement.product,
        time_zone=statement.time_zone,
    )


def to_mandate(statement: MandateStatement, statement_id: str, content: str) -> Mandate:
    return Mandate(
        at=statement.as_of,
        statement=statement_id,
        content=content,
        status=statement.status,
        channels=tuple(sorted(set(statement.channels))),
        valid_from=statement.valid_from,
        valid_until=statement.valid_until,
    )


def to_dispute(statement: DisputeStatement, statement_id: str) -> Dispute:
    return Dispute(at=statement.received_at, statement=statement_id, claim=statement.claim, debt_ref=statement.debt_ref)
