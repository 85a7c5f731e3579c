"""Checks a receipt: the proof that a gateway asked before it sent (compact JWS, typ `decision+jws`)."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from duecare_client.errors import BadEvidence, BadKey, BadReceipt
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import public_jwk, thumbprint
from duecare_core.evidence.receipt import PURPOSE, TYP
from duecare_core.evidence.record import text_digest

CLOCK_SKEW = 60


class UnknownKey(BadReceipt):
    """Signed by a key that is not in the given key set, which may be older than the key."""


def digest_of(text: str) -> str:
    """The digest of the text, as receipts carry it. Raises BadReceipt for a lone surrogate, which no receipt covers."""
    try:
        return text_digest(text)
    except UnicodeEncodeError:
        raise BadReceipt("the text holds half of a surrogate pair, so no receipt can be about it") from None


def check_receipt(
    receipt: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    now: float,
    expected: Mapping[str, Any],
    expired_ok: bool,
) -> dict[str, Any]:
    """The claims of a valid receipt. Raises BadReceipt and says which check failed.

    1. The header names the type of a receipt and a key of the service. 2. That key made the signature, with the one
    algorithm that the key is for (RFC 8725, section 3). 3. `iss` is the service. 4. The receipt is not dated in the
    future and has not expired at `now` (`expired_ok` skips the second). 5. Every claim in `expected` is present and
    has exactly that value and type.
    """
    claims = signed_claims(receipt, keys, TYP, "receipt")
    if claims.get("iss") != issuer:
        raise BadReceipt(f"the receipt was issued by {reprlib.repr(claims.get('iss'))}, not by this service, {issuer}")
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if type(issued_at) is not int or type(expires_at) is not int:
        raise BadReceipt("the receipt does not say when it was issued and when it expires (iat and exp, whole seconds)")
    if issued_at > now + CLOCK_SKEW:
        raise BadReceipt("the receipt is dated in the future: correct this machine's clock, then ask again")
    if expires_at <= now and not expired_ok:
        raise BadReceipt("the receipt has expired: ask again before sending. If every receipt has, correct the clock")
    for name, value in expected.items():
        claimed = claims.get(name)
        if type(claimed) is not type(value) or claimed != value:
            raise BadReceipt(
                f"the receipt does not match: its {name} is {reprlib.repr(claimed)}, expected {reprlib.repr(value)}. "
                "Do not send; keep the receipt and ask the service's operator"
            )
    return claims


def signed_claims(
    token: str, keys: Sequence[Mapping[str, Any]], typ: str, noun: str, purpose: str = PURPOSE
) -> dict[str, Any]:
    """The claims of a token of this `typ`, signed by one of these keys that is for this purpose. `noun` names the token
    in errors. A published key without a purpose is a receipt key.

    Raises BadReceipt.
    """
    try:
        parts = jws.read(token)
        if parts.typ != typ:
            raise BadReceipt(f"this is not a {noun}: its typ is {reprlib.repr(parts.typ)}, expected '{typ}'")
        key = next((key for key in keys if key.get("kid") == parts.kid), None)
        if key is None:
            raise UnknownKey(f"the {noun} is signed by a key that the service does not publish")
        if key.get("purpose", PURPOSE) != purpose:
            raise BadReceipt(f"the {noun} is signed by a key that the service publishes for something else")
        # The kid must be the thumbprint of the key, or one published key could be passed off as another.
        if thumbprint(public_jwk(key)) != parts.kid:
            raise BadReceipt("the service publishes a key under a kid that is not the thumbprint of the key")
        jws.verify(token, key)
    except BadReceipt:
        raise
    except (BadEvidence, BadKey, TypeError, ValueError) as error:
        raise BadReceipt(f"the {noun} does not verify: {error}") from None
    return parts.payload
