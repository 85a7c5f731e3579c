"""The record of a decision: the request, the facts that it relied on, and the answer. Its RFC 8785 bytes are evidence.

It contains neither the number nor the text, but a salted digest of the recipient and a digest of the text. The salt
prevents guessing both, and guessing the record from its digest.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct, field

from duecare_core.domain.decision.decision import Finding
from duecare_core.domain.facts.chain import ChainHead
from duecare_core.domain.fields import E164, RecipientDigest
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical_plain, digest


class EngineRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """A release of the engine, and when the service first decided with it."""

    engine: str
    first_used_at: datetime


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt at one message. `at`: the time of the decision, in whole seconds; times are UTC.

    `engine`: the code and data that decided (duecare_core/engine.py).
    `findings`: the rules behind the reasons, with offsets in characters of the text. `regions`: the jurisdictions whose
    rules were applied. `rules_sha256`: the digest of the rule pack. `inputs_sha256`: the digest of all other inputs of
    the decision (casefile/inputs.py). `chains`: the heads of the recipient's chains as read, that of the creditor
    first, then that of `*`; an empty chain has none.
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
    recipient_digest: RecipientDigest = field(name="recipient")
    salt: str
    relied_on: tuple[str, ...]
    regions: tuple[str, ...]
    rules_version: str
    engine: str
    rules_sha256: str
    chains: tuple[ChainHead, ...] = ()
    inputs_sha256: str = ""  # empty in old records, which cannot be replayed

    def outcome(self) -> tuple[str, tuple[str, ...], frozenset[str], bool]:
        """The members that are equal if two answers to one message are the same. A receipt must not rest on statements
        that no longer count, so the statements are among them."""
        return self.decision, self.reasons, frozenset(self.relied_on), self.enforced


def recipient_digest(salt: bytes, number: E164) -> RecipientDigest:
    """`sha256:` of the 16-byte salt and the E.164 number. It can be checked with both and not guessed without the
    salt."""
    return RecipientDigest(digest(salt + number.encode()))


def text_digest(text: str) -> str:
    """`sha256:` of the text's UTF-8 bytes, exactly as sent."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def encode(record: Record) -> bytes:
    """The record's canonical bytes, whose digest the receipt carries."""
    return canonical_plain(record)


def as_json(record: Record) -> dict[str, Any]:
    """The record as a JSON object, of whose RFC 8785 form `record_sha256` is the digest."""
    value: dict[str, Any] = msgspec.to_builtins(record)
    return value


def decode(data: bytes) -> Record:
    """The record of these bytes. Raises BadEvidence."""
    try:
        return msgspec.json.decode(data, type=Record)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadEvidence("not a decision record") from error


def whole_seconds(at: datetime) -> datetime:
    """The time in UTC without the fraction, because JWT times are whole seconds and record and receipt must agree."""
    return at.astimezone(UTC).replace(microsecond=0)
