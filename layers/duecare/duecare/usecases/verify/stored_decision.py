"""A decision as the table stores it, and the answer to the caller that is made of it.

`StoredDecision` is made in two functions only: `confirmed`, of a write that the table confirmed, and `unpack`, of a
document that was read back (tests/unit/usecases/verify/test_recorded_first.py).

The record is encrypted (duecare_core/evidence/sealed_decision.py), so `unpack` needs the key. `summary` does not: the
sequencer and the functions that accept statements read no more than that.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from duecare.ports import Document, WriteConflict
from duecare.usecases import table
from duecare_core.domain.fields import RecipientKey, RecipientTag, TextMac
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence import record as records
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.record import Record
from duecare_core.evidence.sealed_decision import (
    InputsKey,
    OpenedDecision,
    Summary,
    encode_summary,
    read_summary,
    summarize,
)


class PastAllow(NamedTuple):
    """An enforced allow of a message, by which a later START may count: when, its decision, and its record."""

    at: datetime
    decision_id: str
    record_sha256: str


class _Allows(Struct, frozen=True, omit_defaults=True):
    """The body of a stored decision: enforced allows that later attempts have replaced, as time and record digest."""

    allows: tuple[tuple[datetime, str], ...] = ()


class DecisionEnvelope(NamedTuple):
    """Key (thumbprint) and signature of the receipt, a keyed digest of the request, and the recipient's key. Encrypted
    with the record."""

    kid: str
    signature: bytes
    request: str
    recipient_key: RecipientKey


class DecisionSeal(NamedTuple):
    """The key that encrypts a decision, 12 random bytes that are never used twice, and the keyed digests that name its
    recipient and its text in the clear."""

    key: InputsKey
    nonce: bytes
    recipient_tag: RecipientTag
    text_mac: TextMac


class SignedDecision(NamedTuple):
    """A decision ready to be written. It is no answer before it is stored."""

    record: Record
    envelope: DecisionEnvelope
    inputs: bytes
    document: Document


class StoredDecision(NamedTuple):
    """A recorded decision, with everything that its answer needs, and its inputs."""

    record: Record
    envelope: DecisionEnvelope
    inputs: bytes
    replayed: bool


def confirmed(signed: SignedDecision, outcome: WriteConflict | None, *, replayed: bool) -> StoredDecision:
    """The decision, given that the table stored its document: with this write, or with an earlier try of it whose
    response was lost."""
    if outcome is not None and outcome.existing != signed.document:
        raise AssertionError("a decision whose document is not stored")
    return StoredDecision(signed.record, signed.envelope, signed.inputs, replayed)


def pack(
    record: Record, envelope: DecisionEnvelope, inputs: bytes, seal: DecisionSeal, replaces: Document | None
) -> Document:
    """The document of a decision. An allow with all its evidence fits one write unit."""
    data = records.encode(record)
    clear = encode_summary(summarize(record, digest(data), seal.recipient_tag, seal.text_mac))
    sealed = seal.key.seal(record.decision_id, clear, OpenedDecision(*envelope, record, data, inputs), seal.nonce)
    body = _Allows(tuple((allow.at, allow.record_sha256) for allow in past_allows(replaces)) if replaces else ())
    return table.write(table.decision(record.decision_id), replaces, body, sealed)._replace(summary=clear)


def past_allows(document: Document) -> tuple[PastAllow, ...]:
    """The first and the last enforced allow of this message, oldest first; none if it was never allowed, or if it
    was erased. A rehearsal and shadow mode allow nothing. Raises StoreFailed."""
    if table.is_removed(document):
        return ()
    newest = summary(document)
    allows = list(table.read(document, _Allows).allows)
    if newest.allows:
        allows.append((newest.at, newest.record_sha256))
    ends = dict.fromkeys((allows[0], allows[-1])) if allows else ()
    return tuple(PastAllow(at, table.decision_id(document.key), record_sha256) for at, record_sha256 in ends)


def summary(document: Document) -> Summary:
    """The part of a stored decision that is not encrypted. Raises StoreFailed."""
    try:
        return read_summary(document.summary)
    except BadEvidence as error:
        raise StoreFailed("a stored decision cannot be read") from error


def unpack(document: Document, key: InputsKey) -> StoredDecision:
    """Read a stored decision. Raises StoreFailed."""
    try:
        opened = key.open(table.decision_id(document.key), document.summary, document.sealed)
    except BadEvidence as error:
        raise StoreFailed("a stored decision cannot be read") from error
    envelope = DecisionEnvelope(opened.kid, opened.signature, opened.request, opened.recipient_key)
    return StoredDecision(opened.record, envelope, opened.inputs, replayed=True)
