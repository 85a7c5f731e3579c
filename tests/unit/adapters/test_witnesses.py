"""Cosignatures over HTTP, from an independent implementation of a witness."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from duecare.adapters.witnesses import WitnessAddress as Configured
from duecare.adapters.witnesses import Witnesses, WitnessResponse, configured, post
from duecare_core.errors import BadEvidence
from duecare_core.evidence.log.merkle import append, leaf_hash
from duecare_core.evidence.log.note import Checkpoint, LogKey, Signature, WitnessKey, open_checkpoint, parse_note
from tests.support.witness import Witness, served

ORIGIN = "duecare.example/log"
KEY = LogKey(ORIGIN, b"l" * 32)


class Growing(dict[str, bytes]):
    """A growing log with its checkpoints."""

    size = 0

    def read(self, name: str) -> bytes | None:
        return self.get(name)

    def write(self, objects: Mapping[str, bytes]) -> None:
        self.update(objects)

    def grow(self, count: int, salt: str = "") -> str:
        """The new checkpoint's note."""
        leaves = [leaf_hash(f"{salt}{number}".encode()) for number in range(self.size, self.size + count)]
        made = append(self.size, lambda tile: self[tile.path], leaves)
        self.update((tile.path, data) for tile, data in made.tiles.items())
        self.size = made.size
        return KEY.sign(Checkpoint(ORIGIN, made.size, made.root).text())


def test_a_checkpoint_gets_the_cosignatures_of_its_witnesses() -> None:
    witnesses = [Witness(f"w{number}.example", bytes([number]) * 32, KEY.verifier_key) for number in (1, 2)]
    files, failed = Growing(), []
    with served(witnesses[0]) as first, served(witnesses[1]) as second:
        named = [Configured(witnesses[0].verifier_key, first), Configured(witnesses[1].verifier_key, second)]
        cosign = Witnesses(files, named, failed.append)  # type: ignore[arg-type]
        notes = [cosign(files.grow(count)) for count in (1, 5, 300, 1)]
    keys = [one.verifier_key for one in witnesses]
    for note, size in zip(notes, (1, 6, 306, 307), strict=True):
        assert open_checkpoint(note, KEY.verifier_key, keys, strict=True).size == size
    assert failed == []


def test_a_new_sequencer_learns_from_the_witness_the_size_it_signed_last() -> None:
    witness, files, failed = Witness("w.example", b"w" * 32, KEY.verifier_key), Growing(), []
    with served(witness) as url:
        named = [Configured(witness.verifier_key, url)]
        Witnesses(files, named, failed.append)(files.grow(100))  # type: ignore[arg-type]
        note = Witnesses(files, named, failed.append)(files.grow(77))  # type: ignore[arg-type]
    open_checkpoint(note, KEY.verifier_key, [witness.verifier_key], strict=True)
    assert witness.latest[0] == 177
    assert failed == []


def test_a_log_that_was_rewritten_is_not_cosigned() -> None:
    witness, failed = Witness("w.example", b"w" * 32, KEY.verifier_key), []
    honest, rewritten = Growing(), Growing()
    with served(witness) as url:
        named = [Configured(witness.verifier_key, url)]
        Witnesses(honest, named, failed.append)(honest.grow(100))  # type: ignore[arg-type]
        note = Witnesses(rewritten, named, failed.append)(rewritten.grow(150, salt="other"))  # type: ignore[arg-type]
    assert failed == ["w.example"]
    assert open_checkpoint(note, KEY.verifier_key, strict=True).size == 150  # by the log alone
    assert witness.latest[0] == 100


def test_an_unreachable_witness_does_not_delay_publication() -> None:
    witness, files, failed = Witness("w.example", b"w" * 32, KEY.verifier_key), Growing(), []
    note = files.grow(3)
    cosign = Witnesses(files, [Configured(witness.verifier_key, "http://127.0.0.1:9/w")], failed.append)  # type: ignore[arg-type]
    assert cosign(note) == note
    assert failed == ["w.example"]


