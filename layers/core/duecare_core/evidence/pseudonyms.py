"""Keyed digests, stored instead of a number, a text or a gateway's message id.

HMAC-SHA-256 (RFC 2104) with the pepper as key and a label per use, so that a digest of one use is no digest of another.
Without the pepper no input can be guessed. With another pepper no stored digest is found again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from duecare_core.domain.fields import E164, RecipientKey
from duecare_core.evidence.jose.keys import b64


class Pseudonyms:
    """`pepper`: 32 bytes, kept in Secrets Manager."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def recipient_key(self, number: E164) -> RecipientKey:
        """The key of a recipient's facts: 43 characters for an E.164 number."""
        return RecipientKey(b64(self._mac(b"recipient", number.encode())))

    def decision_id(self, gateway: str, message_id: str, *, rehearsal: bool = False) -> str:
        """26 characters (128 bits, base32): idempotency, look-up by id and the recipient's page need no index.

        A rehearsal has another id than the message itself.
        """
        label = b"rehearsal" if rehearsal else b"decision"
        mac = self._mac(label, gateway.encode() + b"\0" + message_id.encode())
        return base64.b32encode(mac[:16]).decode().rstrip("=").lower()

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
