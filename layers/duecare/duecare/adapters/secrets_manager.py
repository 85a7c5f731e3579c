"""The pepper and the keys in Secrets Manager, over the lean client."""

from __future__ import annotations

import msgspec

from duecare.adapters.lean_client import Call, Wire, WireError
from duecare_core.errors import BadKey, SecretsFailed
from duecare_core.evidence.acknowledgement import AcknowledgementKey
from duecare_core.evidence.jose.keys import Jwk, public_jwk
from duecare_core.evidence.log.note import LogKey
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.receipt import ReceiptKey
from duecare_core.evidence.sealed_decision import InputsKey

SEED_BYTES = 32


class _Secret(msgspec.Struct):
    SecretString: str


class _AcknowledgementSecret(msgspec.Struct):
    """`seed`: 64 hexadecimal digits. The public keys of earlier seeds are in the table."""

    seed: str


class _ReceiptSecret(msgspec.Struct):
    """`seed`: 64 hexadecimal digits. `retired`: public keys of earlier receipts, so that these verify."""

    seed: str
    retired: list[dict[str, str]] = []


def fetch(wire: Wire, names: list[str]) -> list[str]:
    """The current values of these secrets, in one round-trip time. Raises SecretsFailed."""
    calls = [Call("GetSecretValue", msgspec.json.encode({"SecretId": name})) for name in names]
    try:
        return [msgspec.json.decode(answer, type=_Secret).SecretString for answer in wire.exchange(calls)]
    except (WireError, msgspec.MsgspecError, ValueError) as error:
        raise SecretsFailed("a secret cannot be read") from error


def pseudonyms(value: str) -> Pseudonyms:
    """Raises SecretsFailed."""
    return Pseudonyms(_bytes(value))


def inputs_key(value: str) -> InputsKey:
    """Raises SecretsFailed."""
    return InputsKey(_bytes(value))


def log_key(value: str, origin: str) -> LogKey:
    """Raises SecretsFailed."""
    return LogKey(origin, _bytes(value))


def receipt_key(value: str) -> ReceiptKey:
    """Raises SecretsFailed."""
    try:
        secret = msgspec.json.decode(value, type=_ReceiptSecret)
        retired: tuple[Jwk, ...] = tuple(public_jwk(jwk) for jwk in secret.retired)
    except (msgspec.MsgspecError, BadKey) as error:
        raise SecretsFailed("the receipt key's secret has the wrong form") from error
    return ReceiptKey(_bytes(secret.seed), retired)


def acknowledgement_key(value: str) -> AcknowledgementKey:
    """Raises SecretsFailed."""
    try:
        secret = msgspec.json.decode(value, type=_AcknowledgementSecret)
    except msgspec.MsgspecError as error:
        raise SecretsFailed("the acknowledgement key's secret has the wrong form") from error
    return AcknowledgementKey(_bytes(secret.seed))


def _bytes(value: str) -> bytes:
    try:
        data = bytes.fromhex(value)
    except ValueError:
        data = b""
    if len(data) != SEED_BYTES:
        raise SecretsFailed("a secret must be 64 hexadecimal digits")
    return data
