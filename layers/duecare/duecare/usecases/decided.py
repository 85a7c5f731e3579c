"""A decision as it stands in the table, and as it is told."""

from __future__ import annotations

import zlib
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct

from duecare.domain.reasons import sentence
from duecare.errors import BadEvidence, StoreFailed
from duecare.evidence import record as records
from duecare.evidence.receipt import receipt
from duecare.evidence.record import Record
from duecare.ports import Document
from duecare.usecases import table


class Kept(Struct, frozen=True):
    """What stands beside a packed record: the key and signature of its receipt, the recipient's pseudonym, and a keyed
    digest of the request."""

    kid: str
    signature: Annotated[str, Meta(min_length=128, max_length=128)]
    recipient: str
    request: str


class Decided(NamedTuple):
    """A record with all that its answer needs."""

    record: Record
    kept: Kept
    replayed: bool


def pack(record: Record, kept: Kept, replaces: Document | None) -> Document:
    """The document of a decision. Packed, an allow with its evidence stays within one write unit (1 KiB)."""
    packed = zlib.compress(records.encode(record), 6)
    return table.write(table.decision(record.decision_id), replaces, kept, packed)


def unpack(document: Document) -> Decided:
    """A stored decision. Raises StoreFailed where it cannot be read."""
    try:
        record = records.decode(zlib.decompress(document.sealed))
    except (zlib.error, BadEvidence) as error:
        raise StoreFailed("a stored decision cannot be read") from error
    return Decided(record, table.read(document, Kept), replayed=True)


def answer(decided: Decided, *, issuer: str, public_url: str, language: str) -> dict[str, Any]:
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
        "receipt": receipt(record, issuer, kept.kid, bytes.fromhex(kept.signature)),
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
