"""Keyed digests, stored instead of a number, a text or a gateway's message id.

HMAC-SHA-256 (RFC 2104) with the pepper as key and a label per use, so that a digest of one use is no digest of another.
Without the pepper no input can be guessed. With another pepper no stored digest is found again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import NamedTuple

from duecare_core.domain.fields import E164, RecipientKey, RecipientTag, TextMac
from duecare_core.evidence.jose.keys import b64


class MessageIds(NamedTuple):
    """The id of the decision about a message, and the id of the message in the contact ledger, which is stored with the
    recipient's facts."""

    decision_id: str
    contact_id: str


class Pseudonyms:
    """`pepper`: 32 bytes, kept in Secrets Manager."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def recipient_key(self, number: E164) -> RecipientKey:
        """The key of a recipient's facts: 43 characters for an E.164 number."""
        return RecipientKey(b64(self._mac(b"recipient", number.encode())))

    def recipient_tag(self, gateway: str, recipient_key: RecipientKey) -> RecipientTag:
        """Names the recipient of this gateway's decisions: 43 characters. It is another one for each gateway, and none
        is the key of the recipient's facts, so decisions lead neither to these nor to another gateway's decisions."""
        return RecipientTag(b64(self._mac(b"decisions", gateway.encode() + b"\0" + recipient_key.encode())))

    def text(self, text_sha256: str) -> TextMac:
        """A keyed digest of a text's digest: 22 characters (128 bits). Texts differ in a name and an amount, so a plain
        digest could be guessed."""
        return TextMac(b64(self._mac(b"text", text_sha256.encode())[:16]))

    def decision_id(self, gateway: str, message_id: str, *, rehearsal: bool = False) -> str:
        """26 characters (128 bits, base32): idempotency, look-up by id and the recipient's page need no index.

        A rehearsal has another id than the message itself.
        """
        return self.message_ids(gateway, message_id, rehearsal=rehearsal).decision_id

    def message_ids(self, gateway: str, message_id: str, *, rehearsal: bool = False) -> MessageIds:
        """Both ids are halves of one HMAC, so neither leads to the other."""
        label = b"rehearsal" if rehearsal else b"decision"
        mac = self._mac(label, gateway.encode() + b"\0" + message_id.encode())
        return MessageIds(base64.b32encode(mac[:16]).decode().rstrip("=").lower(), b64(mac[16:]))

    def content(self, data: bytes) -> str:
        """A digest for comparing two bodies or statements without storing them: 43 characters."""
        return b64(self._mac(b"content", data))

    def recipient_salt(self, statement_id: str) -> bytes:
        """The 16-byte salt of the recipient's digest in the acknowledgement of this statement. It is derived, so that
        nothing secret is stored and the same acknowledgement can be made again."""
        return self._mac(b"acknowledgement-salt", statement_id.encode())[:16]

    def row_tag(self, upload_id: str, recipient_key: RecipientKey) -> bytes:
        """16 bytes that mark a recipient's rows in the evidence of one upload, so that they can be erased. The tags of
        two uploads cannot be linked."""
        return self._mac(b"row", f"{upload_id}\0{recipient_key}".encode())[:16]

    def _mac(self, label: bytes, data: bytes) -> bytes:
        return hmac.digest(self._pepper, label + b"\0" + data, hashlib.sha256)
