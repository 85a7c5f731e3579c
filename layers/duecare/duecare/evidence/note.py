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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from duecare.errors import BadEvidence

ED25519, COSIGNATURE = 0x01, 0x04
_DASH = "\u2014 "
_KEY_ID_BYTES, _TIME_BYTES, _SIGNATURE_BYTES = 4, 8, 64
_NAME = re.compile(r"[^\s+]+\Z")
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})\Z")
LONGEST = 1 << 20


class Signature(NamedTuple):
    """One signature line. `signature`: what stands behind the key id."""

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
    """What a log says of itself: as many entries, under this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


class Verifier(NamedTuple):
    """A public key by which notes are verified. `kind`: ED25519 of a log, COSIGNATURE of a witness."""

    name: str
    key_id: bytes
    kind: int
    public: bytes

    def verify(self, text: str, signature: bytes) -> None:
        """Raises BadEvidence."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            if len(signature) != _TIME_BYTES + _SIGNATURE_BYTES:
                raise BadEvidence(f"a cosignature of {self.name} has the wrong length")
            message = _cosigned(text, int.from_bytes(signature[:_TIME_BYTES], "big"))
            signature = signature[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise BadEvidence(f"a signature by {self.name} is not good") from error


class LogKey:
    """The key that signs checkpoints. `seed`: 32 bytes (RFC 8032, section 5.1.5)."""

    kind = ED25519

    def __init__(self, origin: str, seed: bytes) -> None:
        if not _NAME.match(origin):
            raise BadEvidence("the log's origin must be a name without spaces and plus signs")
        self.name = origin
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()
        self.key_id = key_id(origin, self.kind, self._public)

    @property
    def verifier_key(self) -> str:
        """`<name>+<key id>+<key>`, as the specification spells it."""
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes([self.kind]) + self._public)}"

    def sign(self, text: str) -> str:
        """The whole note."""
        return f"{text}\n{Signature(self.name, self.key_id, self._key.sign(text.encode())).line()}"


class WitnessKey(LogKey):
    """The key of a witness, which signs with the time at which it saw a checkpoint."""

    kind = COSIGNATURE

    def cosign(self, text: str, seconds: int) -> str:
        """The signature line. `seconds`: since 1970."""
        signature = self._key.sign(_cosigned(text, seconds))
        return Signature(self.name, self.key_id, seconds.to_bytes(_TIME_BYTES, "big") + signature).line()


def key_id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:_KEY_ID_BYTES]


def parse_verifier(text: str) -> Verifier:
    """A verifier key. Raises BadEvidence."""
    name, _, rest = text.partition("+")
    hexadecimal, _, encoded = rest.partition("+")
    data = unb64(encoded)
    if not _NAME.match(name) or len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
        raise BadEvidence("not a verifier key of Ed25519")
    expected = key_id(name, data[0], data[1:])
    if hexadecimal != expected.hex():
        raise BadEvidence("a verifier key whose id is not its own")
    return Verifier(name, expected, data[0], data[1:])


def parse_note(data: str) -> Note:
    """The parts of a note, whose signatures nobody has looked at yet. Raises BadEvidence."""
    if len(data) > LONGEST or any(char < " " and char != "\n" for char in data) or "\ufffd" in data:
        raise BadEvidence("not a signed note")
    text, gap, block = data.rpartition("\n\n")
    if not gap or not block.endswith("\n"):
        raise BadEvidence("a note has its signatures after an empty line, and ends with a newline")
    return Note(text + "\n", parse_lines(block))


def parse_lines(block: str) -> tuple[Signature, ...]:
    """Signature lines, as they stand at the end of a note or come from a witness. Raises BadEvidence."""
    return tuple(_line(line) for line in block[:-1].split("\n"))


def add_lines(note: str, lines: Iterable[str]) -> str:
    """The note with more signature lines."""
    return note + "".join(lines)


def open_checkpoint(note: str, verifier_key: str, witnesses: Sequence[str] = (), *, strict: bool = False) -> Checkpoint:
    """The checkpoint of a note that the log signed.

    A signature by a known key must be good, the log's must be there, and where `strict` that of each witness too, and
    no other. Otherwise signatures by keys that are not known are left aside, as the specification has it. Raises
    BadEvidence.
    """
    parsed = parse_note(note)
    log = parse_verifier(verifier_key)
    known = [log, *(parse_verifier(key) for key in witnesses)]
    found: list[Verifier] = []
    for signature in parsed.signatures:
        by = next((one for one in known if (one.name, one.key_id) == (signature.name, signature.key_id)), None)
        if by is None:
            if strict:
                raise BadEvidence(f"a signature by {signature.name}, whose key is not known")
            continue
        by.verify(parsed.text, signature.signature)
        found.append(by)
    if log not in found:
        raise BadEvidence("the log has not signed this checkpoint")
    if strict and sorted(found) != sorted(known):
        raise BadEvidence("a signature is missing, or there twice")
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != log.name:
        raise BadEvidence("the checkpoint is of another log")
    return checkpoint


def parse_checkpoint(text: str) -> Checkpoint:
    """Raises BadEvidence. Lines after the third (extensions) are not of this log."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not _NUMBER.match(lines[1]):
        raise BadEvidence("a checkpoint has an origin, a size and a root")
    checkpoint = Checkpoint(lines[0], int(lines[1]), unb64(lines[2]))
    if len(checkpoint.root) != 32:
        raise BadEvidence("a root has 32 bytes")
    return checkpoint


def _line(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    data = unb64(encoded) if space else b""
    if not line.startswith(_DASH) or not _NAME.match(name) or len(data) <= _KEY_ID_BYTES:
        raise BadEvidence("not a signature line of a note")
    return Signature(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    """Standard base64 (RFC 4648, section 4) in its one spelling. Raises BadEvidence."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadEvidence("not base64") from error
    if b64(data) != text:
        raise BadEvidence("not canonical base64")
    return data
