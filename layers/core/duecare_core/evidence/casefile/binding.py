"""Whether the statements in a case file are about this decision: this number, this creditor, this sender and gateway,
and by a party that may state such a thing about this creditor.

Signatures and proofs show that a party signed a statement and that it was accepted. They do not show that it has
anything to do with the message: the operator could have put another recipient's consent there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from duecare_core.domain.decision.decision import is_rehearsal
from duecare_core.domain.facts.merge import EVERY
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import (
    PROTECTIVE,
    STATED_BY,
    ConsentRevocationStatement,
    ConsentStatement,
    DebtStatement,
    DeliveryStatement,
    DisputeStatement,
    MandateStatement,
    OptOutStatement,
    ReplyStatement,
    RouteStatement,
    Statement,
    StatementKind,
)
from duecare_core.domain.facts.states import ConsentState, DebtState, DisputeAnswer, Undisclosed
from duecare_core.domain.fields import Role
from duecare_core.domain.location.phone import canonical_number, todays_number
from duecare_core.domain.portfolio.portfolio import Manifest
from duecare_core.errors import BadEvidence
from duecare_core.evidence.casefile.inputs import ROW_SEPARATOR, InputRow, Inputs
from duecare_core.evidence.casefile.row_proofs import LEFT_OUT, check_left_out
from duecare_core.evidence.record import Record

_ROW_NUMBER = re.compile(r"[1-9][0-9]{0,6}\Z")


def check_subject(record: Record, inputs: Inputs, kind: StatementKind, statement: Statement) -> None:
    """Raises BadEvidence unless the statement is about the recipient, the creditor and the parties of the decision."""
    _check_number(inputs, kind, statement)
    match statement:
        case ConsentStatement() | DebtStatement():
            _equal(f"a {kind} is of the creditor", statement.iss, record.creditor)
        case MandateStatement():
            _equal("a mandate is of the creditor", statement.iss, record.creditor)
            _equal("a mandate is for the collector", statement.collector, record.collector)
        case RouteStatement():
            _equal("a route is of the sender", statement.iss, record.collector)
            _equal("a route is for the gateway", statement.gateway, record.gateway)
        case OptOutStatement():
            if statement.creditor != EVERY:
                _equal(f"a {kind} is about the creditor", statement.creditor, record.creditor)
        case ConsentRevocationStatement() | DisputeStatement():
            _equal(f"a {kind} is about the creditor", statement.creditor, record.creditor)
        case ReplyStatement(message_id=None):
            _equal("a reply is about the creditor", statement.creditor or "nobody", record.creditor)
        case DeliveryStatement():
            raise BadEvidence("no decision relies on a delivery")


def check_entitled(record: Record, kind: StatementKind, statement: Statement, registered: Iterable[Party]) -> None:
    """Raises BadEvidence unless the issuer may state this about this creditor, by one of these registrations.

    That a collector held a mandate when it passed on a stop is not checked: the mandate is not in the file, and a stop
    permits nothing.
    """
    roles: frozenset[Role] = STATED_BY[kind]
    if getattr(statement, "creditor", None) == EVERY:
        roles = frozenset({"gateway"})
    elif kind in PROTECTIVE and statement.iss != record.creditor:
        roles -= {"creditor"}
    parties = [party for party in registered if any(map(party.acts_as, roles))]
    if not parties:
        raise BadEvidence(f"{statement.iss} has no role in which it may state a {kind} about {record.creditor}")
    if kind not in PROTECTIVE and all(party.state != "active" for party in parties):
        raise BadEvidence(f"{statement.iss} was suspended when its {kind} was accepted")


def check_manifest(record: Record, manifest: Manifest, registered: Iterable[Party]) -> None:
    """Raises BadEvidence unless the decision's creditor could announce this file."""
    _equal("a file of rows is of the creditor", manifest.iss, record.creditor)
    if not any(party.acts_as("creditor") and party.state == "active" for party in registered):
        raise BadEvidence(f"{manifest.iss} was no active creditor when its file was accepted")


def check_rows(
    record: Record, inputs: Inputs, signed: Mapping[str, Statement], manifests: Mapping[str, Manifest]
) -> None:
    """Raises BadEvidence unless each row is one that a file of that kind can have, and claims nothing in the name of a
    signed statement that the statement does not say. `signed` and `manifests`: by statement id."""
    for name in record.relied_on:
        statement_id, separator, number = name.partition(ROW_SEPARATOR)
        if separator:
            _check_row_name(inputs, name, number, manifests.get(statement_id))
        elif statement_id not in signed:
            raise BadEvidence("the decision relies on the manifest of a file, which states nothing without a row")
    places = [(type(row.consent or row.debt), row.of) for row in inputs.rows]
    if len(set(places)) != len(places):
        raise BadEvidence("the inputs have two rows about one thing")
    relied_on = frozenset(record.relied_on)
    for row in inputs.rows:
        _check_row(row, relied_on, signed, manifests)


