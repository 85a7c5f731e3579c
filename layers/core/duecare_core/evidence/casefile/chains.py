"""The recipient's chains in a case file: whether they are complete, and whether the decision left out a statement of
them that counts.

The record holds the heads that the decision read, and a head commits to every id before it. So no link can be missing,
added or moved. The answer must also be the same if every statement of the chains is a fact, not only those on which the
decision says that it relies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from msgspec import structs

from duecare_core.domain.facts.chain import ChainHead, extended
from duecare_core.domain.facts.merge import EVERY, MAX_DISPUTED_DEBTS
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import (
    PROTECTIVE,
    SKEW,
    ConsentRevocationStatement,
    DisputeStatement,
    NumberReassignmentStatement,
    OptOutStatement,
    ReplyStatement,
    Statement,
)
from duecare_core.domain.facts.void import Void
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import BadEvidence
from duecare_core.evidence.casefile.chain_parts import ChainedStatement, LoggedVoid, RecipientChain
from duecare_core.evidence.casefile.inputs import Inputs
from duecare_core.evidence.casefile.replay import SignedStatement, differences, replay
from duecare_core.evidence.record import Record
from duecare_core.evidence.statement import StatementRecord

# Reasons that time may cure.
TIME_REASONS = frozenset({"QUIET_HOURS", "FREQUENCY_CAP"})
# Reasons with which a decision says nothing about the recipient.
SILENCING = frozenset(
    {
        "CREDITOR_UNKNOWN",
        "COLLECTOR_UNKNOWN",
        "MANDATE_MISSING",
        "MANDATE_EXPIRED",
        "MANDATE_REVOKED",
        "ROUTE_MISSING",
        "ROUTE_EXPIRED",
        "ROUTE_REVOKED",
    }
)
# An undone void may still keep a statement out for as long as it takes to bring the table in line.
UNDO_TAKES = timedelta(days=1)

# By how a link is shown: whether it lacks a statement, and whether it lacks a log entry of its own.
MEMBERS_MISSING = {
    "relied-on": (True, True),
    "whole": (False, True),
    "withheld": (True, False),
    "erased": (True, False),
}


class ChainPlace(NamedTuple):
    """The place of a statement in the recipient's chain of `of`: the head after it."""

    head: ChainHead
    shown: str


class VoidVersion(NamedTuple):
    """A version of a void, in force from `at`, the instant of its log entry."""

    at: datetime
    id: str
    version: int
    record: Void


def chain_places(record: Record, chains: Sequence[RecipientChain]) -> dict[str, ChainPlace]:
    """The places of all statements, by id. Raises BadEvidence unless these are the whole chains up to the heads that
    the record names."""
    expected = [head.of for head in record.chains]
    if expected not in ([], [record.creditor], [EVERY], [record.creditor, EVERY]):
        raise BadEvidence("the record names other chains than that of its creditor and that of all creditors")
    if [chain.of for chain in chains] != expected:
        raise BadEvidence("the chains are not those that the record names, in its order")
    places: dict[str, ChainPlace] = {}
    for head, chain in zip(record.chains, chains, strict=True):
        name = f"the chain of {chain.of}"
        if len(chain.links) != head.seq:
            raise BadEvidence(f"{name} has {len(chain.links)} statements here, and {head.seq} in the record")
        current: ChainHead | None = None
        for link in chain.links:
            try:
                current = extended(current, chain.of, link.statement_id)
            except ValueError as error:
                raise BadEvidence(f"a statement of {name} has an id that is no digest") from error
            if link.statement_id in places:
                raise BadEvidence(f"the statement {link.statement_id} is twice in the chains")
            places[link.statement_id] = ChainPlace(current, link.shown)
        if current != head:
            raise BadEvidence(f"{name} here does not lead to the head that the record names")
    return places


def check_place(name: str, on_file: StatementRecord, statement: Statement, place: ChainPlace, creditor: str) -> None:
    """Raises BadEvidence unless the statement is one of this chain and was accepted at this place."""
    of = place.head.of
    match statement:
        case NumberReassignmentStatement():
            belongs = of == EVERY
        case OptOutStatement():
            belongs = of == statement.creditor
        case ConsentRevocationStatement() | DisputeStatement():
            belongs = of == statement.creditor
        case ReplyStatement():
            belongs = of == creditor
        case _:
            belongs = False
    if not belongs:
        raise BadEvidence(f"{name}, a {on_file.kind}, does not belong in the chain of {of}")
    if on_file.chain != place.head:
        raise BadEvidence(f"{name} was put on file at another place of the chain of {of}")


def check_relied_on(
    relied_on: Mapping[str, StatementRecord], places: Mapping[str, ChainPlace], chains: Iterable[RecipientChain]
) -> None:
    """Raises BadEvidence if the decision relies on a statement that was accepted into a chain and is not in the chains
    here, or the other way round."""
    links = [link for chain in chains if chain.of == EVERY for link in chain.links]
    for name, on_file in relied_on.items():
        # A dispute that repeats another one has no place of its own.
        in_a_chain = on_file.kind in PROTECTIVE and not (on_file.kind == "dispute" and on_file.same_as)
        in_a_chain = in_a_chain and not _had_no_effect(on_file, links, relied_on)
        if (in_a_chain or on_file.chain is not None) and name not in places:
            raise BadEvidence(f"the decision relies on {name}, a {on_file.kind} that is not in the chains here")
    for name, place in places.items():
        if (place.shown == "relied-on") != (name in relied_on):
            raise BadEvidence(f"the chain of {place.head.of} says otherwise whether the decision relies on {name}")


def _had_no_effect(
    on_file: StatementRecord, links: Iterable[ChainedStatement], relied_on: Mapping[str, StatementRecord]
) -> bool:
    """Whether this is a START that answered a message to an earlier holder of the number and so got no place in a
    chain. It counts once the operator has voided the reassignment. `links`: those of all creditors' chain, which must
    have a statement that may be that reassignment. (That it is a START, `omission` checks, which has the rules.)"""
    if (on_file.kind, on_file.effect) != ("reply", "none"):
        return False
    for link in links:
        if link.entry is not None:
            if datetime.fromisoformat(link.entry.at) <= on_file.received_at:
                return True
            continue
        record = link.statement.record if link.statement else relied_on.get(link.statement_id)
        if record and record.kind == "number-reassignment" and record.received_at <= on_file.received_at:
            return True
    return False


def void_versions(voids: Sequence[LoggedVoid]) -> list[VoidVersion]:
    """The voids of a file. Raises BadEvidence unless each version is there once, in order."""
    found = [VoidVersion(datetime.fromisoformat(one.at), one.id, one.version, one.record) for one in voids]
    names = [(one.record.party, one.id, one.version) for one in found]
    if any(earlier >= later for earlier, later in pairwise(names)):
        raise BadEvidence("the voids are not in the order of party, id and version, each once")
    return found


def voiding(voids: Iterable[VoidVersion], on_file: StatementRecord, at: datetime) -> VoidVersion | None:
    """The void that may have kept this statement out of a decision at this instant; None if none did."""
    covering = [
        one
        for one in voids
        if one.at <= at + SKEW and one.record.covers(on_file.issuer, on_file.kind, on_file.received_at)
    ]
    newest = {one.id: one for one in covering}  # versions are in order
    for one in newest.values():
        if one.record.state == "active" or at <= one.at + UNDO_TAKES:
            return one
    return None


def summary(record: Record, shown: Mapping[str, int], voids: Sequence[VoidVersion]) -> str:
    """The detail of the check, once it has passed. `shown`: how many statements are shown in which way, or voided."""
    if not record.chains:
        return "the record names none: nothing was accepted by then, or the decision says nothing about the recipient"
    places = ", ".join(f"{head.seq} in that of {head.of}" for head in record.chains)
    notes = [f"every statement up to the heads that the record names: {places}"]
    if shown.get("voided"):
        parties = ", ".join(sorted({one.record.party for one in voids}))
        notes.append(f"the operator voided {shown['voided']} of them, stated by {parties}, which do not count")
    if shown.get("withheld"):
        notes.append(
            f"{shown['withheld']} are withheld from the reader of this file, so what they say is not checked here: the "
            "file that the creditor or an auditor fetches shows them"
        )
    if shown.get("erased"):
        notes.append(f"{shown['erased']} were erased, so nobody can check what they said")
    return "; ".join(notes)


def with_folded(inputs: Inputs, chained: Iterable[SignedStatement]) -> Inputs:
    """The inputs with all disputes that cover every debt because too many were disputed one by one. `chained`: in the
    order of acceptance."""
    folded, refs = set(inputs.folded), set[str]()
    for one in chained:
        if isinstance(one.statement, DisputeStatement) and one.statement.debt_ref is not None:
            if one.statement.debt_ref not in refs and len(refs) >= MAX_DISPUTED_DEBTS:
                folded.add(one.statement_id)
            elif one.statement_id not in folded:
                refs.add(one.statement.debt_ref)
    return structs.replace(inputs, folded=tuple(sorted(folded)))


def says_something(record: Record) -> bool:
    """Whether the decision says anything about the recipient: not without a mandate and a route."""
    return SILENCING.isdisjoint(record.reasons)


class HiddenLink(NamedTuple):
    """A link whose statement the file does not show. `accepted_at`: the instant of its log entry."""

    statement_id: str
    accepted_at: datetime


def hidden_links(record: Record, chains: Iterable[RecipientChain]) -> list[HiddenLink]:
    """The links of the creditor's chain whose statements the file does not show. A START is in no other chain."""
    return [
        HiddenLink(link.statement_id, datetime.fromisoformat(link.entry.at))
        for chain in chains
        if chain.of == record.creditor
        for link in chain.links
        if link.entry is not None
    ]


