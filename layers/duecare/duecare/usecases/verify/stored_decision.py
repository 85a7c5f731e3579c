"""A decision as it stands in the table, and as it is told."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from duecare.ports import Document
from duecare.usecases import table
from duecare_core.domain.decision.reasons import sentence
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence import packing as packed
from duecare_core.evidence import record as records
from duecare_core.evidence.jose.keys import b64, unb64
from duecare_core.evidence.receipt import receipt
from duecare_core.evidence.record import Record
from duecare_core.evidence.stored import BOUNDS, record_bytes


class DecisionEnvelope(NamedTuple):
    """What stands beside a packed record: the key (thumbprint) and signature of its receipt, the recipient's pseudonym,
    and a keyed digest of the request."""

    kid: str
    signature: bytes
    recipient: str
    request: str


class StoredDecision(NamedTuple):
    """A record with all that its answer needs."""

    record: Record
    kept: DecisionEnvelope
    replayed: bool


def pack(record: Record, kept: DecisionEnvelope, inputs: bytes, replaces: Document | None) -> Document:
    """The document of a decision; `inputs` are sealed. An allow with all its evidence stays within one write unit."""
    beside = unb64(kept.kid) + kept.signature + unb64(kept.recipient) + unb64(kept.request)
    sealed = beside + packed.pack(records.encode(record))
    return table.write(table.decision(record.decision_id), replaces, {}, sealed)._replace(inputs=inputs)


def unpack(document: Document) -> StoredDecision:
    """A stored decision. Raises StoreFailed where it cannot be read."""
    kid, signature, recipient, request = (document.sealed[start:end] for start, end in pairwise(BOUNDS))
    try:
        kept = DecisionEnvelope(b64(kid), signature, b64(recipient), b64(request))
        return StoredDecision(records.decode(record_bytes(document.sealed)), kept, replayed=True)
    except BadEvidence as error:
        raise StoreFailed("a stored decision cannot be read") from error


def answer(decided: StoredDecision, *, issuer: str, public_url: str, language: str) -> dict[str, Any]:
    """The response to `POST /v1/verify`; `language` is `zh-CN` or `en`."""
    record, kept, replayed = decided
    told = records.as_json(record)
    body: dict[str, Any] = {
        "decision": record.decision,
        "decision_id": record.decision_id,
        "attempt": record.attempt,
        "message_id": record.message_id,
        "reasons": [{"code": code, "message": sentence(code, language)} for code in record.reasons],
        "valid_until": told["valid_until"],
        "receipt": receipt(record, issuer, kept.kid, kept.signature),
        "enforced": record.enforced,
        "provisional": record.provisional,
        "replayed": replayed,
        "disclosure_url": f"{public_url}/m/{record.decision_id}",
    }
    if record.findings:
        body["findings"] = told["findings"]
    if record.retry_at is not None:
        body["retry_at"] = told["retry_at"]
    return body
