"""Notes and proofs of the log: no byte of a good one can be changed, and no text breaks their reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.errors import BadEvidence
from duecare_core.evidence.log import logproof
from duecare_core.evidence.log.merkle import append, inclusion_proof, leaf_hash
from duecare_core.evidence.log.note import (
    Checkpoint,
    LogKey,
    WitnessKey,
    add_lines,
    open_checkpoint,
    parse_checkpoint,
    parse_lines,
    parse_note,
    parse_verifier,
    unb64,
)

LOG = LogKey("duecare.example/log", b"l" * 32)
KEY = LOG.verifier_key
WITNESSES = (WitnessKey("w1.example", b"1" * 32), WitnessKey("w2.example", b"2" * 32))
KEYS = [one.verifier_key for one in WITNESSES]
ENTRIES = [f"entry {number}".encode() for number in range(300)]
TREE = append(0, lambda _: b"", [leaf_hash(one) for one in ENTRIES])
TEXT = Checkpoint(LOG.name, TREE.size, TREE.root).text()
NOTE = add_lines(LOG.sign(TEXT), [one.cosign(TEXT, 1_679_315_147) for one in WITNESSES])
PROOF = logproof.encode(7, inclusion_proof(7, TREE.size, TREE.tiles.__getitem__), NOTE)


def changed(good: str, change: int) -> Iterator[str]:
    """It with one byte changed, for every byte; what is no UTF-8 any more as each way of decoding has it."""
    data = good.encode()
    for at in range(len(data)):
        other = data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]
        yield other.decode("utf-8", "surrogateescape")
        yield other.decode("utf-8", "replace")


@pytest.mark.parametrize("change", [0x01, 0x20, 0x80])
def test_no_byte_of_a_note_can_be_changed(change: int) -> None:
    open_checkpoint(NOTE, KEY, KEYS, strict=True)
    for note in changed(NOTE, change):
        with pytest.raises(BadEvidence):
            open_checkpoint(note, KEY, KEYS, strict=True)


@pytest.mark.parametrize("change", [0x01, 0x20, 0x80])
def test_no_byte_of_a_proof_can_be_changed(change: int) -> None:
    logproof.check(PROOF, ENTRIES[7], KEY, KEYS, strict=True)
    for proof in changed(PROOF, change):
        with pytest.raises(BadEvidence):
            logproof.check(proof, ENTRIES[7], KEY, KEYS, strict=True)


# Any text at all, lone surrogates among it, and what is nearly good.
HALF = chr(0xD800)
anything = st.text(st.characters() | st.just(HALF), max_size=60)
tokens = st.sampled_from(["\n", "\n\n", "\r", " ", "— ", "+", "=", "A", "0", "9" * 30, "index ", HALF, "é", "\0"])


def near(good: str) -> st.SearchStrategy[str]:
    places = st.integers(0, len(good))
    return st.builds(lambda start, end, what: good[:start] + what + good[end:], places, places, tokens | anything)


def outcome(reader: Callable[[str], object], text: str) -> str:
    """How reading ended: the message of the refusal, or "read"."""
    try:
        reader(text)
    except BadEvidence as refused:
        return str(refused)
    return "read"


@given(anything | near(NOTE) | near(PROOF) | near(KEY))
@settings(max_examples=1000)
def test_no_text_breaks_the_reading(text: str) -> None:
    readers: list[Callable[[str], object]] = [
        parse_note,
        parse_lines,
        parse_checkpoint,
        parse_verifier,
        unb64,
        logproof.parse,
        lambda note: open_checkpoint(note, KEY, KEYS),
        lambda note: open_checkpoint(note, KEY, KEYS, strict=True),
        lambda key: open_checkpoint(NOTE, key, KEYS),
        lambda key: open_checkpoint(NOTE, KEY, [key]),
        lambda proof: logproof.check(proof, ENTRIES[7], KEY, KEYS),
    ]
    for reader in readers:
        assert outcome(reader, text)
