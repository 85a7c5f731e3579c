"""What is wrong with an answer whatever the engine: checks that recompute no decision.

The service writes the label of the engine itself. So a difference in the replay must excuse nothing that the statements
alone show: a stop that is in force, or an allow without a consent, a debt, a mandate and a route.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

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
)
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.evidence.casefile.chains import ChainFacts, omission


def contradiction(facts: ChainFacts) -> str | None:
    """How the evidence contradicts the answer, whatever the engine; None if it does not. `facts`: of a file whose
    statements are about this decision, each signed by a party that may state it."""
    record = facts.record
    if (record.decision, bool(record.reasons)) not in {("allow", False), ("deny", True)}:
        return f"the answer is {record.decision} with {len(record.reasons)} reasons"
    if not facts.depends_on_all:
        return omission(facts)  # of such a denial it compares the stops alone, and recomputes nothing
    if _is_stopped(facts):
        return "a stop in the chains is in force, and OPTED_OUT is not among the reasons"
    if record.decision != "allow":
        return None
    missing = [name for name, found in _basis(facts) if not found]
    if missing:
        return f"an allow rests on {' and '.join(missing)}, and the decision relies on none"
    return _protection(facts)


def _basis(facts: ChainFacts) -> Iterator[tuple[str, bool]]:
    """What an allow rests on, and whether the decision relies on it."""
    record, signed = facts.record, [one.statement for one in facts.signed]
    names, rows = frozenset(record.relied_on), facts.inputs.rows
    consents = {row.consent.consent.statement for row in rows if row.consent and row.consent.consent}
    channel = record.channel
    yield (
        f"a consent on the channel {channel}",
        any(isinstance(one, ConsentStatement) and channel in one.channels for one in signed) or bool(consents & names),
    )
    yield "an open debt", bool(_debts(facts))
    if record.collector != record.creditor:
        yield "a mandate of the creditor", any(_engages(one, facts, MandateStatement) for one in signed)
    yield "a route of the sender", any(_engages(one, facts, RouteStatement) for one in signed)


def _debts(facts: ChainFacts) -> set[str]:
    """The debt_refs of the open debts on which the decision relies."""
    names = frozenset(facts.record.relied_on)
    signed = {
        one.statement.debt_ref
        for one in facts.signed
        if isinstance(one.statement, DebtStatement) and one.statement.status == "open"
    }
    rows = {
        row.of
        for row in facts.inputs.rows
        if row.debt and row.debt.newest.status == "open" and row.debt.newest.statement in names
    }
    named = facts.record.debt_ref
    return {ref for ref in signed | rows if named in (None, ref)}


def _engages(statement: Statement, facts: ChainFacts, kind: type[MandateStatement | RouteStatement]) -> bool:
    """Whether this is a mandate or a route in force for the message."""
    record = facts.record
    at = record.send_at if record.provisional and record.send_at else facts.inputs.at
    return (
        isinstance(statement, MandateStatement | RouteStatement)
        and isinstance(statement, kind)
        and statement.status == "active"
        and record.channel in statement.channels
        and statement.valid_from <= at < statement.valid_until
    )


def _protection(facts: ChainFacts) -> str | None:
    """What in the chains forbids an allow; None if nothing does."""
    starts, debts = _starts(facts), _debts(facts)
    disputed = False
    for one in facts.chained:
        match one.statement:
            case NumberReassignmentStatement():
                return "the number changed hands, and an allow rests on nothing that was stated of another holder"
            case ConsentRevocationStatement(channels=channels, revoked_at=at):
                covers = not channels or facts.record.channel in channels
                if covers and not any(start > min(at, one.accepted_at) for start in starts):
                    return "a revocation in the chains is in force, and no START after it is among the statements"
            case DisputeStatement(debt_ref=ref) if ref is None or debts <= {ref}:
                disputed = True
    if disputed and not any(isinstance(one.statement, DisputeStatement) for one in facts.signed):
        return "a dispute in the chains covers the debt, and the decision names neither it nor an answer to it"
    return None


def _starts(facts: ChainFacts) -> list[datetime]:
    """When the recipient sent the STARTs that count: the decision relies on each, and it answers an allow."""
    return [
        min(one.statement.received_at, one.accepted_at)
        for one in facts.signed
        if isinstance(one.statement, ReplyStatement)
        and one.statement_id in facts.inputs.starts
        and _is_start(one.statement, facts)
    ]


def _is_stopped(facts: ChainFacts) -> bool:
    """Whether there is a stop that no later START that counts lifts."""
    stops = [
        min(one.statement.received_at, one.accepted_at)
        for one in (*facts.chained, *facts.signed)
        if isinstance(one.statement, OptOutStatement)
        or (isinstance(one.statement, ReplyStatement) and not _is_start(one.statement, facts))
    ]
    return bool(stops) and not any(start > max(stops) for start in _starts(facts))


def _is_start(reply: ReplyStatement, facts: ChainFacts) -> bool:
    return read_reply(reply.text, facts.rules, reply.received_at) is Reply.OPT_IN
