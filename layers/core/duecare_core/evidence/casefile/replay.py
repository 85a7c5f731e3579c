"""Replay: recompute a decision from a case file and nothing else (guarantee 10).

Where a party's own statement is in the case file, its facts are merged again from the signed statement; the recorded
inputs supply the rest. `decide` gives the same answer on these facts as on everything that was known, because an answer
depends only on what it names. (The tests replay every decision they make.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import structs

from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import Decision, DecisionRequest
from duecare_core.domain.facts.merge import EVERY, FactSlot, FactState, MergeInput, merge, to_debt, touched_slots
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import (
    ConsentStatement,
    DebtStatement,
    DisputeStatement,
    ReplyStatement,
    Statement,
)
from duecare_core.domain.facts.states import (
    ConsentState,
    DebtState,
    Dispute,
    Facts,
    Mandate,
    NumberState,
    Route,
    Start,
    StopState,
)
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import BadEvidence, DuecareError
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile.inputs import ROW_SEPARATOR, Inputs
from duecare_core.evidence.casefile.other_engine import another_answer
from duecare_core.evidence.casefile.places import geography
from duecare_core.evidence.record import Record, whole_seconds
from duecare_core.evidence.statement import content

SECOND = timedelta(seconds=1)


class SignedStatement(NamedTuple):
    """A parsed statement whose signature was verified. `accepted_at`: when the service accepted it."""

    statement_id: str
    statement: Statement
    accepted_at: datetime


def replay(
    record: Record, inputs: Inputs, signed: Iterable[SignedStatement], parties: Mapping[str, Party], rules: Rules
) -> Decision:
    """The decision on the same request, the same facts and the same rules.

    `signed`: the statements that the record names. `parties`: by id, as they were registered at the time of the
    decision. Raises BadEvidence if the decision cannot be recomputed from these.
    """
    request = DecisionRequest(
        contact_id=record.decision_id,
        number=inputs.number,
        gateway=record.gateway,
        creditor=record.creditor,
        collector=record.collector,
        channel=record.channel,
        text=inputs.text,
        debt_ref=record.debt_ref,
        send_at=record.send_at,
    )
    try:
        facts = replayed_facts(record, inputs, signed, parties, rules)
        return decide(request, facts, rules, inputs.at, geography=geography(inputs.places, record.regions))
    except (DuecareError, ValueError) as error:
        raise BadEvidence("the decision cannot be made again from what is here") from error


def differences(record: Record, decision: Decision, rules: Rules, at: datetime) -> tuple[str, ...]:
    """The names of the record's members that differ from this decision; empty if it is the same."""
    ends = decision.allowed and not record.provisional
    good_for = timedelta(seconds=(decision.good_for if ends else rules.answer_validity) // SECOND)
    made = {
        "decision": "allow" if decision.allowed else "deny",
        "reasons": decision.codes,
        "findings": decision.findings,
        "retry_at": decision.retry_at,
        "relied_on": decision.relied_on,
        "regions": decision.regions,
        "chains": decision.chains,
        "valid_until": whole_seconds(at) + good_for,
    }
    return tuple(name for name, value in made.items() if getattr(record, name) != value)


def recompute(
    record: Record, inputs: Inputs, signed: Iterable[SignedStatement], parties: Mapping[str, Party], rules: Rules
) -> Decision:
    """As `replay`. Raises BadEvidence if the decision is not the record's: OtherEngine if another engine made it."""
    try:
        decision = replay(record, inputs, signed, parties, rules)
    except BadEvidence as error:
        raise another_answer(record, str(error)) from error
    differing = differences(record, decision, rules, inputs.at)
    if differing:
        raise another_answer(record, f"made again it differs in {', '.join(differing)}")
    return decision


def replayed_facts(
    record: Record, inputs: Inputs, signed: Iterable[SignedStatement], parties: Mapping[str, Party], rules: Rules
) -> Facts:
    """The facts that follow from these statements and from the rows of files in `inputs`. Raises Conflict."""
    signed = list(signed)
    contents = {one.statement_id: digest(content(one.statement)) for one in signed}
    states: dict[FactSlot, FactState] = {}
    for row in inputs.rows:
        if row.consent:
            states[FactSlot(ConsentState, record.creditor, row.of)] = row.consent
        if row.debt:
            states[FactSlot(DebtState, record.creditor, row.of)] = _with_answered_contents(row.debt, contents)
    for one in signed:
        incoming = _merge_input(one, contents, record, inputs, rules)
        for slot in touched_slots(incoming):
            states[slot] = _merge_signed(states.get(slot), incoming)
    consents: dict[str, ConsentState] = {}
    debts: dict[str, DebtState] = {}
    disputes: list[Dispute] = []
    for slot, state in states.items():
        if slot.creditor != record.creditor:
            continue
        match state:
            case ConsentState():
                consents[slot.item] = _with_known_subject(state, inputs)
            case DebtState():
                debts[slot.item] = _with_known_debtor(state, inputs)
            case Dispute():
                disputes.append(state)
    mandate = states.get(FactSlot(Mandate, record.creditor, record.collector))
    route = states.get(FactSlot(Route, record.collector, record.gateway))
    stop = states.get(FactSlot(StopState, record.creditor))
    stop_of_all = states.get(FactSlot(StopState, EVERY))
    number = states.get(FactSlot(NumberState))
    return Facts(
        gateway=parties.get(record.gateway),
        creditor=parties.get(record.creditor),
        collector=parties.get(record.collector),
        halted=inputs.halted,
        mandate=mandate if isinstance(mandate, Mandate) else None,
        route=route if isinstance(route, Route) else None,
        consents=consents,
        debts=debts,
        disputes=tuple(disputes),
        stop=stop if isinstance(stop, StopState) else StopState(),
        stop_of_all=stop_of_all if isinstance(stop_of_all, StopState) else StopState(),
        number=number if isinstance(number, NumberState) else None,
        undisclosed=inputs.undisclosed,
        contacts=tuple(one.contact(record.creditor) for one in inputs.counted),
        chains=record.chains,
    )


def is_row(statement_id: str) -> bool:
    """Whether this id names a row of a file. Nobody signed a row alone."""
    return ROW_SEPARATOR in statement_id


def _merge_input(
    one: SignedStatement, contents: Mapping[str, str], record: Record, inputs: Inputs, rules: Rules
) -> MergeInput:
    """`contents`: by statement id, the digest of its content."""
    statement = one.statement
    incoming = MergeInput(statement, one.statement_id, contents[one.statement_id], one.accepted_at)
    match statement:
        case ReplyStatement():
            return _reply_input(incoming, statement, record, inputs, rules)
        case DebtStatement(answers_dispute=named):
            return incoming._replace(subject=statement.subject, answered=contents.get(named or ""))
        case ConsentStatement():
            return incoming._replace(subject=statement.subject)
        case DisputeStatement():
            return incoming._replace(folded=one.statement_id in inputs.folded)
    return incoming


def _reply_input(
    incoming: MergeInput, statement: ReplyStatement, record: Record, inputs: Inputs, rules: Rules
) -> MergeInput:
    """The record names a reply only if it counted. One that is no opt-in was therefore an opt-out, even if a newer
    version of the rules no longer has its word. A reply to a message is to the creditor of that message."""
    stated = statement.creditor if statement.message_id is None else None
    incoming = incoming._replace(creditor=stated or record.creditor)
    allow = inputs.starts.get(incoming.statement_id)
    if read_reply(statement.text, rules, statement.received_at) is not Reply.OPT_IN:
        return incoming._replace(reply=Reply.OPT_OUT)
    start = None
    if allow:
        answered = (allow.at, allow.decision_id, allow.record_sha256)
        start = Start(statement.received_at, incoming.statement_id, incoming.content, *answered)
    return incoming._replace(creditor=record.creditor, reply=Reply.OPT_IN, start=start)


def _with_answered_contents(debt: DebtState, contents: Mapping[str, str]) -> DebtState:
    """A row's debt with the contents of the disputes that it answers, which its inputs do not repeat."""
    answers = {
        named: structs.replace(answer, content=contents.get(named, "")) for named, answer in debt.answers.items()
    }
    return structs.replace(debt, answers=answers)


def _merge_signed(state: FactState | None, incoming: MergeInput) -> FactState:
    """As `merge`. If the state holds this very debt statement, it came with a row and lacks the keyed digests: the
    signed statement takes its place, and everything else in the state already counts it."""
    statement = incoming.statement
    if (
        isinstance(state, DebtState)
        and isinstance(statement, DebtStatement)
        and state.newest.statement == incoming.statement_id
    ):
        return structs.replace(
            state, newest=to_debt(statement, incoming.statement_id, incoming.content, incoming.subject)
        )
    return merge(state, incoming)


# The subject of a row is stored as a keyed digest only, which the inputs do not repeat. They record instead whether
# debtor and holder of the number are one person.


def _with_known_subject(state: ConsentState, inputs: Inputs) -> ConsentState:
    if state.consent is None or not inputs.rows:
        return state
    return structs.replace(state, consent=structs.replace(state.consent, subject="holder"))


def _with_known_debtor(state: DebtState, inputs: Inputs) -> DebtState:
    if not inputs.rows:
        return state
    subject = "holder" if inputs.same_subject else "debtor"
    return structs.replace(state, newest=structs.replace(state.newest, subject=subject))
