"""Checkpoints of the log: signed notes (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) and the cosignatures of
witnesses (c2sp.org/tlog-cosignature).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from duecare_core.errors import BadEvidence, BadKey
from duecare_core.evidence.jose.keys import ed25519_key
from duecare_core.evidence.log.merkle import HASH_BYTES, MAX_TREE_SIZE

ED25519, COSIGNATURE = 0x01, 0x04
_DASH = "\u2014 "
_KEY_ID_BYTES, _TIME_BYTES, _SIGNATURE_BYTES = 4, 8, 64
_NAME = re.compile(r"[^\s+]+\Z")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})\Z")
# Control characters other than the newline, lone surrogates, and U+FFFD, which replaces bytes that are no UTF-8.
_NEVER = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff\ufffd]")
MAX_NOTE_LENGTH, MAX_SIGNATURES = 1 << 20, 100
_MAX_SECONDS = (1 << 63) - 1


class Signature(NamedTuple):
    """One signature line. `signature`: the bytes after the key id."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        return f"{_DASH}{self.name} {b64(self.key_id + self.signature)}\n"


class Note(NamedTuple):
    """A signed note: its text, which ends with a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]


class Checkpoint(NamedTuple):
    """A log's commitment: its number of entries and its root hash."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


class Verifier(NamedTuple):
    """A public key that verifies notes. `kind`: ED25519 for a log, COSIGNATURE for a witness."""

    name: str
    key_id: bytes
    kind: int
    public: bytes

    @property
    def verifier_key(self) -> str:
        """`<name>+<key id>+<key>` (c2sp.org/signed-note)."""
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    def verify(self, text: str, signature: bytes) -> None:
        """Raises BadEvidence."""
        message = _utf8(text)
        if self.kind == COSIGNATURE:
            seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
            if len(signature) != _TIME_BYTES + _SIGNATURE_BYTES or seconds > _MAX_SECONDS:
                raise BadEvidence(f"a cosignature of {self.name} is a time and a signature")
            message = _cosigned(text, seconds)
            signature = signature[_TIME_BYTES:]
        try:
            ed25519_key(self.public).verify(signature, message)
        except (InvalidSignature, ValueError, BadKey) as error:
            raise BadEvidence(f"a signature by {self.name} is not good") from error


class _Key:
    """A key that signs notes. `seed`: 32 bytes (RFC 8032, section 5.1.5). Raises BadEvidence."""

    kind: int

    def __init__(self, name: str, seed: bytes) -> None:
        if not _NAME.match(name) or len(seed) != 32:
            raise BadEvidence("a key has a name without spaces and plus signs, and a seed of 32 bytes")
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()
        self.key_id = key_id(name, self.kind, self._public)

    @property
    def verifier_key(self) -> str:
        """The verifier key of this key's public part."""
        return Verifier(self.name, self.key_id, self.kind, self._public).verifier_key


class LogKey(_Key):
    """The key that signs checkpoints; its name is the log's origin."""

    kind = ED25519

    def sign(self, text: str) -> str:
        """The signed note of this text."""
        return f"{text}\n{Signature(self.name, self.key_id, self._key.sign(_utf8(text))).line()}"


