"""Replay: the decision made again, from a case file and nothing else (guarantee 10).

The facts are not taken from anyone's word where a party's own is there: they are merged anew from the statements that
the record names, as they were signed. `decide` gives the same answer on these as on all that was known: what an answer
does not name, it does not rest on. (Every decision of the tests is replayed so.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import structs

from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import Decision, DecisionRequest
from duecare_core.domain.facts import merge
from duecare_core.domain.facts.party import Party
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
)
from duecare_core.domain.facts.states import (
    ConsentState,
    DebtState,
    Dispute,
    Facts,
    Mandate,
    NumberState,
    Occurrence,
    StopState,
)
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import BadEvidence, DuecareError
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile.inputs import ROW_SEPARATOR, Inputs
from duecare_core.evidence.record import Record, whole_seconds
from duecare_core.evidence.statement import content

SECOND = timedelta(seconds=1)


class SignedStatement(NamedTuple):
    """A statement that was read and whose signature was found good."""

    statement_id: str
    statement: Statement


def replay(
    record: Record, inputs: Inputs, signed: Iterable[SignedStatement], parties: Mapping[str, Party], rules: Rules
) -> Decision:
    """What `decide` says to the same request on the same facts by the same rules. `parties`: as they were registered
    when it was decided. Raises BadEvidence where that cannot be asked."""
    request = DecisionRequest(
        decision_id=record.decision_id,
        recipient=inputs.recipient,
        gateway=record.gateway,
        creditor=record.creditor,
        collector=record.collector,
        channel=record.channel,
        text=inputs.text,
        debt_ref=record.debt_ref,
        send_at=record.send_at,
    )
    try:
        facts = _Merging(record, inputs, parties, rules).facts(signed)
        return decide(request, facts, rules, inputs.at)
    except (DuecareError, ValueError) as error:
        raise BadEvidence("the decision cannot be made again from what is here") from error


def differences(record: Record, decision: Decision, rules: Rules, at: datetime) -> tuple[str, ...]:
    """The members of the record that this decision would not have given; none if it is the same."""
    ends = decision.allowed and not record.provisional
    good_for = timedelta(seconds=(decision.good_for if ends else rules.answer_validity) // SECOND)
    made = {
        "decision": "allow" if decision.allowed else "deny",
        "reasons": decision.codes,
        "findings": decision.findings,
        "retry_at": decision.retry_at,
        "relied_on": decision.relied_on,
        "regions": decision.regions,
        "valid_until": whole_seconds(at) + good_for,
    }
    return tuple(name for name, value in made.items() if getattr(record, name) != value)


class _Merging:
    """Facts out of statements, and out of rows of files where the record names such. `replay` is its only user."""

    def __init__(self, record: Record, inputs: Inputs, parties: Mapping[str, Party], rules: Rules) -> None:
        self._record = record
        self._inputs = inputs
        self._parties = parties
        self._rules = rules
        self._consents = {row.of: row.consent for row in inputs.rows if row.consent}
        self._debts = {row.of: row.debt for row in inputs.rows if row.debt}
        self._disputes: list[Dispute] = []
        self._stops: dict[str, StopState] = {}
        self._number: NumberState | None = None
        self._mandate: Mandate | None = None

    def facts(self, signed: Iterable[SignedStatement]) -> Facts:
        for one in signed:
            self._merge(one)
        record = self._record
        return Facts(
            gateway=self._parties.get(record.gateway),
            creditor=self._parties.get(record.creditor),
            collector=self._parties.get(record.collector),
            halted=self._inputs.halted,
            mandate=self._mandate,
            consents={of: self._told_subject(state) for of, state in self._consents.items()},
            debts={of: self._told_debtor(state) for of, state in self._debts.items()},
            disputes=tuple(self._disputes),
            stops=tuple(self._stops[whose] for whose in sorted(self._stops)),
            number=self._number,
            contacts=tuple(one.contact(record.creditor) for one in self._inputs.counted),
        )

    # A row's subject is on file under a key only: whether the two are one person is then told, as is the row itself.

    def _told_subject(self, state: ConsentState) -> ConsentState:
        if state.consent is None or not self._inputs.rows:
            return state
        return structs.replace(state, consent=structs.replace(state.consent, subject="holder"))

    def _told_debtor(self, state: DebtState) -> DebtState:
        if not self._inputs.rows:
            return state
        told = "holder" if self._inputs.same_subject else "debtor"
        return structs.replace(state, newest=structs.replace(state.newest, subject=told))

    def _merge(self, one: SignedStatement) -> None:
        name, said = one
        match said:
            case ConsentStatement():
                self._consent(name, said)
            case ConsentRevocationStatement():
                mark = Occurrence(said.revoked_at, name)
                channels: list[str] = [*said.channels] if said.channels else ["*"]
                for channel in channels:
                    self._consents[channel] = merge.with_revocation(self._consents.get(channel), mark)
            case DebtStatement():
                self._debt(name, said)
            case MandateStatement():
                self._mandate = merge.newest(self._mandate, merge.mandate(said, name, digest(content(said))))
            case DisputeStatement():
                self._disputes.append(
                    Dispute(at=said.received_at, statement=name, claim=said.claim, debt_ref=said.debt_ref)
                )
            case OptOutStatement():
                self._stop(said.creditor, merge.with_stop, Occurrence(said.received_at, name))
            case ReplyStatement():
                lifts = read_reply(said.text, self._rules, said.received_at) is Reply.OPT_IN
                # A reply to a message is to whom that message was sent for; it is named here because it counted.
                whose = said.creditor or self._record.creditor
                self._stop(whose, merge.with_start if lifts else merge.with_stop, Occurrence(said.received_at, name))
            case NumberReassignmentStatement():
                self._number = merge.with_reassignment(self._number, Occurrence(said.effective_at, name))

    def _consent(self, name: str, said: ConsentStatement) -> None:
        consent = merge.consent(said, name, digest(content(said)), said.subject)
        for channel in said.channels:
            self._consents[channel] = merge.with_consent(self._consents.get(channel), consent)

    def _debt(self, name: str, said: DebtStatement) -> None:
        debt = merge.debt(said, name, digest(content(said)), said.subject)
        before = self._debts.get(said.debt_ref)
        if before is not None and before.newest.statement == name:
            # On file beside a row: what was signed stands in place of what was told of it.
            self._debts[said.debt_ref] = structs.replace(before, newest=debt)
            return
        self._debts[said.debt_ref] = merge.with_debt(before, debt, said.answers_dispute)

    def _stop(self, whose: str, how: merge.StopMerge, mark: Occurrence) -> None:
        self._stops[whose] = how(self._stops.get(whose), mark)


def is_row(statement_id: str) -> bool:
    """Whether this names a row of a file, which nobody signed alone."""
    return ROW_SEPARATOR in statement_id
