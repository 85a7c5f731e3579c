"""Public and private keys as JWK (RFC 7517), identified by their thumbprint (RFC 7638).

Parties use Ed25519 (`EdDSA`, RFC 8037) or P-256 (`ES256`, RFC 7518 section 3.4); nothing else is accepted.

A public key of small order verifies signatures that nobody made: with the neutral point `01 00…00` as the key, 64 fixed
bytes are a signature of every message. OpenSSL accepts such keys, so `ed25519_key` refuses them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from duecare_core.errors import BadKey

Jwk = dict[str, str]

_REQUIRED = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}
_ALG = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256"}

# The field of Ed25519 (RFC 8032, section 5.1), and the y-coordinates of its eight points of small order: of order 1
# (y = 1), 2 (y = -1), 4 (y = 0, two points) and 8 (two points for each y). An encoding is y and the sign of x; the
# points with x = 0, whose sign bit has to be 0, are among these. No other point has x = 0.
_P = 2**255 - 19
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER_Y = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})


def b64(data: bytes) -> str:
    """base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of unpadded base64url. Raises BadKey for any but the canonical spelling, so that equal bytes have equal
    texts."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadKey("not base64url") from error
    if b64(data) != text:
        raise BadKey("not canonical base64url")
    return data


def algorithm(jwk: Mapping[str, Any]) -> str:
    """The JWS algorithm of this key. Raises BadKey if this kind of key is not accepted."""
    kind = (str(jwk.get("kty")), str(jwk.get("crv")))
    if kind not in _ALG:
        raise BadKey("a key must be Ed25519 (kty OKP) or P-256 (kty EC)")
    return _ALG[kind]


def public_jwk(jwk: Mapping[str, Any]) -> Jwk:
    """The public members of a key, checked as `public_key` checks them. Raises BadKey."""
    algorithm(jwk)
    names = _REQUIRED[jwk["kty"]]
    if not all(isinstance(jwk.get(name), str) for name in names):
        raise BadKey(f"a key of this kind has the members {', '.join(names)}")
    public = {name: str(jwk[name]) for name in names}
    public_key(public)
    return public


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The `kid`: base64url SHA-256 of the required members in lexicographic order (RFC 7638, section 3)."""
    members = ",".join(f'"{name}":"{jwk[name]}"' for name in _REQUIRED[jwk["kty"]])
    return b64(hashlib.sha256(f"{{{members}}}".encode()).digest())


def public_key(jwk: Mapping[str, Any]) -> ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey:
    """The key for use with `cryptography`. Raises BadKey for a wrong length, a P-256 point that is not on the curve,
    and an Ed25519 point that `ed25519_key` refuses."""
    try:
        if algorithm(jwk) == "EdDSA":
            return ed25519_key(unb64(jwk["x"]))
        x, y = unb64(jwk["x"]), unb64(jwk["y"])
        if len(x) != 32 or len(y) != 32:
            raise BadKey("P-256 coordinates have 32 bytes")
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    except ValueError as error:
        raise BadKey("the key's numbers are not a point on its curve") from error


def ed25519_key(encoded: bytes) -> ed25519.Ed25519PublicKey:
    """The Ed25519 key of these 32 bytes. Raises BadKey for a point of small order and for every encoding that is not
    canonical (RFC 8032, section 5.1.3: y is less than p, and the sign bit is 0 where x is 0).

    A point that is not on the curve verifies no signature, so it is not looked for here.
    """
    y = int.from_bytes(encoded, "little") & ((1 << 255) - 1)
    if len(encoded) != 32 or y >= _P or y in SMALL_ORDER_Y:
        raise BadKey("an Ed25519 key has 32 bytes, in their canonical form, and is not a point of small order")
    return ed25519.Ed25519PublicKey.from_public_bytes(encoded)


def new_private_jwk() -> Jwk:
    """A new Ed25519 key pair as a private JWK."""
    return private_jwk(ed25519.Ed25519PrivateKey.generate())


def private_jwk(key: ed25519.Ed25519PrivateKey) -> Jwk:
    """An Ed25519 key pair as a private JWK (RFC 8037, section 2)."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": b64(key.public_key().public_bytes_raw()),
        "d": b64(key.private_bytes_raw()),
    }
