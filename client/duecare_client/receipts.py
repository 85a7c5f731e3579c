"""Checking a receipt: the proof that a gateway asked before it sent (compact JWS, typ `decision+jws`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from duecare.evidence.keys import public_jwk
from duecare_client.errors import BadKey, BadReceipt

TYP = "decision+jws"
CLOCK_SKEW = 60
_TIMES = ("iat", "exp")


class UnknownKey(BadReceipt):
    """Signed by a key that is not among those given; the key may be newer than they are."""


def text_digest(text: str) -> str:
    """`sha256:<hex>` of the text's UTF-8 bytes, as receipts carry it. Raises BadReceipt for a lone surrogate."""
    try:
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError:
        raise BadReceipt("a text with half of a surrogate pair has no digest") from None


def check(
    receipt: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    now: float,
    expected: Mapping[str, Any],
    expired_ok: bool = False,
) -> dict[str, Any]:
    """The claims of a receipt that holds, or BadReceipt saying why it does not.

    1. its header names the type and a key of the service, and no algorithm but that key's (RFC 8725, section 3);
    2. the signature is that key's; 3. `iss` is the service; 4. it is not from the future, and still good at `now`
    (unless `expired_ok`: for looking back); 5. every claim in `expected` is there with exactly that value.
    """
    claims = _signed_claims(receipt, keys)
    if claims.get("iss") != issuer:
        raise BadReceipt("the receipt was issued by another service")
    if any(type(claims.get(name)) is not int for name in _TIMES):
        raise BadReceipt("the receipt does not say when it was issued and until when it holds")
    if claims["iat"] > now + CLOCK_SKEW:
        raise BadReceipt("the receipt is dated in the future; check this machine's clock")
    if claims["exp"] <= now and not expired_ok:
        raise BadReceipt("the receipt has expired: ask again before sending")
    for name, value in expected.items():
        if claims.get(name) != value:
            raise BadReceipt(f"the receipt is about something else: its {name} differs")
    return claims


def _signed_claims(receipt: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(receipt)
        if header.get("typ") != TYP:
            raise BadReceipt(f"this is not a receipt: its type is not {TYP}")
        key = next((one for one in keys if one.get("kid") == header.get("kid")), None)
        if key is None:
            raise UnknownKey("the receipt is signed by a key that the service does not publish")
        # Receipts are Ed25519: whatever the header or the key's own `alg` claims, nothing else is tried.
        public = jwt.PyJWK({**public_jwk(key), "alg": "EdDSA"})
        times_unchecked = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
        claims = jwt.decode(receipt, public, algorithms=["EdDSA"], options=times_unchecked)  # type: ignore[arg-type]
    except BadKey:
        raise BadReceipt("the service publishes a key that cannot be used") from None
    except (jwt.PyJWTError, ValueError, TypeError):
        raise BadReceipt("the receipt's signature does not verify") from None
    return dict(claims)
