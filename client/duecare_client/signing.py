"""Signs for a party: bearer tokens and statements, as compact JWS (RFC 7515) with Ed25519 or P-256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jwt

from duecare_client.errors import BadKey, Unreadable
from duecare_core.evidence.jose.keys import algorithm, public_jwk, thumbprint

# Seconds. Longer than the authorizer caches a token (300), so that most calls hit the cache; short in case it leaks.
TOKEN_LIFETIME = 900

# Signing adds these members. A statement that brings its own would say something other than its signer means.
_ADDED_MEMBERS = frozenset({"iss", "aud", "iat"})


class Signer:
    """Signs with one party's key. Raises BadKey unless `jwk` is a complete Ed25519 or P-256 private key."""

    def __init__(self, party: str, jwk: Mapping[str, Any]) -> None:
        public = public_jwk(jwk)
        if "d" not in jwk:
            raise BadKey("this is only a public key; give the private one, which `duecare keys new` wrote")
        self.party = party
        self.alg = algorithm(public)
        self.kid = thumbprint(public)
        try:
            self._key = jwt.PyJWK(dict(jwk), algorithm=self.alg).key
            derived = jwt.get_algorithm_by_name(self.alg).to_jwk(self._key.public_key(), as_dict=True)
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
            # `from None`: a parser's message may repeat the private key.
            raise BadKey("this is not a private key that can sign; make one with `duecare keys new`") from None
        if {name: derived.get(name) for name in public} != public:
            raise BadKey("the public and the private half of this key do not belong together")

    def token(self, audience: str, now: int) -> str:
        """A bearer token, valid from `now` for TOKEN_LIFETIME seconds. `audience`: the service's issuer."""
        claims = {"iss": self.party, "aud": audience, "iat": now, "exp": now + TOKEN_LIFETIME}
        return self._sign("JWT", claims)

    def statement(self, kind: str, members: Mapping[str, Any], audience: str, now: int) -> str:
        """A signed statement of that kind: the members, with `iss`, `aud` and `iat` added.

        Raises Unreadable if the members are not JSON, hold a lone surrogate, or include one that signing adds.
        """
        if given := sorted(_ADDED_MEMBERS & members.keys()):
            raise Unreadable(f"signing sets {', '.join(given)} of a statement; leave them out")
        json_bytes(members)
        return self._sign(f"{kind}+jws", {**members, "iss": self.party, "aud": audience, "iat": now})

    def _sign(self, typ: str, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm=self.alg, headers={"kid": self.kid, "typ": typ})


def json_bytes(value: Any) -> bytes:
    """The JSON bytes of a request. Raises Unreadable for a value that has none: NaN, lone surrogates, sets."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        # Not the parser's own words: they may repeat the text or the number.
        raise Unreadable("this cannot be sent: it is not JSON, or holds half of a surrogate pair") from None