class ChainFacts(NamedTuple):
    """Everything that a decision is recomputed from. `signed`: the statements on which it relies. `chained`: the
    statements of the chains that are shown and in force, in the order of their places; those relied on are among them.
    `hidden`: the statements of the creditor's chain that are withheld or erased.
    """

    record: Record
    inputs: Inputs
    signed: Sequence[SignedStatement]
    chained: Sequence[SignedStatement]
    parties: Mapping[str, Party]
    rules: Rules
    hidden: Sequence[HiddenLink] = ()

    @property
    def depends_on_all(self) -> bool:
        """Whether the answer depends on every fact about the recipient, as `Judgement` has it: an allow does, and a
        denial that time may cure. Quiet hours that never end are a reason that time does not cure: such a denial
        depends on itself alone, so neither a consent nor a debt is disclosed."""
        record, undisclosed = self.record, self.inputs.undisclosed
        if record.decision == "allow" or record.retry_at is not None:
            return True
        hides = undisclosed.consent is not None and undisclosed.debt is not None
        return bool(record.reasons) and TIME_REASONS.issuperset(record.reasons) and not hides

    def has_start_after(self, at: datetime) -> bool:
        """Whether the chains have a START of after this instant."""
        return any(
            isinstance(one.statement, ReplyStatement) and one.statement.received_at > at and _is_start(one, self.rules)
            for one in self.chained
        )


def omission(facts: ChainFacts) -> str | None:
    """How the answer differs if every statement of the chains is a fact; None if it is the same.

    A denial for other reasons than time rests on as little as gives the same answer, so it does not show the statements
    that would be needed here, such as those that answer a dispute. Of such a denial only the stops are compared.
    """
    record, chained = facts.record, {one.statement_id for one in facts.chained}
    for one in facts.signed:
        is_stop = isinstance(one.statement, ReplyStatement) and not _is_start(one, facts.rules)
        if is_stop and one.statement_id not in chained:
            return f"the decision relies on {one.statement_id}, a stop that is not in the chains"
    if not facts.depends_on_all:
        if record.chains and _is_stopped(facts) and "OPTED_OUT" not in record.reasons:
            return "a stop in the chains is in force, and OPTED_OUT is not among the reasons"
        return None
    relied_on = {one.statement_id for one in facts.signed}
    if relied_on.issuperset(chained):
        return None
    differing = _difference(facts)
    return None if differing is None else f"with every statement of the recipient's chains {differing}"


def difference_with(facts: ChainFacts, added: SignedStatement) -> str | None:
    """How the answer differs with one more statement at the end of the chains; None if it is the same, or if
    `may_be_lifted`."""
    if not facts.depends_on_all:
        stopped = _is_stopped(_with(facts, added)) and "OPTED_OUT" not in facts.record.reasons
        return "OPTED_OUT would have been among the reasons" if stopped else None
    differing = _difference(_with(facts, added))
    return None if differing is None else f"with it {differing}"


def may_be_lifted(facts: ChainFacts, added: SignedStatement) -> bool:
    """Whether this statement is a stop, and only one that the file does not show can be the START that lifts it."""
    if facts.depends_on_all or "OPTED_OUT" in facts.record.reasons:
        return False
    wider = _with(facts, added)
    return not _is_stopped(wider) and _is_stopped(wider._replace(hidden=()))


def _with(facts: ChainFacts, added: SignedStatement) -> ChainFacts:
    hidden = [one for one in facts.hidden if one.statement_id != added.statement_id]
    return facts._replace(chained=[*facts.chained, added], hidden=hidden)


def _difference(facts: ChainFacts) -> str | None:
    record, relied_on = facts.record, {one.statement_id for one in facts.signed}
    added = [one for one in facts.chained if one.statement_id not in relied_on]
    inputs = with_folded(facts.inputs, facts.chained)
    decision = replay(record, inputs, [*facts.signed, *added], facts.parties, facts.rules)
    differing = differences(record, decision, facts.rules, facts.inputs.at)
    if not differing:
        return None
    answer = f"deny ({', '.join(decision.codes)})" if decision.codes else "allow"
    return f"the answer is {answer}: it differs in {', '.join(differing)}"


def _is_start(one: SignedStatement, rules: Rules) -> bool:
    statement = one.statement
    return isinstance(statement, ReplyStatement) and (
        read_reply(statement.text, rules, statement.received_at) is Reply.OPT_IN
    )


def _is_stopped(facts: ChainFacts) -> bool:
    """Whether there is a stop that no later START of this creditor lifts.

    A START that the file does not show may lift a stop too. It is dated no later than it was accepted, and a stop may
    be dated earlier than that, so the order of the chain does not show which of them is later.
    """
    stopped: list[datetime] = []
    lifted = [one.accepted_at for one in facts.hidden]
    for one in facts.chained:
        if isinstance(one.statement, OptOutStatement | ReplyStatement):
            at = min(one.statement.received_at, one.accepted_at)
            (lifted if _is_start(one, facts.rules) else stopped).append(at)
    return bool(stopped) and not (lifted and max(lifted) > max(stopped))
