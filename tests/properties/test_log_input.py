"""Any input in place of the log's texts and bytes has one reading, or raises BadEvidence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.errors import BadEvidence
from duecare_core.evidence.log import logproof
from duecare_core.evidence.log.entry import entry, pack_entries, read_entry, unpack_entries
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
)

THOROUGH = settings(max_examples=200)
LOG = LogKey("duecare.example/log", b"l" * 32)
WITNESS = WitnessKey("w1.example", b"1" * 32)
ENTRIES = [entry("decision", f"d-{number}", "sha256:00", "2026-01-05T09:00:00Z") for number in range(300)]
TREE = append(0, lambda _: b"", [leaf_hash(one) for one in ENTRIES])
TEXT = Checkpoint(LOG.name, TREE.size, TREE.root).text()
NOTE = add_lines(LOG.sign(TEXT), [WITNESS.cosign(TEXT, 1767603600)])
PROOF = logproof.encode(7, inclusion_proof(7, TREE.size, TREE.tiles.__getitem__), NOTE)

# Pieces that the formats are made of, and characters that they must not have.
SIGNS = ["\n", "\n\n", "\r", " ", "+", "=", "—", "— ", "0", "-1", "7", "99999999999999999999", "AAAA", "AAAA\n"]
WORDS = ["index 7\n", "extra AAAA\n", logproof.HEADER, LOG.name, LOG.verifier_key, WITNESS.verifier_key]
STRANGE = ["\0", "\t", "\x85", "\u2028", "\u3000", "\ufeff", "\ufffd", chr(0xD800), "７", "é", "e\u0301", "𐀀"]
pieces = st.sampled_from(SIGNS + WORDS + STRANGE)
characters = st.characters(categories=["Cs", "Cc", "Zs", "Zl", "Nd", "Lo", "Ll"])
texts = st.text(characters, max_size=40) | st.lists(pieces, max_size=12).map("".join)


def near(*good: str) -> st.SearchStrategy[str]:
    """One of these with a part of it cut out, doubled, or replaced."""

    @st.composite
    def changed(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(good))
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 80)))
        return text[:start] + draw(texts | st.just(text[start:end] * 2)) + text[end:]

    return changed() | texts


def text_of(checkpoint: Checkpoint) -> str:
    return checkpoint.text()


READERS: dict[str, tuple[Callable[[str], Any], Callable[[Any], str]]] = {
    "note": (parse_note, lambda note: note.text + "\n" + "".join(one.line() for one in note.signatures)),
    "lines": (parse_lines, lambda lines: "".join(one.line() for one in lines)),
    "checkpoint": (parse_checkpoint, text_of),
    "proof": (logproof.parse, lambda proof: logproof.encode(*proof)),
    "signed checkpoint": (lambda text: open_checkpoint(text, LOG.verifier_key), lambda _: ""),
    "verifier": (parse_verifier, lambda _: ""),
    "checked proof": (lambda text: logproof.check(text, ENTRIES[7], LOG.verifier_key), lambda _: ""),
}


@pytest.mark.parametrize("name", READERS)
@given(text=near(PROOF, NOTE, TEXT, NOTE.partition("\n\n")[2], LOG.verifier_key, WITNESS.verifier_key))
@THOROUGH
def test_an_input_is_read_only_in_its_one_spelling(name: str, text: str) -> None:
    read, write = READERS[name]
    with suppress(BadEvidence):
        written = write(read(text))
        assert written in ("", text)


def assert_only_unknown_signatures_differ(text: str, original: str) -> None:
    """Signature lines of unknown keys count for nothing (c2sp.org/signed-note); every other byte is bound."""
    lines, known = text.split("\n"), original.split("\n")
    more = [line for line in lines if line not in known]
    assert sorted(line for line in lines if line in known) == sorted(known)
    assert all(line.startswith("— ") for line in more), more


@given(near(NOTE))
@THOROUGH
def test_no_other_note_opens_as_strictly_as_a_case_file_asks(text: str) -> None:
    with suppress(BadEvidence):
        open_checkpoint(text, LOG.verifier_key, [WITNESS.verifier_key], strict=True)
        assert_only_unknown_signatures_differ(text, NOTE)


@given(near(PROOF))
@THOROUGH
def test_no_other_proof_shows_that_an_entry_is_in_the_log(text: str) -> None:
    with suppress(BadEvidence):
        logproof.check(text, ENTRIES[7], LOG.verifier_key, [WITNESS.verifier_key], strict=True)
        assert_only_unknown_signatures_differ(text, PROOF)


@given(near(LOG.verifier_key, WITNESS.verifier_key), near(LOG.verifier_key, WITNESS.verifier_key))
@THOROUGH
def test_a_key_that_is_none_opens_nothing(key: str, witness: str) -> None:
    with suppress(BadEvidence):
        open_checkpoint(NOTE, key, [witness])
        assert key == LOG.verifier_key


@given(st.binary(max_size=60) | near(ENTRIES[7].decode()).map(lambda text: text.encode("utf-8", "surrogatepass")))
@THOROUGH
def test_an_entry_is_read_from_the_bytes_that_it_is_written_as_or_not_at_all(data: bytes) -> None:
    with suppress(BadEvidence):
        assert entry(*read_entry(data)) == data


@given(st.binary(max_size=60) | st.tuples(st.integers(0, 400), st.binary(max_size=3)))
@THOROUGH
def test_a_bundle_is_read_from_the_bytes_that_it_is_written_as_or_not_at_all(change: bytes | tuple[int, bytes]) -> None:
    good = pack_entries(ENTRIES[:4])
    data = change if isinstance(change, bytes) else good[: change[0]] + change[1] + good[change[0] + 1 :]
    with suppress(BadEvidence):
        assert pack_entries(unpack_entries(data)) == data
