"""A decision as the table stores it, and the answer to the caller that is made of it.

`StoredDecision` is made in two functions only: `confirmed`, of a write that the table confirmed, and `unpack`, of a
document that was read back (tests/unit/usecases/verify/test_recorded_first.py).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from duecare.ports import Document, WriteConflict
from duecare.usecases import table
from duecare_core.domain.fields import RecipientKey
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence import packing as packed
from duecare_core.evidence import record as records
from duecare_core.evidence.jose.keys import b64, unb64
from duecare_core.evidence.record import Record
from duecare_core.evidence.stored import BOUNDS, record_bytes


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
    return table.write(table.decision(record.decision_id), replaces, {}, sealed)._replace(inputs=inputs)


def unpack(document: Document) -> StoredDecision:
    """Read a stored decision. Raises StoreFailed."""
    kid, signature, recipient_key, request = (document.sealed[start:end] for start, end in pairwise(BOUNDS))
    try:
        envelope = DecisionEnvelope(b64(kid), signature, RecipientKey(b64(recipient_key)), b64(request))
        return StoredDecision(records.decode(record_bytes(document.sealed)), envelope, replayed=True)
    except BadEvidence as error:
        raise StoreFailed("a stored decision cannot be read") from error
