"""The record of a decision: what was asked, what it rested on, what was answered. Its RFC 8785 bytes are the evidence.

No number and no text: the recipient as a salted digest, the text as its digest. The salt keeps both, and the record's
own digest, from being guessed.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from duecare_core.domain.decision.decision import Finding
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical_plain, digest


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt at one message. `at` is when it was decided, whole seconds for `valid_until`; times are UTC.

    `findings` say what brought the reasons: rules, and offsets of characters in the text. `regions` are the
    jurisdictions whose rules were applied, `rules_sha256` the digest of these rules, `inputs_sha256` that of all else
    that the decision was made on (inputs.py).
    """

    decision_id: str
    attempt: int
    at: datetime
    gateway: str
    message_id: str
    creditor: str
    collector: str
    channel: str
    debt_ref: str | None = None
    send_at: datetime | None = None
    decision: str
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    retry_at: datetime | None = None
    valid_until: datetime
    enforced: bool
    provisional: bool
    text_sha256: str
    recipient: str
    salt: str
    relied_on: tuple[str, ...]
    regions: tuple[str, ...]
    rules_version: str
    rules_sha256: str
    inputs_sha256: str = ""  # records of before it was kept have none, and cannot be replayed

    def outcome(self) -> tuple[str, tuple[str, ...], bool]:
        """What makes two answers to one message the same answer."""
        return self.decision, self.reasons, self.enforced


def recipient_digest(salt: bytes, number: str) -> str:
    """`sha256:` of the 16-byte salt and the E.164 number: whoever holds both can check it, nobody else can guess it."""
    return digest(salt + number.encode())


def text_digest(text: str) -> str:
    """`sha256:` of the text's UTF-8 bytes, exactly as sent."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def encode(record: Record) -> bytes:
    """The record's canonical bytes, whose digest the receipt carries."""
    return canonical_plain(record)


def as_json(record: Record) -> dict[str, Any]:
    """The record as a JSON object; its RFC 8785 form has the digest `record_sha256`."""
    value: dict[str, Any] = msgspec.to_builtins(record)
    return value


def decode(data: bytes) -> Record:
    """The record of these bytes. Raises BadEvidence."""
    try:
        return msgspec.json.decode(data, type=Record)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadEvidence("not a decision record") from error


def whole_seconds(at: datetime) -> datetime:
    """UTC, without the fraction: JWT times are whole seconds, and the record must say what the receipt says."""
    return at.astimezone(UTC).replace(microsecond=0)
