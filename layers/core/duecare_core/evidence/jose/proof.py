"""Proof of possession: shows that whoever registers a public key holds its private half.

A compact JWS of typ `key-proof+jws`, signed by the key itself. Its payload is exactly `kid`, the key's thumbprint, and
`iat`. Without it anyone could register a key that somebody else has published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from duecare_core.errors import BadEvidence
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import Jwk, algorithm, public_jwk, thumbprint

TYP = "key-proof+jws"
MAX_AGE = timedelta(hours=24)
MAX_AHEAD = timedelta(seconds=60)


def prove(private_jwk: Mapping[str, str], now: datetime) -> str:
    """A proof of this key, dated `now`."""
    return jws.sign(TYP, {"kid": thumbprint(private_jwk), "iat": int(now.timestamp())}, private_jwk)


def proven_jwk(private_jwk: Mapping[str, str], now: datetime) -> Jwk:
    """The public JWK with `alg`, `kid` and a new `proof`: all that registers a key. Raises BadKey."""
    public = public_jwk(private_jwk)
    return {**public, "alg": algorithm(public), "kid": thumbprint(public), "proof": prove(private_jwk, now)}


def check(proof: object, jwk: Mapping[str, Any], now: datetime) -> str:
    """The proof of this public key, unless it is more than 24 hours old or 60 seconds ahead. Raises BadEvidence."""
    signed, issued = _signed_at(proof, jwk)
    # Only compared: iat may be an integer beyond every float, with which arithmetic fails.
    if issued < now.timestamp() - MAX_AGE.total_seconds():
        raise BadEvidence("the proof is more than 24 hours old")
    if issued > now.timestamp() + MAX_AHEAD.total_seconds():
        raise BadEvidence(
            "the proof is dated ahead of the service's clock; correct the clock of the machine that made it"
        )
    return signed


def check_signature(proof: object, jwk: Mapping[str, Any]) -> None:
    """Check a proof without judging its age: the service's clock does that. Raises BadEvidence."""
    _signed_at(proof, jwk)


def _signed_at(proof: object, jwk: Mapping[str, Any]) -> tuple[str, float]:
    if not isinstance(proof, str) or not proof:
        raise BadEvidence("there is no proof")
    parts = jws.read(proof)
    kid, issued = thumbprint(jwk), parts.payload.get("iat")
    if parts.typ != TYP or set(parts.payload) != {"kid", "iat"}:
        raise BadEvidence(f"a proof is a JWS of typ {TYP} with the members kid and iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise BadEvidence("the proof's iat is not a time")
    if parts.kid != kid or parts.payload["kid"] != kid:
        raise BadEvidence("the proof is of another key")
    jws.verify(proof, jwk)
    return proof, issued
