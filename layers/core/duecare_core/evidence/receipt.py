"""The receipt: a compact JWS (`typ: decision+jws`, Ed25519) over a decision, signed in process.

Payload and header are RFC 8785 bytes, and Ed25519 is deterministic (RFC 8032). A function without the private key can
therefore rebuild a receipt from its record, the key's id and the 64-byte signature.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from duecare_core.evidence.canonical import canonical_plain, digest
from duecare_core.evidence.jose.keys import Jwk, b64, private_jwk, public_jwk, thumbprint
from duecare_core.evidence.record import Record, encode

TYP = "decision+jws"
PURPOSE = "receipt"  # of a published key that names no other


class ReceiptKeyRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """A public key that signs receipts, and the time of its first use."""

    kid: str
    jwk: Jwk
    first_used_at: datetime


class ReceiptKey:
    """The key that signs receipts, and the public keys of earlier ones."""

    def __init__(self, seed: bytes, retired: tuple[Jwk, ...] = ()) -> None:
        """`seed`: 32 bytes (RFC 8032, section 5.1.5)."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = public_jwk(private_jwk(self._key))
        self.kid = thumbprint(self.public)
        self._retired = retired

    def sign(self, record: Record, issuer: str) -> bytes:
        """The 64-byte signature of this record's receipt."""
        return self._key.sign(_signing_input(record, issuer, self.kid))

    def token(self, typ: str, payload: dict[str, Any]) -> str:
        """A compact JWS of other claims than a receipt's. Its `typ` distinguishes the two (RFC 8725, section 3.11)."""
        signing_input = _input(typ, self.kid, payload)
        return f"{signing_input.decode()}.{b64(self._key.sign(signing_input))}"

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys as a JWK set (RFC 7517, section 5), the signing key first."""
        use = {"alg": "EdDSA", "use": "sig"}
        return {"keys": [{**key, "kid": thumbprint(key), **use} for key in (self.public, *self._retired)]}


def receipt(record: Record, issuer: str, kid: str, signature: bytes) -> str:
    """The compact JWS, rebuilt from its parts."""
    return f"{_signing_input(record, issuer, kid).decode()}.{b64(signature)}"


def claims(record: Record, issuer: str) -> dict[str, Any]:
    """The payload of the receipt."""
    return {
        "iss": issuer,
        "iat": int(record.at.timestamp()),
        "exp": int(record.valid_until.timestamp()),
        "jti": record.decision_id,
        "attempt": record.attempt,
        "provisional": record.provisional,
        "enforced": record.enforced,
        "gateway": record.gateway,
        "message_id": record.message_id,
        "creditor": record.creditor,
        "collector": record.collector,
        "channel": record.channel,
        "decision": record.decision,
        "reasons": list(record.reasons),
        "text_sha256": record.text_sha256,
        "recipient": record.recipient_digest,
        "relied_on": list(record.relied_on),
        "rules_version": record.rules_version,
        "engine": record.engine,
        "rules_sha256": record.rules_sha256,
        "record_sha256": digest(encode(record)),
    }


@lru_cache(maxsize=32)  # it is needed to sign, and again to answer
def _signing_input(record: Record, issuer: str, kid: str) -> bytes:
    return _input(TYP, kid, claims(record, issuer))


def _input(typ: str, kid: str, payload: dict[str, Any]) -> bytes:
    header = canonical_plain({"alg": "EdDSA", "kid": kid, "typ": typ})
    return f"{b64(header)}.{b64(canonical_plain(payload))}".encode()
