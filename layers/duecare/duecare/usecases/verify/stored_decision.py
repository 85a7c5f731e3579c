"""A decision as the table stores it, and the answer to the caller that is made of it.

`StoredDecision` is made in two functions only: `confirmed`, of a write that the table confirmed, and `unpack`, of a
document that was read back (tests/unit/usecases/verify/test_recorded_first.py).
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from duecare.ports import Document, WriteConflict
from duecare.usecases import table
from duecare_core.domain.fields import RecipientKey
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence import packing as packed
from duecare_core.evidence import record as records
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.jose.keys import b64, unb64
from duecare_core.evidence.record import Record
from duecare_core.evidence.stored import BOUNDS, record_bytes


class PastAllow(NamedTuple):
    """An enforced allow of a message, by which a later START may count: when, its decision, and its record."""

    at: datetime
    decision_id: str
    record_sha256: str


class _Allows(Struct, frozen=True, omit_defaults=True):
    """The body of a stored decision: enforced allows that later attempts have replaced, as time and record digest."""

    allows: tuple[tuple[datetime, str], ...] = ()


class DecisionEnvelope(NamedTuple):
    """The fields stored before the packed record: key (thumbprint) and signature of its receipt, the recipient's key,
    and a keyed digest of the request."""

    kid: str
    signature: bytes
    recipient_key: RecipientKey
    request: str


class SignedDecision(NamedTuple):
    """A decision ready to be written. It is no answer before it is stored."""

    record: Record
    envelope: DecisionEnvelope
    document: Document


class StoredDecision(NamedTuple):
    """A recorded decision, with everything that its answer needs."""

    record: Record
    envelope: DecisionEnvelope
    replayed: bool


def confirmed(signed: SignedDecision, outcome: WriteConflict | None, *, replayed: bool) -> StoredDecision:
    """The decision, given that the table stored its document: with this write, or with an earlier try of it whose
    response was lost."""
    if outcome is not None and outcome.existing != signed.document:
        raise AssertionError("a decision whose document is not stored")
    return StoredDecision(signed.record, signed.envelope, replayed)


def pack(record: Record, envelope: DecisionEnvelope, inputs: bytes, replaces: Document | None) -> Document:
    """The document of a decision; `inputs` are sealed. An allow with all its evidence fits one write unit."""
    fields = unb64(envelope.kid) + envelope.signature + unb64(envelope.recipient_key) + unb64(envelope.request)
    sealed = fields + packed.pack(records.encode(record))
    body = _Allows(tuple((allow.at, allow.record_sha256) for allow in past_allows(replaces)) if replaces else ())
    return table.write(table.decision(record.decision_id), replaces, body, sealed)._replace(inputs=inputs)


def past_allows(document: Document) -> tuple[PastAllow, ...]:
    """The first and the last enforced allow of this message, oldest first; none if it was never allowed. A rehearsal
    and shadow mode allow nothing. Raises StoreFailed."""
    record = unpack(document).record
    allows = list(table.read(document, _Allows).allows)
    if record.decision == "allow" and record.enforced and not record.provisional:
        allows.append((record.at, digest(record_bytes(document.sealed))))
    ends = dict.fromkeys((allows[0], allows[-1])) if allows else ()
    return tuple(PastAllow(at, record.decision_id, record_sha256) for at, record_sha256 in ends)


def unpack(document: Document) -> StoredDecision:
    """Read a stored decision. Raises StoreFailed."""
    kid, signature, recipient_key, request = (document.sealed[start:end] for start, end in pairwise(BOUNDS))
    try:
        envelope = DecisionEnvelope(b64(kid), signature, RecipientKey(b64(recipient_key)), b64(request))
        return StoredDecision(records.decode(record_bytes(document.sealed)), envelope, replayed=True)
    except BadEvidence as error:
        raise StoreFailed("a stored decision cannot be read") from error
