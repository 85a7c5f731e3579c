"""Ed25519 keys that anyone can sign for, and signatures with a second spelling, are refused wherever a key is read.

The curve's arithmetic here is that of RFC 8032, section 5.1, written down again: the points of small order are
computed, not copied from the code under test.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from duecare_core.errors import BadEvidence, BadKey
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import (
    SMALL_ORDER_Y,
    b64,
    ed25519_key,
    new_private_jwk,
    private_jwk,
    public_jwk,
    public_key,
    thumbprint,
    unb64,
)
from duecare_core.evidence.log.note import ED25519, key_id, parse_verifier
from duecare_core.evidence.receipt import ReceiptKey

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1)
Point = tuple[int, int]


def plus(a: Point, b: Point) -> Point:
    product = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P)
    return x % P, y % P


def times(n: int, point: Point) -> Point:
    total = NEUTRAL
    while n:
        if n & 1:
            total = plus(total, point)
        point, n = plus(point, point), n >> 1
    return total


def with_y(y: int) -> Point | None:
    """A point with this y, or None if there is none."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    for x in (pow(square, (P + 3) // 8, P), pow(square, (P + 3) // 8, P) * SQRT_MINUS_1 % P):
        if x * x % P == square:
            return x, y
    return None


def encoded(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


def small_order() -> set[Point]:
    """All eight: L times any point is one of them, and the first of order 8 generates the others."""
    for y in range(2, 1000):
        point = with_y(y)
        if point and times(4, torsion := times(L, point)) != NEUTRAL:
            return {times(n, torsion) for n in range(8)}
    raise AssertionError("no point of order 8 was found")


POINTS = sorted(small_order())
CANONICAL = {f"order {next(n for n in (1, 2, 4, 8) if times(n, p) == NEUTRAL)}, y={p[1]}, x={p[0]}":
             encoded(p[1], p[0] & 1) for p in POINTS}  # fmt: skip
# y is not reduced: 19 values, with either sign.
UNREDUCED = {f"y=p+{y - P}, sign {sign}": encoded(y, sign) for y in range(P, 2**255) for sign in (0, 1)}
# x is 0, and its sign bit is set.
NEGATIVE_ZERO = {f"y={y}, negative zero": encoded(y, 1) for y in (1, P - 1)}
BAD = CANONICAL | UNREDUCED | NEGATIVE_ZERO


def okp(data: bytes) -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(data)}


def test_there_are_eight_points_of_small_order_and_the_code_knows_their_five_y() -> None:
    assert len(POINTS) == len(CANONICAL) == 8
    assert {y for _, y in POINTS} == SMALL_ORDER_Y
    assert len(UNREDUCED) == 38


def test_only_points_of_small_order_have_x_0() -> None:
    assert with_y(1) == (0, 1)
    assert with_y(P - 1) == (0, P - 1)  # and x = 0 means y² = 1


@pytest.mark.parametrize("name", BAD)
def test_a_key_of_small_order_or_in_another_spelling_is_refused_wherever_one_is_read(name: str) -> None:
    jwk = okp(BAD[name])
    for reading in (ed25519_key, lambda data: public_key(okp(data)), lambda data: public_jwk(okp(data))):
        with pytest.raises(BadKey):
            reading(BAD[name])
    with pytest.raises(BadEvidence):
        jws.verify(jws.sign("x+jws", {}, new_private_jwk()), jwk)
    public = BAD[name]
    with pytest.raises(BadEvidence):
        parse_verifier(f"log+{key_id('log', ED25519, public).hex()}+{b64_padded(bytes([ED25519]) + public)}")


def test_without_the_check_anyone_signs_for_the_neutral_point() -> None:
    """OpenSSL accepts it, so the attack is real: R is the neutral point, S is 0, whatever the message is."""
    neutral, jwk = encoded(1, 0), okp(encoded(1, 0))
    header = {"alg": "EdDSA", "kid": thumbprint(jwk), "typ": "JWT"}
    forged = f"{b64(json.dumps(header).encode())}.{b64(b'{}')}"
    signature = neutral + bytes(32)
    Ed25519PublicKey.from_public_bytes(neutral).verify(signature, forged.encode())
    with pytest.raises(BadEvidence):
        jws.verify(f"{forged}.{b64(signature)}", jwk)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(BadKey):
        ed25519_key(b"\x05" * size)


def test_ordinary_keys_are_accepted() -> None:
    for seed in range(50):
        private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        jwk = private_jwk(private)
        assert public_jwk(jwk)["x"] == jwk["x"]
        jws.verify(jws.sign("x+jws", {"n": seed}, jwk), jwk)
    assert ReceiptKey(b"r" * 32).public


@pytest.mark.parametrize("multiple", range(1, 16))
def test_a_signature_with_an_unreduced_s_is_refused(multiple: int) -> None:
    """S + L verifies where S is not held to be less than L (RFC 8032, section 5.1.7): a second spelling."""
    jwk = new_private_jwk()
    head, _, signature = jws.sign("x+jws", {"a": 1}, jwk).rpartition(".")
    data = unb64(signature)
    jws.verify(f"{head}.{signature}", jwk)
    second = data[:32] + (int.from_bytes(data[32:], "little") + multiple * L).to_bytes(33, "little")[:32]
    with pytest.raises(BadEvidence):
        jws.verify(f"{head}.{b64(second)}", jwk)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 1), (2**256 - 1, 1), (2**256 - 2**224 + 2**192 + 2**96 - 1, 0)])
def test_a_p256_point_off_its_curve_or_unreduced_is_refused(x: int, y: int) -> None:
    with pytest.raises(BadKey):
        public_jwk({"kty": "EC", "crv": "P-256", "x": b64(x.to_bytes(32)), "y": b64(y.to_bytes(32))})


def b64_padded(data: bytes) -> str:
    text = b64(data).replace("-", "+").replace("_", "/")
    return text + "=" * (-len(text) % 4)
