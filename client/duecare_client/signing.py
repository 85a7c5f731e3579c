"""What a party signs: bearer tokens and statements, as compact JWS (RFC 7515) with Ed25519 or P-256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jwt

from duecare_client.errors import BadKey, Unreadable
from duecare_core.evidence.jose.keys import algorithm, public_jwk, thumbprint

# A token outlives the authorizer's cache (300 s), so that most calls find it there, and dies soon when it leaks.
TOKEN_LIFETIME = 900

# The members that signing adds; a statement that brings its own would say something else than its signer means.
_ADDED = frozenset({"iss", "aud", "iat"})


class Signer:
    """One party's key, ready to sign. Raises BadKey where `jwk` is not a whole Ed25519 or P-256 private key."""

    def __init__(self, party: str, jwk: Mapping[str, Any]) -> None:
        public = public_jwk(jwk)
        self.party = party
        self.alg = algorithm(public)
        self.kid = thumbprint(public)
        try:
            self._key = jwt.PyJWK(dict(jwk), algorithm=self.alg).key
            own = jwt.get_algorithm_by_name(self.alg).to_jwk(self._key.public_key(), as_dict=True)
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
            # `from None`: what a parser says about a private key stays out of tracebacks.
            raise BadKey("this is not a private key that can sign") from None
        if {name: own.get(name) for name in public} != public:
            raise BadKey("the public and the private half of this key do not belong together")

    def token(self, audience: str, now: int) -> str:
        """A bearer token, good from `now` for TOKEN_LIFETIME seconds. `audience`: the service's issuer."""
        claims = {"iss": self.party, "aud": audience, "iat": now, "exp": now + TOKEN_LIFETIME}
        return self._sign("JWT", claims)

    def statement(self, kind: str, members: Mapping[str, Any], audience: str, now: int) -> str:
        """A statement of that kind: the members as they are, with `iss`, `aud` and `iat`.

        Raises Unreadable where the members are not JSON, hold a lone surrogate, or bring what signing adds.
        """
        if taken := sorted(_ADDED & members.keys()):
            raise Unreadable(f"a statement's {', '.join(taken)} is set by signing it; leave it out")
        sendable(members)
        return self._sign(f"{kind}+jws", {**members, "iss": self.party, "aud": audience, "iat": now})

    def _sign(self, typ: str, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm=self.alg, headers={"kid": self.kid, "typ": typ})


def sendable(value: Any) -> bytes:
    """The JSON bytes of a request. Raises Unreadable where there are none: NaN, lone surrogates, sets."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        # Not the parser's own words: they may repeat the text or the number.
        raise Unreadable("this cannot be sent: it is not JSON, or holds half of a surrogate pair") from None
