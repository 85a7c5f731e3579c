"""The acknowledgement of a statement: a compact JWS (`typ: statement-ack+jws`, Ed25519) by the service.

It is signed with a key of its own. The functions that accept statements hold that key and never the receipt key, so
neither kind of evidence can be made with the key of the other. Header and payload are RFC 8785 bytes and Ed25519 is
deterministic, so the same acknowledgement can be made again from the stored record and the statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from duecare_core.domain.fields import E164
from duecare_core.evidence.canonical import canonical_plain
from duecare_core.evidence.jose.keys import Jwk, b64, private_jwk, public_jwk, thumbprint
from duecare_core.evidence.record import recipient_digest

if TYPE_CHECKING:  # at run time it would bring PyJWT into the start of verify, which publishes these keys
    from duecare_core.evidence.statement import StatementRecord

TYP = "statement-ack+jws"
PURPOSE: Literal["acknowledgement"] = "acknowledgement"
SALT_BYTES = 16


class AcknowledgementKeyRecord(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key that signs acknowledgements, and the time of its first use. `purpose` is in the logged record, so
    that it cannot be read as that of a receipt key."""

    kid: str
    jwk: Jwk
    first_used_at: datetime
    purpose: Literal["acknowledgement"] = PURPOSE


class AcknowledgementKey:
    """The key that signs acknowledgements."""

    def __init__(self, seed: bytes) -> None:
        """`seed`: 32 bytes (RFC 8032, section 5.1.5)."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = public_jwk(private_jwk(self._key))
        self.kid = thumbprint(self.public)

    def sign(self, payload: Mapping[str, Any]) -> str:
        """The compact JWS of this payload."""
        header = canonical_plain({"alg": "EdDSA", "kid": self.kid, "typ": TYP})
        signing_input = f"{b64(header)}.{b64(canonical_plain(dict(payload)))}"
        return f"{signing_input}.{b64(self._key.sign(signing_input.encode()))}"


def claims(statement_id: str, record: StatementRecord, recipient: tuple[E164, bytes] | None) -> dict[str, Any]:
    """The payload of the acknowledgement of a statement with this record.

    `recipient`: the number and the 16-byte salt, if the statement names a recipient. `iat` is the time at which the
    service accepted the statement.
    """
    payload: dict[str, Any] = {
        "statement_id": statement_id,
        "kind": record.kind,
        "party": record.issuer,
        "iat": int(record.received_at.timestamp()),
        "effect": record.effect,
    }
    if record.superseded_by is not None:
        payload["superseded_by"] = record.superseded_by
    if recipient is not None:
        number, salt = recipient
        payload["recipient"] = recipient_digest(salt, number)
        payload["recipient_salt"] = b64(salt)
    if record.chain is not None:
        payload["chain"] = {"of": record.chain.of, "seq": record.chain.seq, "head": record.chain.head}
    return payload


def published(key: AcknowledgementKeyRecord) -> dict[str, str]:
    """The key as a member of the JWK set (RFC 7517)."""
    return {**key.jwk, "kid": key.kid, "alg": "EdDSA", "use": "sig", "purpose": PURPOSE}
