"""Self-contained proofs (c2sp.org/tlog-proof): their form, proofs that verify, and proofs that must fail."""

from __future__ import annotations

import pytest

from duecare_core.errors import BadEvidence
from duecare_core.evidence.log.logproof import MAX_PROOF_HASHES, check, encode, parse
from duecare_core.evidence.log.merkle import append, inclusion_proof, leaf_hash
from duecare_core.evidence.log.note import Checkpoint, LogKey, WitnessKey, add_lines, b64

ORIGIN = "duecare.example/log"
LOG = LogKey(ORIGIN, b"l" * 32)
WITNESS = WitnessKey("w1.example", b"1" * 32)
ENTRIES = [f"entry {number}".encode() for number in range(300)]
TREE = append(0, lambda _: b"", [leaf_hash(one) for one in ENTRIES])
CHECKPOINT = Checkpoint(ORIGIN, TREE.size, TREE.root)
NOTE = LOG.sign(CHECKPOINT.text())
# The lines of the example of c2sp.org/tlog-proof, whose signatures are not given.
HASHES = """gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=
"""
EXAMPLE = f"c2sp.org/tlog-proof@v1\nindex 73894\n{HASHES}\nexample.com/fancylog\n109482\n"


def proof(index: int) -> str:
    return encode(index, inclusion_proof(index, TREE.size, TREE.tiles.__getitem__), NOTE)


TEXT = proof(7)


def test_a_proof_is_written_as_the_specification_shows() -> None:
    parsed = parse(EXAMPLE)
    assert parsed.index == 73894
    assert "".join(f"{b64(one)}\n" for one in parsed.hashes) == HASHES
    assert parsed.checkpoint == "example.com/fancylog\n109482\n"
    assert encode(*parsed) == EXAMPLE


@pytest.mark.parametrize("index", [0, 1, 7, 254, 255, 256, 298, 299])
def test_a_proof_shows_that_the_log_holds_an_entry(index: int) -> None:
    assert check(proof(index), ENTRIES[index], LOG.verifier_key, strict=True) == CHECKPOINT


def test_a_log_of_one_entry_needs_no_hashes() -> None:
    note = LOG.sign(Checkpoint(ORIGIN, 1, leaf_hash(b"only")).text())
    text = encode(0, [], note)
    assert text == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{note}"
    assert check(text, b"only", LOG.verifier_key).size == 1


def test_a_proof_shows_nothing_of_another_entry_index_or_log() -> None:
    with pytest.raises(BadEvidence, match="does not lead"):
        check(TEXT, ENTRIES[8], LOG.verifier_key)
    with pytest.raises(BadEvidence, match="does not lead"):
        check(TEXT.replace("index 7\n", "index 6\n"), ENTRIES[7], LOG.verifier_key)
    with pytest.raises(BadEvidence, match="no such leaf"):
        check(TEXT.replace("index 7\n", "index 300\n"), ENTRIES[7], LOG.verifier_key)
    with pytest.raises(BadEvidence, match="has not signed"):
        check(TEXT, ENTRIES[7], LogKey("other.example/log", b"l" * 32).verifier_key)


def test_an_inner_node_is_no_entry() -> None:
    """Leaves and nodes are hashed differently, so a node cannot be proven to be an entry."""
    hashes = inclusion_proof(7, TREE.size, TREE.tiles.__getitem__)
    node = leaf_hash(ENTRIES[6]) + leaf_hash(ENTRIES[7])
    for index in (3, 7):
        with pytest.raises(BadEvidence):
            check(encode(index, hashes[1:], NOTE), node, LOG.verifier_key)


def test_witnesses_of_the_checkpoint_are_looked_at() -> None:
    cosigned = TEXT.replace(NOTE, add_lines(NOTE, [WITNESS.cosign(CHECKPOINT.text(), 1)]))
    assert check(cosigned, ENTRIES[7], LOG.verifier_key, [WITNESS.verifier_key], strict=True) == CHECKPOINT
    assert check(cosigned, ENTRIES[7], LOG.verifier_key) == CHECKPOINT
    assert check(cosigned, ENTRIES[7], LOG.verifier_key, strict=True) == CHECKPOINT
    with pytest.raises(BadEvidence, match="missing"):
        check(TEXT, ENTRIES[7], LOG.verifier_key, [WITNESS.verifier_key], strict=True)


LINE = f"{b64(leaf_hash(ENTRIES[6]))}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n\n", "\n"),
        "\n" + TEXT,
        TEXT[:-1],
        TEXT + "\n",
        TEXT.replace("index 7\n", ""),
        TEXT.replace("index 7\n", "index 07\n"),
        TEXT.replace("index 7\n", "index -7\n"),
        TEXT.replace("index 7\n", "index ７\n"),
        TEXT.replace("index 7\n", "index  7\n"),
        TEXT.replace("index 7\n", "Index 7\n"),
        TEXT.replace("index 7\n", f"index {'7' * 5000}\n"),
        TEXT.replace("index 7\n", "extra AAAA\nindex 7\n"),
        TEXT.replace(LINE, ""),
        TEXT.replace(LINE, "\n"),
        TEXT.replace(LINE, LINE + LINE),
        TEXT.replace(LINE, "AAAA\n" + LINE),
        TEXT.replace(LINE, LINE.strip() + " \n"),
        TEXT.replace(LINE, LINE.replace("=", "")),
        TEXT.replace(LINE, LINE * (MAX_PROOF_HASHES + 1)),
        TEXT.replace(LINE, chr(0xD800) + "\n"),
    ],
)
def test_a_malformed_proof_is_refused(text: str) -> None:
    assert LINE in TEXT
    with pytest.raises(BadEvidence):
        check(text, ENTRIES[7], LOG.verifier_key)
