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
from duecare_core.evidence.sealed_decision import read_summary

_KINDS = {
    STATEMENT_PREFIX: "statement",
    PARTY_PREFIX: "party",
    RECEIPT_KEY_PREFIX: "receipt-key",
    ACKNOWLEDGEMENT_KEY_PREFIX: "acknowledgement-key",
    ERASURE_PREFIX: "erasure",
    VOID_PREFIX: "void",
    ENGINE_PREFIX: "engine",
}


class StoredRecord(NamedTuple):
    """A document's parts; `body` is a JSON value. `summary`: of a decision (sealed_decision.py)."""

    pk: str
    sk: str
    version: int
    body: Any
    sealed: bytes = b""
    summary: bytes = b""


class Identity(NamedTuple):
    """The members of a log entry but for its time."""

    kind: str
    id: str
    record_sha256: str


def is_erased(stored: StoredRecord) -> bool:
    """Whether an erasure has emptied this document of the table. Its digest is then in a logged erasure record."""
    emptied = stored.body is None and stored.version > 1 and not stored.sealed
    return emptied and stored.pk.startswith((DECISION_PREFIX, STATEMENT_PREFIX))


def identify(stored: StoredRecord) -> Identity | None:
    """None if documents of this kind are not logged, or if the document was erased. Raises BadEvidence for a document
    that cannot be read.

    Of a decision the summary is read; only a holder of the key can compare it with the record
    (sealed_decision.InputsKey).
    """
    prefix, name = stored.pk[:2], stored.pk[2:]
    if prefix not in LOGGED_PREFIXES or is_erased(stored):
        return None
    if prefix == DECISION_PREFIX:
        return Identity("decision", name, read_summary(stored.summary).record_sha256)
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
    for name, data in (("sealed", stored.sealed), ("summary", stored.summary)):
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
            base64.b64decode(value.get("summary", ""), validate=True),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadEvidence("not a copy of a document") from error
    if archive_copy(stored) != data:
        raise BadEvidence("a copy that is not in its canonical form")
    return stored
