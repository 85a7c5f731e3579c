"""A party's keys on disk, as JWK files (RFC 7517). Only its owner can read a private one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from duecare_client.errors import BadEvidence, BadKey, BadSettings
from duecare_core.evidence.jose.keys import algorithm, b64, new_private_jwk, public_jwk, thumbprint
from duecare_core.evidence.jose.proof import check_signature, proven_jwk

# Members that only private and secret keys have (RFC 7518, section 6).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def generate(alg: str) -> dict[str, str]:
    """A new private JWK for `EdDSA` (Ed25519) or `ES256` (P-256), with its `alg` and `kid`."""
    jwk = new_private_jwk() if alg == "EdDSA" else _new_p256()
    return {**jwk, "alg": alg, "kid": thumbprint(jwk)}


def published(jwk: Mapping[str, Any]) -> dict[str, str]:
    """The public JWK of a key, with `alg` and `kid`. Raises BadKey."""
    public = public_jwk(jwk)
    return {**public, "alg": algorithm(public), "kid": thumbprint(public)}


def proven(jwk: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """The public JWK of a private key, with `alg`, `kid` and a new proof that this is its holder. Raises BadKey."""
    return proven_jwk(jwk, now)


def write_private(path: Path, jwk: Mapping[str, str]) -> None:
    """Writes a private JWK to a new file of mode 0600. Raises BadSettings; never replaces a file."""
    try:
        # O_EXCL and the mode at creation: at no time can others read the file.
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadSettings(
            f"{path} exists already, and a key is never overwritten. For its public key with a new proof: duecare keys "
            f"show {path}. For another key choose another file name"
        ) from None
    except OSError as error:
        raise BadSettings(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(json.dumps(jwk) + "\n")


def read_private(path: Path) -> dict[str, Any]:
    """The private JWK in the file. Raises BadSettings if it cannot be read or holds only a public key."""
    jwk = _read(path)
    if "kty" not in jwk:
        raise BadSettings(f"{path} is not a JWK: it has no member kty")
    if "d" not in jwk:
        raise BadSettings(f"{path} holds only a public key; give the private one, which `duecare keys new --out` wrote")
    return jwk


def read_public(path: Path) -> dict[str, str]:
    """The public JWK in the file, with the proof that its party holds it. Its age is judged by the service.

    Raises BadSettings for a private one, so that none is sent by mistake, and for one without a proof of its own.
    """
    jwk = _read(path)
    if _PRIVATE & jwk.keys():
        raise BadSettings(
            f"{path} holds a private key, which must not leave its owner; "
            "give the public one, which `duecare keys new` printed and `duecare keys show` prints again"
        )
    try:
        public = published(jwk)
        check_signature(jwk.get("proof"), public)
    except BadKey as error:
        raise BadSettings(f"{path} is not a usable public key: {error}") from None
    except BadEvidence as error:
        raise BadSettings(
            f"{path} comes without a valid proof that its party holds the key: {error}. Whoever holds the private key "
            "makes one with `duecare keys show FILE`, or a new key with `duecare keys new`"
        ) from None
    return {**public, "proof": str(jwk["proof"])}


def _read(path: Path) -> dict[str, Any]:
    try:
        jwk = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadSettings(f"the key file {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadSettings(f"{path} is not a JWK: it is not JSON in UTF-8") from None
    if not isinstance(jwk, dict):
        raise BadSettings(f"{path} is not a JWK: it is not a JSON object")
    return jwk


def _new_p256() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    point = key.public_numbers
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(point.x.to_bytes(32)),
        "y": b64(point.y.to_bytes(32)),
        "d": b64(key.private_value.to_bytes(32)),
    }
