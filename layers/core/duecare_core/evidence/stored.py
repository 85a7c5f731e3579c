"""A stored document, in the table or in the archive, and the log entry that it must have.

Pure, so that anyone who reads the store can check that it still holds what was logged.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical, digest, strict_json
from duecare_core.evidence.item_keys import (
    ACKNOWLEDGEMENT_KEY_PREFIX,
    DECISION_PREFIX,
    ENGINE_PREFIX,
    ERASURE_PREFIX,
    LOGGED_PREFIXES,
    PARTY_PREFIX,
    RECEIPT_KEY_PREFIX,
    STATEMENT_PREFIX,
    VOID_PREFIX,
)
from duecare_core.evidence.packing import unpack
from duecare_core.evidence.record import decode

_KINDS = {
    STATEMENT_PREFIX: "statement",
    PARTY_PREFIX: "party",
    RECEIPT_KEY_PREFIX: "receipt-key",
    ACKNOWLEDGEMENT_KEY_PREFIX: "acknowledgement-key",
    ERASURE_PREFIX: "erasure",
    VOID_PREFIX: "void",
    ENGINE_PREFIX: "engine",
}
# The parts before a decision's packed record: the thumbprint of the receipt's key, its signature (Ed25519), the
# recipient's key and a keyed digest of the request (both HMAC-SHA-256).
BOUNDS = (0, 32, 96, 128, 160)


class StoredRecord(NamedTuple):
    """A document's parts; `body` is a JSON value."""

    pk: str
    sk: str
    version: int
    body: Any
    sealed: bytes = b""
    inputs: bytes = b""


class Identity(NamedTuple):
    """The members of a log entry but for its time."""

    kind: str
    id: str
    record_sha256: str


def record_bytes(sealed: bytes) -> bytes:
    """The canonical bytes of the record in a stored decision. Raises BadEvidence."""
    return unpack(sealed[BOUNDS[-1] :])


def identify(stored: StoredRecord) -> Identity | None:
    """None if documents of this kind are not logged. Raises BadEvidence for a document that cannot be read."""
    prefix, name = stored.pk[:2], stored.pk[2:]
    if prefix not in LOGGED_PREFIXES:
        return None
    if prefix == DECISION_PREFIX:
        data = record_bytes(stored.sealed)
        if decode(data).decision_id != name:
            raise BadEvidence("the record is of another decision")
        return Identity("decision", name, digest(data))
    if not isinstance(stored.body, dict):
        raise BadEvidence("a body that is no JSON object")
    record_sha256 = digest(canonical(stored.body))
    if prefix == STATEMENT_PREFIX and digest(stored.sealed) != stored.body.get("sealed_sha256"):
        raise BadEvidence("the sealed statement is not the one that was put on file")
    # The partition decides about the kind, not the body: the functions that write acknowledgement keys may not write
    # receipt keys.
    names = {
        PARTY_PREFIX: f"{name}/{stored.version}",
        VOID_PREFIX: f"{name}/{stored.sk}/{stored.version}",
        RECEIPT_KEY_PREFIX: stored.sk,
        ACKNOWLEDGEMENT_KEY_PREFIX: stored.sk,
        ENGINE_PREFIX: stored.sk,
    }
    return Identity(_KINDS[prefix], names.get(prefix, name), record_sha256)


def archive_copy(stored: StoredRecord) -> bytes:
    """The archived form of a document: RFC 8785, with the body as JSON and bytes in base64."""
    value = {"pk": stored.pk, "sk": stored.sk, "version": stored.version, "body": stored.body}
    for name, data in (("sealed", stored.sealed), ("inputs", stored.inputs)):
        if data:
            value[name] = base64.b64encode(data).decode()
    return canonical(value)


def read_archive_copy(data: bytes) -> StoredRecord:
    """The document of an archived copy. Raises BadEvidence if it is no such copy."""
    value = strict_json(data)
    try:
        stored = StoredRecord(
            value["pk"],
            value["sk"],
            value["version"],
            value["body"],
            base64.b64decode(value.get("sealed", ""), validate=True),
            base64.b64decode(value.get("inputs", ""), validate=True),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadEvidence("not a copy of a document") from error
    if archive_copy(stored) != data:
        raise BadEvidence("a copy that is not in its canonical form")
    return stored
