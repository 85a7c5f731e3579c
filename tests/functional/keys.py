"""Keys of the other kind that parties may use."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from duecare_core.evidence.jose.keys import b64


def p256() -> dict[str, str]:
    """A fresh P-256 key pair as a private JWK (RFC 7518, section 6.2)."""
    numbers = generate_private_key(SECP256R1()).private_numbers()
    public = numbers.public_numbers
    named = {"x": public.x, "y": public.y, "d": numbers.private_value}
    return {"kty": "EC", "crv": "P-256"} | {name: b64(number.to_bytes(32, "big")) for name, number in named.items()}