@pytest.mark.parametrize(
    "answer",
    [
        WitnessResponse(500, b""),
        WitnessResponse(200, b""),
        WitnessResponse(200, b"no signature line\n"),
        WitnessResponse(200, b"\xff\xfe"),
        WitnessResponse(409, b"not a size\n"),
        WitnessResponse(409, b"99999\n"),
        WitnessResponse(200, "— w.example AAAAAAAA\n".encode()),
    ],
)
def test_an_invalid_cosignature_is_omitted(answer: WitnessResponse) -> None:
    witness, files, failed = Witness("w.example", b"w" * 32, KEY.verifier_key), Growing(), []
    note = files.grow(3)
    named = [Configured(witness.verifier_key, "http://witness.example")]
    cosign = Witnesses(files, named, failed.append, lambda url, body: answer)  # type: ignore[arg-type]
    assert cosign(note) == note
    assert failed == ["w.example"]


def test_another_witnesses_signature_or_one_of_another_note_does_not_count() -> None:
    witness, other = (Witness(name, name[:1].encode() * 32, KEY.verifier_key) for name in ("w.example", "o.example"))
    files, failed = Growing(), []
    earlier = files.grow(3)
    stale = witness.add_checkpoint(f"old 0\n\n{earlier}", 1)
    foreign = other.add_checkpoint(f"old 0\n\n{earlier}", 1)
    note = files.grow(3)
    named = [Configured(witness.verifier_key, "http://witness.example")]
    for status, body in (stale, foreign):
        answer = WitnessResponse(status, body.encode())
        assert Witnesses(files, named, failed.append, lambda url, _, answer=answer: answer)(note) == note  # type: ignore[arg-type,misc]
    assert failed == ["w.example", "w.example"]


def test_witnesses_are_configured_as_keys_and_urls() -> None:
    witness = Witness("w.example", b"w" * 32, KEY.verifier_key)
    assert configured("") == ()
    assert configured(f"{witness.verifier_key} https://w.example/ ") == (
        Configured(witness.verifier_key, "https://w.example"),
    )
    for bad in (witness.verifier_key, f"{KEY.verifier_key} https://w.example", "nonsense https://w.example"):
        with pytest.raises(BadEvidence):
            configured(bad)


def test_a_refused_connection_raises_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        post("http://127.0.0.1:9/add-checkpoint", b"")


def answering(*lines: str) -> Witnesses:
    """Witnesses of one key, which is named with a URL for each of these answers."""
    left = list(lines)
    named = [Configured(Witness("w.example", b"w" * 32, KEY.verifier_key).verifier_key, "http://w") for _ in lines]
    return Witnesses(Growing(), named, lambda _name: None, lambda *_asked: WitnessResponse(200, left.pop(0).encode()))  # type: ignore[arg-type]


def test_a_witness_named_twice_is_asked_again_only_without_a_cosignature() -> None:
    """Two lines of one key would make the checkpoint invalid for everyone who knows the key."""
    note, key = KEY.sign(Checkpoint(ORIGIN, 1, b"r" * 32).text()), WitnessKey("w.example", b"w" * 32)
    good = key.cosign(parse_note(note).text, 1)
    for answers in ((good, good), ("junk", good)):
        cosigned = answering(*answers)(note)
        assert cosigned == note + good
        open_checkpoint(cosigned, KEY.verifier_key, [key.verifier_key], strict=True)


def test_of_the_lines_of_a_witness_exactly_one_by_the_known_key_is_taken() -> None:
    note, key = KEY.sign(Checkpoint(ORIGIN, 1, b"r" * 32).text()), WitnessKey("w.example", b"w" * 32)
    text = parse_note(note).text
    good = key.cosign(text, 1)
    ml_dsa = Signature("w.example", b"\6abc", b"s" * 2428).line()
    assert answering(ml_dsa + good)(note) == note + good
    for refused in (good + good, good + key.cosign(text, 2), ml_dsa):
        assert answering(refused)(note) == note
