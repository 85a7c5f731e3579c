"""Compact JWS (RFC 7515) by the rules of RFC 8725.

The header has exactly `alg`, `kid` and `typ`: no embedded key, no key address, no `crit`. The key determines the only
algorithm that is accepted (RFC 8725, section 3.1). `typ` is explicit (section 3.11), so that an access token cannot be
used as a statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import jwt
from jwt.api_jws import PyJWS

from duecare_core.errors import BadEvidence, BadKey
from duecare_core.evidence.canonical import strict_json
from duecare_core.evidence.jose.keys import algorithm, public_key, thumbprint, unb64

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_ALGORITHMS = ["EdDSA", "ES256"]
_RAW_ES256 = 64  # bytes
_JWS = PyJWS(algorithms=_ALGORITHMS)


class UnverifiedJws(NamedTuple):
    """A well-formed JWS whose signature is not verified yet."""

    alg: str
    kid: str
    typ: str
    payload: dict[str, Any]


def read(token: str) -> UnverifiedJws:
    """The parts of a compact JWS, unverified. Raises BadEvidence if it is malformed."""
    if not _COMPACT.match(token):
        raise BadEvidence("not a compact JWS")
    try:
        header, payload, _signature = (unb64(part) for part in token.split("."))
    except BadKey as error:
        raise BadEvidence("not canonical base64url") from error
    members, claims = strict_json(header), strict_json(payload)
    if not isinstance(members, dict) or not isinstance(claims, dict):
        raise BadEvidence("header and payload must be JSON objects")
    if set(members) != {"alg", "kid", "typ"} or not all(isinstance(value, str) for value in members.values()):
        raise BadEvidence("the header must hold alg, kid and typ, and nothing else")
    if members["alg"] not in _ALGORITHMS:
        raise BadEvidence("the algorithm must be EdDSA or ES256")
    return UnverifiedJws(members["alg"], members["kid"], members["typ"].lower(), claims)


def verify(token: str, jwk: Mapping[str, Any]) -> None:
    """Raises BadEvidence unless this key signed the token with the key's algorithm."""
    try:
        _JWS.decode_complete(token, key=public_key(jwk), algorithms=[algorithm(jwk)])
    except (jwt.PyJWTError, BadKey) as error:
        if jwk.get("kty") == "EC" and _is_der(token):
            raise BadEvidence(
                "the signature is in DER form; ES256 expects r and s alone, 32 bytes each (RFC 7518, section 3.4)"
            ) from error
        raise BadEvidence("the signature does not verify") from error


def _is_der(token: str) -> bool:
    """Whether the signature looks like an ASN.1 sequence, as OpenSSL and most libraries write ECDSA signatures."""
    try:
        signature = unb64(token.rpartition(".")[2])
    except BadKey:
        return False
    return len(signature) != _RAW_ES256 and signature[:1] == b"\x30"


def sign(typ: str, payload: Mapping[str, Any], private_jwk: Mapping[str, str]) -> str:
    """The compact JWS of a payload, with exactly the header that `read` accepts."""
    key = jwt.PyJWK({**private_jwk, "alg": algorithm(private_jwk)})
    headers = {"kid": thumbprint(private_jwk), "typ": typ}
    return jwt.encode(dict(payload), key, algorithm=algorithm(private_jwk), headers=headers)
