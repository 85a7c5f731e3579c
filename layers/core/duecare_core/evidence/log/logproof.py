"""A self-contained proof that an entry is in the log (c2sp.org/tlog-proof@v1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from duecare_core.errors import BadEvidence
from duecare_core.evidence.log.merkle import leaf_hash, verify_inclusion
from duecare_core.evidence.log.note import Checkpoint, b64, open_checkpoint, unb64

HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z")
MAX_PROOF_HASHES = 63


class LogProof(NamedTuple):
    """`hashes`: the inclusion proof of the entry at `index`, under `checkpoint`, a signed note."""

    index: int  # type: ignore[assignment]  # the name that the specification has; nobody asks tuple.index of it
    hashes: tuple[bytes, ...]
    checkpoint: str


def encode(index: int, hashes: Sequence[bytes], checkpoint: str) -> str:
    """The text of a proof."""
    lines = "".join(f"{b64(one)}\n" for one in hashes)
    return f"{HEADER}\nindex {index}\n{lines}\n{checkpoint}"


def parse(text: str) -> LogProof:
    """The parts of a proof. Raises BadEvidence, also for an `extra` line: this log writes none, and nothing signs
    it."""
    head, gap, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines[0] != HEADER or len(lines) < 2 or len(lines) > MAX_PROOF_HASHES + 2:
        raise BadEvidence("not a proof of a log")
    index = _INDEX.match(lines[1])
    if index is None:
        raise BadEvidence("a proof names the index of its entry")
    return LogProof(int(index[1]), tuple(unb64(line) for line in lines[2:]), checkpoint)


def check(
    text: str, entry: bytes, verifier_key: str, witnesses: Sequence[str] = (), *, strict: bool = False
) -> Checkpoint:
    """Verify that the log holds this entry, and return the checkpoint. Raises BadEvidence."""
    proof = parse(text)
    checkpoint = open_checkpoint(proof.checkpoint, verifier_key, witnesses, strict=strict)
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint
