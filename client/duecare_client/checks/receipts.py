"""Checking a receipt: the proof that a gateway asked before it sent (compact JWS, typ `decision+jws`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from duecare_client.errors import BadEvidence, BadKey, BadReceipt
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import public_jwk, thumbprint
from duecare_core.evidence.receipt import TYP
from duecare_core.evidence.record import text_digest

CLOCK_SKEW = 60
_TIMES = ("iat", "exp")


class UnknownKey(BadReceipt):
    """Signed by a key that is not among those given; the key may be newer than they are."""


def digest_of(text: str) -> str:
    """The text's digest as receipts carry it. Raises BadReceipt for a lone surrogate, which no receipt can be about."""
    try:
        return text_digest(text)
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

    1. its header says that it is a receipt, and names a key of the service; 2. the signature is that key's, by the one
    algorithm that the key is for (RFC 8725, section 3); 3. `iss` is the service; 4. it is not
    from the future, and still good at `now` (unless `expired_ok`: for looking back); 5. every claim in `expected` is
    there with exactly that value.
    """
    claims = signed_claims(receipt, keys, TYP, "receipt")
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


def signed_claims(token: str, keys: Sequence[Mapping[str, Any]], typ: str, what: str) -> dict[str, Any]:
    """The claims of what one of these keys signed as this `typ`; `what` it is, in the words of an error. Raises
    BadReceipt."""
    try:
        parts = jws.read(token)
        if parts.typ != typ:
            raise BadReceipt(f"this is not a {what}")
        key = next((key for key in keys if key.get("kid") == parts.kid), None)
        if key is None:
            raise UnknownKey(f"the {what} is signed by a key that the service does not publish")
        # The kid must be the key's own thumbprint, or one published key could be passed off as another.
        if thumbprint(public_jwk(key)) != parts.kid:
            raise BadReceipt("the service publishes a key under a name that is not its own")
        jws.verify(token, key)
    except BadReceipt:
        raise
    except (BadEvidence, BadKey, TypeError) as error:
        raise BadReceipt(f"the {what} does not verify: {error}") from None
    return parts.payload
