"""The one generator of the golden files beside it: `python -m tests.golden.generate` writes them, a test compares.

Everything is fixed: keys from constant seeds, the clock, the salt. Ed25519 is deterministic, so bytes are.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from duecare.errors import Unacceptable, Violation
from duecare.evidence import keys
from duecare.evidence.canonical import canonical
from duecare.evidence.receipt import receipt
from duecare.evidence.record import encode
from duecare.evidence.statement import sign
from duecare.runtime.http import problem
from duecare.usecases.decided import answer
from duecare.usecases.verify import Keys, Verify
from tests.packs import RULES
from tests.world import ISSUER, NOW, World, debt_members, message

HERE = Path(__file__).parent
PARTY_KEY = keys.private_jwk(Ed25519PrivateKey.from_private_bytes(b"k" * 32))


def files() -> dict[str, bytes]:
    """Name → bytes of every golden file."""
    world = World().register()
    fixed = Verify(
        gate=world.gate,
        keys=Keys(world.pseudonyms, world.receipt_key, world.inputs_key),
        rules=RULES,
        issuer=ISSUER,
        clock=world.clock,
        entropy=lambda count: b"s" * count,
        rest=lambda _: None,
    )
    decided = fixed(world.caller("xinxi"), message())
    record, kept = decided.record, decided.kept
    refused = Unacceptable(
        "A member is not as the contract has it.",
        errors=(Violation("/recipient", "missing", "this member is required"),),
    )
    members = {"iss": "mou-zichan", "aud": ISSUER, "iat": int(NOW.timestamp()), **debt_members(NOW)}
    told = {
        language: answer(decided, issuer=ISSUER, public_url="https://duecare.example", language=language)
        for language in ("en", "zh-CN")
    }
    return {
        "record.json": encode(record),
        "receipt.jws": receipt(record, ISSUER, kept.kid, kept.signature).encode(),
        "jwks.json": canonical(world.receipt_key.jwks()),
        "answer.en.json": canonical(told["en"]),
        "answer.zh-CN.json": canonical(told["zh-CN"]),
        "problem.json": canonical(problem(refused)),
        "debt.jws": sign("debt", members, PARTY_KEY).encode(),
    }


if __name__ == "__main__":
    for name, data in files().items():
        (HERE / name).write_bytes(data)
