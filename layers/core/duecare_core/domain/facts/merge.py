"""How statements become facts.

`touched_slots` lists the states that a statement changes, and `merge` returns the new value of one of them. The service
calls both when it accepts a statement, the replay calls both when it recomputes a decision. Neither reads or writes
anything.

`merge` is commutative, associative and idempotent, so statements that arrive late, repeated or reordered end in the
same state (guarantee 5). Of two consents, debts, mandates or routes of one instant the second raises Conflict if its
content differs. Of two other statements of one instant the one with the greater id counts.
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
    RouteStatement,
    Statement,
    reassigned_at,
    valid_until,
)
from duecare_core.domain.facts.states import (
    Consent,
    ConsentState,
    Debt,
    DebtState,
    Dispute,
    DisputeAnswer,
    Mandate,
    NumberState,
    Occurrence,
    Route,
    Start,
    StopState,
)
from duecare_core.domain.rules.reply import Reply
from duecare_core.errors import Conflict

EVERY = "*"  # every channel of a creditor, or every creditor

# Disputes of one creditor about single debts. Beyond these a dispute covers all its debts, so that none is refused.
MAX_DISPUTED_DEBTS = 32
MAX_SAME_DISPUTES = 8  # further repetitions of one dispute are known, but cannot be named in an answer
# At most four claims about each disputed debt and about all debts can be open.
MAX_ANSWERS = 4 * (MAX_DISPUTED_DEBTS + 1)

FactState = ConsentState | DebtState | Dispute | StopState | NumberState | Mandate | Route
Dated = TypeVar("Dated", Consent, Debt, Mandate, Route)
Engagement = TypeVar("Engagement", Mandate, Route)
Marked = TypeVar("Marked", Occurrence, Start)


class MergeInput(NamedTuple):
    """A verified statement as `merge` reads it.

    `content` is a digest of its members without `iat`. `accepted_at`: the service's clock. A statement that protects
    the recipient merges with the earlier of this and its own time, so one that is dated ahead hides nothing that is
    said later.

    Of a consent or debt, `subject` is only ever compared: the service passes a keyed digest of the stated one. Of a
    debt, `answered`: the content of the dispute that it answers; None if it answers none, or one that a newer dispute
    has replaced. Of a dispute, `folded`: it is to cover all debts, because too many debts are disputed one by one. Of a
    reply, `creditor`: to whom it applies, `reply`: how it was read, and `start`: if it re-opens, what it re-opens by.
    """

    statement: Statement
    statement_id: str
    content: str
    accepted_at: datetime
    subject: str | None = None
    answered: str | None = None
    folded: bool = False
    creditor: str = ""
    reply: Reply | None = None
    start: Start | None = None

    def protective_time(self, stated: datetime) -> datetime:
        return min(stated, self.accepted_at)

    def occurrence(self, stated: datetime) -> Occurrence:
        return Occurrence(self.protective_time(stated), self.statement_id, self.content)


class FactSlot(NamedTuple):
    """The place of one state among the facts about a recipient.

    `creditor` is `*` for a stop of all creditors, and empty for the number's own state. `item` is the channel of a
    consent (`*`: revocations of all channels), the debt_ref of a debt, the collector of a mandate, the gateway of a
    route, or the claim and debt_ref of a dispute. `creditor` is the sender of a route. Mandates and routes concern no
    recipient.
    """

    state: type[FactState]
    creditor: str = ""
    item: str = ""


def touched_slots(incoming: MergeInput) -> tuple[FactSlot, ...]:  # noqa: PLR0911  one return a kind
    """The states that this statement may change; none for a delivery, for a reply without meaning, and for a START that
    answers no allow."""
    match incoming.statement:  # debts and consents first: imports have millions of them
        case DebtStatement(iss=creditor, debt_ref=debt_ref):
            return (FactSlot(DebtState, creditor, debt_ref),)
        case ConsentStatement(iss=creditor, channels=channels):
            return tuple(FactSlot(ConsentState, creditor, channel) for channel in sorted(set(channels)))
        case ConsentRevocationStatement(creditor=creditor, channels=revoked):
            return tuple(FactSlot(ConsentState, creditor, channel) for channel in sorted(set(revoked or (EVERY,))))
        case MandateStatement(iss=creditor, collector=collector):
            return (FactSlot(Mandate, creditor, collector),)
        case RouteStatement(iss=sender, gateway=gateway):
            return (FactSlot(Route, sender, gateway),)
        case DisputeStatement(creditor=creditor, claim=claim, debt_ref=ref):
            return (FactSlot(Dispute, creditor, f"{claim}#{'' if incoming.folded or ref is None else ref}"),)
        case OptOutStatement(creditor=creditor):
            return (FactSlot(StopState, creditor),)
        case ReplyStatement() if incoming.reply is Reply.OPT_OUT or incoming.start:
            return (FactSlot(StopState, incoming.creditor),)
        case NumberReassignmentStatement():
            return (FactSlot(NumberState),)
    return ()


def merge(state: FactState | None, incoming: MergeInput) -> FactState:  # noqa: PLR0911  one return a kind
    """The state of one of the statement's slots after this statement; `state` is None if there was none.

    Raises Conflict if a consent, a debt, a mandate or a route of the same instant has other content.
    """
    match incoming.statement, state:
        case DebtStatement() as debt, DebtState() | None:
            return _merge_debt(state, debt, incoming)
        case ConsentStatement() as consent, ConsentState() | None:
            return _merge_consent(state, to_consent(consent, incoming.statement_id, incoming.content, incoming.subject))
        case ConsentRevocationStatement(revoked_at=at), ConsentState() | None:
            return _merge_revocation(state, incoming.occurrence(at))
        case MandateStatement() as mandate, Mandate() | None:
            return _newest(state, _engagement(Mandate, mandate, incoming))
        case RouteStatement() as route, Route() | None:
            return _newest(state, _engagement(Route, route, incoming))
        case DisputeStatement() as dispute, Dispute() | None:
            return _merge_dispute(state, to_dispute(dispute, incoming))
        case ReplyStatement(), StopState() | None if incoming.start:
            state = state or StopState()
            return structs.replace(state, lifted=_latest(state.lifted, incoming.start))
        case ((OptOutStatement(received_at=at) | ReplyStatement(received_at=at)), StopState() | None):
            state = state or StopState()
            stopped = incoming.occurrence(at)
            return structs.replace(state, stopped=_latest(state.stopped, stopped))
        case NumberReassignmentStatement() as reassignment, NumberState() | None:
            at = _reassignment_time(reassignment, incoming)
            reassigned = Occurrence(at, incoming.statement_id, incoming.content)
            return NumberState(_latest(state.reassigned if state else None, reassigned))
    raise TypeError(f"{type(incoming.statement).__name__} does not merge into {type(state).__name__}")


def _merge_debt(state: DebtState | None, debt: DebtStatement, incoming: MergeInput) -> DebtState:
    """The debt after this confirmation. An older one still counts for `answers`, or the order of arrival would matter.
    Raises Conflict.

    Only a statement that the debt is open answers a dispute: the debt must be stated again, not settled and reopened.
    """
    new = to_debt(debt, incoming.statement_id, incoming.content, incoming.subject)
    return DebtState(_newest(state.newest if state else None, new), _answers(state, debt, incoming))


def _answers(state: DebtState | None, debt: DebtStatement, incoming: MergeInput) -> dict[str, DisputeAnswer]:
    answers = dict(state.answers) if state else {}
    named = debt.answers_dispute
    if named is not None and incoming.answered is not None and debt.status == "open":
        answer = DisputeAnswer(debt.as_of, incoming.statement_id, incoming.answered)
        current = answers.get(named)  # `content` is the dispute's, so two answers to one dispute have the same
        if current is None or (answer.at, answer.statement) > (current.at, current.statement):
            answers[named] = answer
        if len(answers) > MAX_ANSWERS:  # more than disputes can be open: the oldest answer none of them
            del answers[min(answers, key=lambda name: (answers[name].at, name))]
    return answers


def _merge_dispute(state: Dispute | None, new: Dispute) -> Dispute:
    """The newest dispute of one claim about one debt; of one instant, the one with the greater content digest."""
    if state is None:
        return new
    if state.content == new.content:
        if new.statement in (state.statement, *state.also) or len(state.also) == MAX_SAME_DISPUTES:
            return state
        return structs.replace(state, also=tuple(sorted((*state.also, new.statement))))
    return max(state, new, key=lambda dispute: (dispute.at, dispute.content))


def _reassignment_time(statement: NumberReassignmentStatement, incoming: MergeInput) -> datetime:
    """An instant is capped as that of every protective statement. A day is doubtful to its end."""
    at = reassigned_at(statement)
    return incoming.protective_time(at) if "T" in statement.effective_at else at


def _merge_consent(state: ConsentState | None, consent: Consent) -> ConsentState:
    state = state or ConsentState()
    return structs.replace(state, consent=_newest(state.consent, consent))


def _merge_revocation(state: ConsentState | None, revoked: Occurrence) -> ConsentState:
    state = state or ConsentState()
    return structs.replace(state, revoked=_latest(state.revoked, revoked))


def _latest(current: Marked | None, new: Marked) -> Marked:
    """The later of two; of one instant, the one with the greater id. The same content again changes nothing."""
    if current is None:
        return new
    if new.content and new.content == current.content:
        return current
    return new if (new.at, new.statement) > (current.at, current.statement) else current


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


def _engagement(
    kind: type[Engagement], statement: MandateStatement | RouteStatement, incoming: MergeInput
) -> Engagement:
    return kind(
        at=statement.as_of,
        statement=incoming.statement_id,
        content=incoming.content,
        status=statement.status,
        channels=tuple(sorted(set(statement.channels))),
        valid_from=statement.valid_from,
        valid_until=statement.valid_until,
    )


def to_dispute(statement: DisputeStatement, incoming: MergeInput) -> Dispute:
    return Dispute(
        at=incoming.protective_time(statement.received_at),
        statement=incoming.statement_id,
        content=incoming.content,
        claim=statement.claim,
        debt_ref=None if incoming.folded else statement.debt_ref,
        folded=incoming.folded and statement.debt_ref is not None,
    )
