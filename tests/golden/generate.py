"""The one generator of the golden files beside it: `python -m tests.golden.generate` writes them, a test compares.

It refuses to change the outcomes of the current engine: raise the version of duecare-core first. A version that was
never released may change: `--unreleased`.

Everything is fixed: keys from constant seeds, the clock, the salt. Ed25519 is deterministic, so bytes are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from duecare.runtime.responses import answer, problem
from duecare_core.domain.facts.chain import head_of
from duecare_core.domain.fields import E164
from duecare_core.errors import Unacceptable, Violation
from duecare_core.evidence.acknowledgement import AcknowledgementKey, claims
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.jose import keys
from duecare_core.evidence.log import logproof
from duecare_core.evidence.log.entry import unpack_entries
from duecare_core.evidence.log.merkle import Tile, entries_path
from duecare_core.evidence.log.note import WitnessKey, add_lines
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.receipt import receipt
from duecare_core.evidence.record import encode
from duecare_core.evidence.statement import StatementRecord, sign
from tests.golden import engines
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import CASE_TEXT, ISSUER, NOW, RECIPIENT, World, debt_members, message, stamp

WITNESSES = (WitnessKey("w1.example", b"1" * 32), WitnessKey("w2.example", b"2" * 32))
HERE = Path(__file__).parent
PARTY_KEY = keys.private_jwk(Ed25519PrivateKey.from_private_bytes(b"k" * 32))


class Open:
    """A sealer that keeps nothing secret and takes nothing from chance."""

    def seal(self, data: bytes) -> bytes:
        return b"sealed:" + data

    def open(self, sealed: bytes) -> bytes:
        return sealed.removeprefix(b"sealed:")


def entropy(count: int) -> bytes:
    return b"s" * count


def files() -> dict[str, bytes]:
    """Name → bytes of every golden file."""
    return answers() | log()


def log() -> dict[str, bytes]:
    """One log, with a message that was allowed and one that was denied; the denied one's proof and case file."""
    world = LoggedWorld(sealer=Open(), entropy=entropy)
    world.honest()
    world.verify(message_id="allowed")
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    denied = world.verify(message_id="denied", text=f"{CASE_TEXT}再不还就联系你的父母")
    world.sequenced()
    case = world.case_file(denied)
    size, note = world.checkpoint().size, world.files.objects["checkpoint"].decode()
    proof = json.loads(case)["decision"]["proof"]
    bundle = world.files.objects[entries_path(0, size)]
    text = world.checkpoint().text()
    return {
        "entry.json": unpack_entries(bundle)[logproof.parse(proof).index],
        "entries.bin": bundle,
        "tile.bin": world.tile(Tile(0, 0, size)),
        "checkpoint.note": note.encode(),
        "cosigned.note": add_lines(note, [one.cosign(text, int(NOW.timestamp())) for one in WITNESSES]).encode(),
        "decision.tlog-proof": proof.encode(),
        "bundle.json": case,
    }


def answers() -> dict[str, bytes]:
    """Records, receipts and answers."""
    world = World(entropy=entropy).register()
    decided = world.verify_use_case(world.caller("xinxi"), message())
    record, kept = decided.record, decided.envelope
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
        "answer.en.json": canonical(msgspec.to_builtins(told["en"])),
        "answer.zh-CN.json": canonical(msgspec.to_builtins(told["zh-CN"])),
        "problem.json": canonical(msgspec.to_builtins(problem(refused))),
        "debt.jws": sign("debt", members, PARTY_KEY).encode(),
        "acknowledgement.jws": acknowledgement().encode(),
    }


def acknowledgement() -> str:
    """That of a superseded opt-out, the third statement of its chain: every member is present."""
    ids = [f"sha256:{number:064x}" for number in range(3)]
    record = StatementRecord(
        kind="opt-out",
        issuer="xinxi",
        kid="k",
        received_at=NOW,
        effect="superseded",
        superseded_by=ids[0],
        chain=head_of("mou-zichan", ids),
    )
    recipient = (E164(RECIPIENT), Pseudonyms(b"p" * 32).recipient_salt(ids[2]))
    return AcknowledgementKey(b"a" * 32).sign(claims(ids[2], record, recipient))


def write_engine(*, unreleased: bool) -> None:
    """Write the folder of the current engine. Its outcomes change only if it is `unreleased`."""
    folder, made = engines.folder(), engines.outcomes()
    outcomes = folder / engines.OUTCOMES
    if folder.name in engines.released():
        if outcomes.read_bytes() != made:
            raise SystemExit(engines.RAISE)
        return
    if outcomes.exists() and outcomes.read_bytes() != made and not unreleased:
        raise SystemExit(f"{engines.RAISE} If this version was never released: --unreleased.")
    folder.mkdir(exist_ok=True)
    for old in folder.glob(engines.CASE_FILE):
        old.unlink()
    outcomes.write_bytes(made)
    (folder / engines.LOG_KEY_FILE).write_text(f"{LOG_KEY.verifier_key}\n", "utf-8")
    for name, data in engines.case_files(Open(), entropy).items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    for name, data in files().items():
        (HERE / name).write_bytes(data)
    write_engine(unreleased="--unreleased" in sys.argv)
