"""Signed notes, checkpoints and cosignatures: the examples of the specifications, and inputs that must fail."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from duecare_core.errors import BadEvidence
from duecare_core.evidence.log.merkle import EMPTY_ROOT
from duecare_core.evidence.log.note import (
    MAX_NOTE_LENGTH,
    Checkpoint,
    LogKey,
    Signature,
    WitnessKey,
    add_lines,
    open_checkpoint,
    parse_checkpoint,
    parse_lines,
    parse_note,
    parse_verifier,
)
from tests.support.witness import Witness

# The example of c2sp.org/signed-note, "Verifier keys".
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
# The example of c2sp.org/tlog-cosignature; its keys are not given.
COSIGNED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501  lines of the format

ORIGIN = "duecare.example/log"
LOG = LogKey(ORIGIN, b"l" * 32)
OTHER = LogKey("other.example/log", b"o" * 32)
WITNESS = WitnessKey("w1.example", b"1" * 32)
SECOND = WitnessKey("w2.example", b"2" * 32)
CHECKPOINT = Checkpoint(ORIGIN, 7, b"r" * 32)
TEXT = CHECKPOINT.text()
NOTE = LOG.sign(TEXT)
HALF = chr(0xD800)  # of a character: a str that no UTF-8 can hold
SECONDS = 1679315147


def cosigned(*witnesses: WitnessKey) -> str:
    return add_lines(NOTE, [one.cosign(TEXT, SECONDS) for one in witnesses])


def test_the_example_of_the_specification_verifies() -> None:
    note, key = parse_note(EXAMPLE_NOTE), parse_verifier(EXAMPLE_KEY)
    assert note.text == "This is an example message.\n"
    assert [(one.name, one.key_id.hex()) for one in note.signatures] == [("example.com/foo", "530d903a")]
    key.verify(note.text, note.signatures[0].signature)
    with pytest.raises(BadEvidence, match=r"example\.com/foo is not good"):
        key.verify("This is an example message!\n", note.signatures[0].signature)


def test_the_cosigned_checkpoint_of_the_specification_is_read() -> None:
    note = parse_note(COSIGNED)
    assert parse_checkpoint(note.text).origin == "example.com/behind-the-sofa"
    assert parse_checkpoint(note.text).size == 20852163
    witness = note.signatures[1]
    assert int.from_bytes(witness.signature[:8], "big") == SECONDS
    assert len(witness.signature) == 8 + 64
    assert note.text + "\n" + "".join(one.line() for one in note.signatures) == COSIGNED


def test_a_key_is_named_as_the_specification_names_it() -> None:
    name, key_id, encoded = LOG.verifier_key.split("+", 2)
    assert (name, bytes.fromhex(key_id)) == (ORIGIN, LOG.key_id)
    assert base64.b64decode(encoded)[:1] == b"\1"
    assert base64.b64decode(WITNESS.verifier_key.split("+", 2)[2])[:1] == b"\4"
    assert parse_verifier(LOG.verifier_key).verify(TEXT, parse_note(NOTE).signatures[0].signature) is None
    # One seed, one name: the kind alone makes it another key.
    assert LogKey("w1.example", b"1" * 32).key_id != WITNESS.key_id


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\n", "full width\u3000space"])
def test_a_name_that_notes_can_not_hold_is_no_origin(origin: str) -> None:
    with pytest.raises(BadEvidence, match="name"):
        LogKey(origin, b"l" * 32)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fob+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==",
        "example.com/foo+530d903a+債",
        f"{HALF}+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_a_malformed_verifier_key_is_refused(key: str) -> None:
    with pytest.raises(BadEvidence):
        parse_verifier(key)


def test_a_checkpoint_is_opened_with_the_key_of_its_log() -> None:
    assert open_checkpoint(NOTE, LOG.verifier_key) == CHECKPOINT
    assert open_checkpoint(NOTE, LOG.verifier_key, strict=True) == CHECKPOINT
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert open_checkpoint(LOG.sign(empty.text()), LOG.verifier_key) == empty
    assert empty.text() == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def test_another_key_does_not_open_it() -> None:
    for key in (OTHER, LogKey(ORIGIN, b"m" * 32), LogKey("duecare.example/lof", b"l" * 32)):
        with pytest.raises(BadEvidence, match="has not signed"):
            open_checkpoint(NOTE, key.verifier_key)
    with pytest.raises(BadEvidence, match="has not signed"):
        open_checkpoint(cosigned(WITNESS), OTHER.verifier_key, [WITNESS.verifier_key])


def test_a_checkpoint_of_another_log_is_not_taken_even_where_the_key_signed_it() -> None:
    with pytest.raises(BadEvidence, match="another log"):
        open_checkpoint(LOG.sign(Checkpoint("other.example/log", 7, b"r" * 32).text()), LOG.verifier_key)


def test_cosignatures_of_witnesses_are_verified() -> None:
    keys = [WITNESS.verifier_key, SECOND.verifier_key]
    assert open_checkpoint(cosigned(WITNESS, SECOND), LOG.verifier_key, keys, strict=True) == CHECKPOINT
    assert open_checkpoint(cosigned(SECOND, WITNESS), LOG.verifier_key, keys, strict=True) == CHECKPOINT


def test_signatures_of_unknown_keys_are_ignored_whatever_their_name_kind_and_length() -> None:
    """c2sp.org/signed-note: a verifier ignores them. ML-DSA-44 signs with 2,420 bytes, SLH-DSA with up to 49,856."""
    lengths = (1, 63, 64, 65, 72, 8 + 2420, 4627, 49856)
    unknown = [Signature(f"w{one}.example", b"kind", b"s" * one).line() for one in lengths]
    of_known_names = [Signature(name, b"\6abc", b"s" * 2428).line() for name in (ORIGIN, "w1.example")]
    for lines in (unknown, of_known_names, [*unknown, *of_known_names]):
        for strict in (False, True):
            note = add_lines(NOTE, [*lines, WITNESS.cosign(TEXT, SECONDS)])
            assert open_checkpoint(note, LOG.verifier_key, [WITNESS.verifier_key], strict=strict) == CHECKPOINT
            first = f"{TEXT}\n{''.join(lines)}{NOTE.rpartition(chr(10) * 2)[2]}"
            assert open_checkpoint(first, LOG.verifier_key, strict=strict) == CHECKPOINT


def test_an_unknown_key_may_sign_twice() -> None:
    for strict in (False, True):
        assert open_checkpoint(cosigned(WITNESS, WITNESS), LOG.verifier_key, strict=strict) == CHECKPOINT


def test_a_line_of_another_key_counts_for_no_witness() -> None:
    """The witness's name with another key, and its key's id with another name."""
    by = parse_lines(WITNESS.cosign(TEXT, SECONDS))[0]
    for line in (by._replace(key_id=b"none"), by._replace(name="w2.example")):
        with pytest.raises(BadEvidence, match=r"missing: w1\.example"):
            open_checkpoint(add_lines(NOTE, [line.line()]), LOG.verifier_key, [WITNESS.verifier_key], strict=True)


def test_a_missing_witness_counts_only_where_all_must_be_there() -> None:
    assert open_checkpoint(NOTE, LOG.verifier_key, [WITNESS.verifier_key]) == CHECKPOINT
    with pytest.raises(BadEvidence, match="missing"):
        open_checkpoint(NOTE, LOG.verifier_key, [WITNESS.verifier_key], strict=True)


@pytest.mark.parametrize("strict", [False, True])
def test_two_lines_of_one_known_key_refuse_the_note(strict: bool) -> None:
    line = NOTE.rpartition("\n\n")[2]
    twice = {
        "log": add_lines(NOTE, [line]),
        "the same cosignature": cosigned(WITNESS, WITNESS),
        "another time": add_lines(cosigned(WITNESS), [WITNESS.cosign(TEXT, SECONDS + 1)]),
    }
    for note in twice.values():
        with pytest.raises(BadEvidence, match="two signatures by one key"):
            open_checkpoint(note, LOG.verifier_key, [WITNESS.verifier_key], strict=strict)


@pytest.mark.parametrize("strict", [False, True])
def test_a_bad_signature_of_a_known_key_always_fails(strict: bool) -> None:
    of_another = WITNESS.cosign(Checkpoint(ORIGIN, 8, b"r" * 32).text(), SECONDS)
    signed = parse_lines(WITNESS.cosign(TEXT, SECONDS))[0]
    later = signed._replace(signature=(SECONDS + 1).to_bytes(8, "big") + signed.signature[8:])
    without_time = signed._replace(signature=signed.signature[8:])
    for line in (of_another, later.line(), without_time.line()):
        with pytest.raises(BadEvidence, match=r"w1\.example"):
            open_checkpoint(add_lines(NOTE, [line]), LOG.verifier_key, [WITNESS.verifier_key], strict=strict)
    doubled = add_lines(NOTE, [parse_note(NOTE).signatures[0]._replace(signature=b"s" * 64).line()])
    with pytest.raises(BadEvidence, match="not good"):
        open_checkpoint(doubled, LOG.verifier_key, strict=strict)


def test_a_cosignature_by_the_logs_own_key_is_no_signature_of_the_log() -> None:
    """The same seed and name as a witness: its cosignature is no signature of the log."""
    line = WitnessKey(ORIGIN, b"l" * 32).cosign(TEXT, SECONDS)
    with pytest.raises(BadEvidence, match="has not signed"):
        open_checkpoint(f"{TEXT}\n{line}", LOG.verifier_key)


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—\u00a0"),
        NOTE.replace(f"— {ORIGIN}", "— "),
        NOTE.replace(f"— {ORIGIN}", "— a+b"),
        NOTE[:-1] + " \n",
        NOTE[:-2] + "\n",
        add_lines(NOTE, ["— w1.example\n"]),
        add_lines(NOTE, ["— w1.example AAAAAA==\n"]),
        add_lines(NOTE, ["— w1.example AAAA\n"]),
        add_lines(NOTE, ["nonsense\n"]),
        NOTE.replace("log", "l\0g"),
        NOTE.replace("log", "l\tg"),
        NOTE.replace("log", "l\ufffdg"),
        NOTE.replace("log", f"l{HALF}g"),
        NOTE.replace("log", f"l{HALF}g", 1),
        "a" * MAX_NOTE_LENGTH + "\n\n" + NOTE.partition("\n\n")[2],
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(BadEvidence):
        open_checkpoint(note, LOG.verifier_key)


def test_base64_has_one_spelling() -> None:
    """The last character before the padding holds bits that do not count: another one would decode the same."""
    line = NOTE.splitlines()[-1]
    assert line.endswith("=")
    last = line[-2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(last) ^ 1]
    encoded = line.split(" ")[2]
    assert base64.b64decode(encoded) == base64.b64decode(f"{encoded[:-2]}{other}=")
    with pytest.raises(BadEvidence, match="canonical"):
        open_checkpoint(NOTE.replace(f"{last}=\n", f"{other}=\n"), LOG.verifier_key)


def test_the_text_of_a_note_may_hold_empty_lines() -> None:
    note = parse_note(LOG.sign("one\n\ntwo\n"))
    assert note.text == "one\n\ntwo\n"
    parse_verifier(LOG.verifier_key).verify(note.text, note.signatures[0].signature)


def test_a_note_of_sixteen_signatures_is_read() -> None:
    witnesses = [WitnessKey(f"w{number}.example", bytes([number]) * 32) for number in range(15)]
    keys = [one.verifier_key for one in witnesses]
    assert open_checkpoint(cosigned(*witnesses), LOG.verifier_key, keys, strict=True) == CHECKPOINT


ROOT = "cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n7\n",
        f"{ORIGIN}\n7\n{ROOT}",
        f"{ORIGIN}\n7\n{ROOT}\n\n",
        f"{ORIGIN}\n7\n{ROOT}\nan extension\n",
        f"\n7\n{ROOT}\n",
        f"{ORIGIN}\n\n{ROOT}\n",
        f"{ORIGIN}\n07\n{ROOT}\n",
        f"{ORIGIN}\n-7\n{ROOT}\n",
        f"{ORIGIN}\n+7\n{ROOT}\n",
        f"{ORIGIN}\n７\n{ROOT}\n",
        f"{ORIGIN}\n7 \n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n",
        f"{ORIGIN}\n7\n{ROOT[:-1]}\n",
        f"{ORIGIN}\n7\n{ROOT[:-4]}\n",
        f"{ORIGIN}\n7\ncnI_\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    assert parse_checkpoint(f"{ORIGIN}\n7\n{ROOT}\n") == CHECKPOINT
    with pytest.raises(BadEvidence):
        parse_checkpoint(text)


def test_a_size_has_63_bits() -> None:
    largest = CHECKPOINT._replace(size=2**63 - 1)
    assert parse_checkpoint(largest.text()) == largest
    with pytest.raises(BadEvidence, match="2\\^63"):
        parse_checkpoint(CHECKPOINT._replace(size=2**63).text())


def test_the_time_of_a_cosignature_has_63_bits() -> None:
    by = parse_verifier(WITNESS.verifier_key)
    by.verify(TEXT, parse_lines(WITNESS.cosign(TEXT, 2**63 - 1))[0].signature)
    with pytest.raises(BadEvidence, match="a time and a signature"):
        by.verify(TEXT, parse_lines(WITNESS.cosign(TEXT, 2**63))[0].signature)


def test_a_cosignature_is_the_one_that_the_specification_alone_leads_to() -> None:
    theirs = Witness(WITNESS.name, b"1" * 32, LOG.verifier_key)
    note = LOG.sign(Checkpoint(ORIGIN, 7, b"r" * 32).text())
    assert theirs.verifier_key == WITNESS.verifier_key
    assert theirs.add_checkpoint(f"old 0\n\n{note}", SECONDS) == (200, WITNESS.cosign(TEXT, SECONDS))


def test_a_key_of_the_same_name_or_of_the_same_id_is_another_key() -> None:
    renewed = LogKey(ORIGIN, b"m" * 32)
    both = add_lines(NOTE, [renewed.sign(TEXT).rpartition("\n\n")[2], Signature("x", LOG.key_id, b"s" * 64).line()])
    assert open_checkpoint(both, LOG.verifier_key) == open_checkpoint(both, renewed.verifier_key) == CHECKPOINT


def test_a_witness_is_no_log_and_a_log_no_witness() -> None:
    """A log's key in place of a witness's, or the reverse, is an error."""
    with pytest.raises(BadEvidence, match="type 1"):
        open_checkpoint(f"{TEXT}\n{WITNESS.cosign(TEXT, SECONDS)}", WITNESS.verifier_key)
    with pytest.raises(BadEvidence, match="type 1"):
        open_checkpoint(NOTE, LOG.verifier_key, [OTHER.verifier_key])


def test_a_note_has_at_most_a_hundred_signatures() -> None:
    lines = [Signature(f"u{number}.example", b"none", b"s" * 64).line() for number in range(100)]
    assert open_checkpoint(add_lines(NOTE, lines[:99]), LOG.verifier_key) == CHECKPOINT
    with pytest.raises(BadEvidence, match="1 to 100"):
        open_checkpoint(add_lines(NOTE, lines), LOG.verifier_key)


@pytest.mark.parametrize("kind", [LogKey, WitnessKey])
def test_a_seed_has_32_bytes(kind: Callable[[str, bytes], object]) -> None:
    for seed in (b"", b"s" * 31, b"s" * 33):
        with pytest.raises(BadEvidence, match="32 bytes"):
            kind("a.example", seed)


def test_half_a_character_is_never_signed() -> None:
    with pytest.raises(BadEvidence):
        LOG.sign(f"{HALF}\n")
    with pytest.raises(BadEvidence):
        WITNESS.cosign(f"{HALF}\n", SECONDS)
    with pytest.raises(BadEvidence):
        LogKey(HALF, b"l" * 32)