def check_circumstances(record: Record, inputs: Inputs, parties: Mapping[str, Party]) -> None:
    """Raises BadEvidence if the record says something about shadow mode or a rehearsal that the registrations and the
    times contradict."""
    gateway = parties.get(record.gateway)
    if record.enforced and gateway is not None and gateway.shadow:
        raise BadEvidence(f"the record says that the answer is enforced, but {record.gateway} was in shadow mode")
    if record.provisional is not is_rehearsal(record.send_at, inputs.at):
        raise BadEvidence("whether the answer is a rehearsal does not follow from send_at and the time of the decision")


def check_shown(record: Record, inputs: Inputs) -> None:
    """Raises BadEvidence if an allow depends on something that the file does not show."""
    if record.decision != "allow":
        return
    if inputs.undisclosed != Undisclosed():
        raise BadEvidence(
            "an allow shows every fact that it depends on, and this one depends on facts without evidence"
        )


def _check_number(inputs: Inputs, kind: StatementKind, statement: Statement) -> None:
    number = getattr(statement, "recipient", None)
    if number is None or canonical_number(number) == inputs.number:
        return
    if kind in PROTECTIVE and todays_number(number) == inputs.number:
        return  # an old spelling, which a statement that protects may have
    raise BadEvidence(f"a {kind} is about another number than the message")


def _check_row_name(inputs: Inputs, name: str, number: str, manifest: Manifest | None) -> None:
    if manifest is None:
        raise BadEvidence(f"the decision relies on {name}, a row of a statement that announces no file")
    if number == LEFT_OUT:
        check_left_out(inputs.rows, name, manifest)
    elif not _ROW_NUMBER.match(number) or int(number) > manifest.rows:
        raise BadEvidence(f"the decision relies on {name}, but the file has {manifest.rows} rows")


def _check_row(
    row: InputRow, relied_on: frozenset[str], signed: Mapping[str, Statement], manifests: Mapping[str, Manifest]
) -> None:
    match row.consent, row.debt:
        case ConsentState() as consent, None:
            file_facts = [consent.consent.statement] if consent.consent else []
            if consent.revoked and ROW_SEPARATOR in consent.revoked.statement:
                raise BadEvidence("no file has revocations as rows")
            needed, kind = file_facts, "consent"
        case None, DebtState() as debt:
            file_facts = [debt.newest.statement, *(answer.statement for answer in debt.answers.values())]
            needed, kind = [one for one in file_facts if ROW_SEPARATOR in one], "debt"
            for named, answer in debt.answers.items():
                _check_answer(row.of, debt, named, answer, signed.get(answer.statement))
        case _:
            raise BadEvidence("a row of a file is either a consent or a debt")
    if not any(one in relied_on and ROW_SEPARATOR in one for one in needed):
        raise BadEvidence(f"the inputs have a row about {row.of} on which the decision does not rely")
    for one in file_facts:
        manifest = manifests.get(one.partition(ROW_SEPARATOR)[0])
        if ROW_SEPARATOR in one and manifest is not None and manifest.kind != kind:
            raise BadEvidence(f"{one} is a row of a file of {manifest.kind}s, and here it is a {kind}")


def _check_answer(of: str, debt: DebtState, named: str, answer: DisputeAnswer, signed: Statement | None) -> None:
    """An answer to a dispute is a statement that this debt is open. If it is ascribed to a signed debt statement, it
    must be in that statement. (The row of a file that has a `rows_root` is compared in row_proofs.py.)"""
    if answer.statement.endswith(ROW_SEPARATOR + LEFT_OUT):
        raise BadEvidence(f"{answer.statement} answers a dispute, but the file does not have the debt")
    if signed and not (isinstance(signed, DebtStatement) and _states_answer(signed, of, named, answer)):
        raise BadEvidence("a row says that a signed statement answers a dispute, and the statement does not")
    if answer.at > debt.newest.at:
        raise BadEvidence("the answer to a dispute is newer than the newest statement of its debt")
    if answer.statement == debt.newest.statement and (answer.at, "open") != (debt.newest.at, debt.newest.status):
        raise BadEvidence("the answer to a dispute differs from the statement of the debt that answers it")


def _states_answer(debt: DebtStatement, of: str, named: str, answer: DisputeAnswer) -> bool:
    stated = (debt.debt_ref, debt.status, debt.answers_dispute, debt.as_of)
    return stated == (of, "open", named, answer.at)


def _equal(what: str, found: str, expected: str) -> None:
    if found != expected:
        raise BadEvidence(f"{what} {found}, and the decision is about {expected}")
