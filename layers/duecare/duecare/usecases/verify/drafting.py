"""A decision's record and its contact ledger, as verify makes them before anything is signed or stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from duecare.ports import Document, Situation
from duecare.usecases import table
from duecare.usecases.verify.pending import Message
from duecare_core.domain.decision.decision import Decision, DecisionRequest
from duecare_core.domain.facts.states import Facts
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.rules.frequency_caps import Contact, contact, drop_expired, pack_contacts, without_message
from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.engine import engine
from duecare_core.evidence import record as records
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile.inputs import encode, inputs_of
from duecare_core.evidence.record import Record

SECOND = timedelta(seconds=1)


def request_of(message: Message, contact_id: str, gateway: str) -> DecisionRequest:
    """The number is in the one spelling of its person, so another spelling has neither other places nor another
    digest."""
    return DecisionRequest(
        contact_id=contact_id,
        number=canonical_number(message.recipient),
        gateway=gateway,
        creditor=message.creditor,
        collector=message.collector or message.creditor,
        channel=message.channel,
        text=message.text,
        debt_ref=message.debt_ref,
        send_at=message.send_at,
    )


def encoded_inputs(
    request: DecisionRequest, facts: Facts, decision: Decision, situation: Situation, now: datetime
) -> bytes:
    """The inputs that a replay needs besides the record and the statements, with the version of each party read."""
    parties = (request.gateway, request.creditor, request.collector)
    read = {party: situation.documents.get(table.party(party)) for party in parties}
    versions = {party: document.version for party, document in read.items() if document}
    return encode(inputs_of(request, facts, decision, versions, now))


def new_record(  # noqa: PLR0913
    decision_id: str,
    request: DecisionRequest,
    message: Message,
    decision: Decision,
    rules: Rules,
    now: datetime,
    *,
    inputs: bytes,
    salt: bytes,
    enforced: bool,
    rehearsal: bool,
) -> Record:
    """The record of a first attempt."""
    at = records.whole_seconds(now)
    # Only an allow to deliver may expire before the configured validity; a denial and a rehearsal never do.
    may_end_early = decision.allowed and not rehearsal
    validity = timedelta(seconds=(decision.good_for if may_end_early else rules.answer_validity) // SECOND)
    return Record(
        decision_id=decision_id,
        attempt=1,
        at=at,
        gateway=request.gateway,
        message_id=message.message_id,
        creditor=request.creditor,
        collector=request.collector,
        channel=request.channel,
        debt_ref=request.debt_ref,
        send_at=message.send_at.astimezone(UTC) if message.send_at else None,
        decision="allow" if decision.allowed else "deny",
        reasons=decision.codes,
        findings=decision.findings,
        retry_at=decision.retry_at,
        valid_until=at + validity,
        enforced=enforced,
        provisional=rehearsal,
        text_sha256=records.text_digest(message.text),
        recipient_digest=records.recipient_digest(salt, request.number),
        salt=salt.hex(),
        relied_on=decision.relied_on,
        regions=decision.regions,
        rules_version=rules.version,
        engine=engine(),
        rules_sha256=rules.digest,
        chains=decision.chains,
        inputs_sha256=digest(inputs),
    )


def updated_ledger(
    record: Record,
    contact_id: str,
    decision: Decision,
    contacts: Iterable[Contact],
    pack: Pack,
    recipient: list[Document],
    pk: str,
) -> Document | None:
    """The contact ledger with this message added, or None if the message does not count: it counts if it is an allow
    that is enforced and not a rehearsal. `recipient`: the documents of the recipient's partition, `pk`.

    The record and the ledger are written together or not at all, over the version of the ledger that the decision read.
    Of N + 1 concurrent allows under a cap of N, one therefore has a write conflict and is decided again.
    """
    if not decision.allowed or not record.enforced or record.provisional or not pack.counts(record.channel):
        return None
    new = contact(record.at, record.channel, record.creditor, decision.debt_ref, contact_id)
    counted = drop_expired([*without_message(contacts, new), new], record.at, pack)
    key = table.contacts(pk)
    replaces = next((document for document in recipient if document.key == key), None)
    return table.write(key, replaces, {}, pack_contacts(counted))