class WitnessKey(_Key):
    """The key of a witness. Its signatures contain the time at which it saw the checkpoint."""

    kind = COSIGNATURE

    def cosign(self, text: str, seconds: int) -> str:
        """The signature line of this checkpoint. `seconds`: since 1970, below 2^63."""
        signature = self._key.sign(_cosigned(text, seconds))
        return Signature(self.name, self.key_id, seconds.to_bytes(_TIME_BYTES, "big") + signature).line()


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The id of a key (c2sp.org/signed-note). Raises BadEvidence for a name with a lone surrogate."""
    return hashlib.sha256(_utf8(name) + b"\n" + bytes([kind]) + public).digest()[:_KEY_ID_BYTES]


def parse_verifier(text: str) -> Verifier:
    """The verifier of a verifier key. Raises BadEvidence."""
    name, _, rest = text.partition("+")
    hexadecimal, _, encoded = rest.partition("+")
    data = unb64(encoded)
    if not _NAME.match(name) or len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
        raise BadEvidence("not a verifier key of Ed25519")
    expected = key_id(name, data[0], data[1:])
    if hexadecimal != expected.hex():
        raise BadEvidence("a verifier key whose id is not its own")
    try:
        ed25519_key(data[1:])
    except BadKey as error:
        raise BadEvidence(f"not a verifier key of Ed25519: {error}") from error
    return Verifier(name, expected, data[0], data[1:])


def parse_note(data: str) -> Note:
    """The parts of a note; its signatures are not verified. Raises BadEvidence."""
    if len(data) > MAX_NOTE_LENGTH or _NEVER.search(data):
        raise BadEvidence("not a signed note")
    text, gap, block = data.rpartition("\n\n")
    if not gap:
        raise BadEvidence("a note has its signatures after an empty line")
    return Note(text + "\n", parse_lines(block))


def parse_lines(block: str) -> tuple[Signature, ...]:
    """The signature lines at the end of a note or from a witness. Raises BadEvidence."""
    lines = block.split("\n", MAX_SIGNATURES)
    if lines.pop() or not lines:
        raise BadEvidence(f"a note has 1 to {MAX_SIGNATURES} signatures, and ends with a newline")
    return tuple(_line(line) for line in lines)


def add_lines(note: str, lines: Iterable[str]) -> str:
    """The note with more signature lines."""
    return note + "".join(lines)


def open_checkpoint(note: str, verifier_key: str, witnesses: Sequence[str] = (), *, strict: bool = False) -> Checkpoint:
    """The checkpoint of a note that the log signed.

    Every signature by a known key must verify, no known key may have two lines, and the log's must be present. Lines of
    unknown keys are ignored, whatever their name, kind and length, as the specification requires. If `strict`, every
    witness must have signed too. Raises BadEvidence.
    """
    parsed = parse_note(note)
    log, cosigners = parse_verifier(verifier_key), [parse_verifier(key) for key in witnesses]
    if log.kind != ED25519 or any(one.kind != COSIGNATURE for one in cosigners):
        raise BadEvidence("a log has a key of type 1, a witness one of type 4")
    known = [log, *cosigners]
    found: list[Verifier] = []
    for signature in parsed.signatures:
        by = next((one for one in known if (one.name, one.key_id) == (signature.name, signature.key_id)), None)
        if by is None:
            continue
        by.verify(parsed.text, signature.signature)
        if by in found:
            raise BadEvidence(f"two signatures by one key of {by.name}")
        found.append(by)
    if log not in found:
        raise BadEvidence("the log has not signed this checkpoint")
    missing = [one.name for one in cosigners if one not in found]
    if strict and missing:
        raise BadEvidence(f"a signature is missing: {missing[0]} has not cosigned this checkpoint")
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != log.name:
        raise BadEvidence("the checkpoint is of another log")
    return checkpoint


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint of a note's text. Raises BadEvidence, also for extension lines: this log writes none."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not _NUMBER.match(lines[1]):
        raise BadEvidence("a checkpoint has an origin, a size and a root")
    checkpoint = Checkpoint(lines[0], int(lines[1]), unb64(lines[2]))
    if checkpoint.size > MAX_TREE_SIZE or len(checkpoint.root) != HASH_BYTES:
        raise BadEvidence("a size is below 2^63, and a root has 32 bytes")
    return checkpoint


def _line(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    data = unb64(encoded) if space else b""
    if not line.startswith(_DASH) or not _NAME.match(name) or len(data) <= _KEY_ID_BYTES:
        raise BadEvidence("not a signature line of a note")
    return Signature(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _cosigned(text: str, seconds: int) -> bytes:
    return _utf8(f"cosignature/v1\ntime {seconds}\n{text}")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadEvidence("a lone surrogate is no text") from error


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    """The bytes of standard base64 (RFC 4648, section 4). Raises BadEvidence for any but the canonical spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadEvidence("not base64") from error
    if b64(data) != text:
        raise BadEvidence("not canonical base64")
    return data
