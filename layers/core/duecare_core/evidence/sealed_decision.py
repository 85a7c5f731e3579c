"""A stored decision: a summary that anyone who reads the store sees, and everything else encrypted.

The record has the salt of the recipient's digest, the digest of the text, the statements and the chains. Each of them
would lead a thief of the table to a number or to a recipient. So the record is encrypted (AES-256-GCM) together with
the inputs, the receipt's signature and the digest of the request, in one ciphertext, under a key that only the
functions have that decide and that show decisions. The summary has only what the log, reconciliation and replies need,
and every identifier in it is keyed (pseudonyms.py).

Three digests of the record can be computed from what is encrypted with them, and the message's id is in the summary.
One byte each replaces them, so that an allow fits one write unit.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct, field

from duecare_core.domain.fields import E164, RecipientKey, RecipientTag, TextMac
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.jose.keys import b64, unb64
from duecare_core.evidence.packing import pack, unpack
from duecare_core.evidence.record import Record, decode, recipient_digest, text_digest

NONCE_BYTES = 12
# The encrypted part begins with the thumbprint of the receipt's key, its signature (Ed25519), and the keyed digest of
# the request and the recipient's key (both HMAC-SHA-256).
_KID, _SIGNATURE, _REQUEST, _RECIPIENT_KEY = 32, 96, 128, 160
_END_OF_RECORD = b"\n"  # a JSON text in RFC 8785 form has no line feed
# The bytes that replace the digests of inputs, text and recipient. JSON has no control characters.
_INPUTS, _TEXT, _RECIPIENT = b"\x03", b"\x04", b"\x05"
# The byte that replaces the message's id, which is in the summary.
_MESSAGE_ID = b"\x06"
_MESSAGE_ID_MEMBER = b'"message_id":'
_SHA256 = b"sha256:"

# Of a summary: its form, the flags, the attempt, the time, the seconds until `valid_until`, the digest of the record,
# the recipient's tag, the keyed digest of the text, and the lengths of the ids that follow.
_HEAD = struct.Struct(">BBIQi32s32s16sBB")
_FORM = 1
_ALLOW, _ENFORCED, _PROVISIONAL = 1, 2, 4
_SECOND = timedelta(seconds=1)


class Summary(NamedTuple):
    """The members of a decision that are stored in the clear. `recipient_tag` and `text_mac`: keyed digests
    (pseudonyms.py); the other members are those of the record."""

    record_sha256: str
    recipient_tag: RecipientTag
    text_mac: TextMac
    gateway: str
    creditor: str
    message_id: str
    decision: str
    attempt: int
    enforced: bool
    provisional: bool
    at: datetime
    valid_until: datetime

    @property
    def allows(self) -> bool:
        """Whether the message may be delivered."""
        return self.decision == "allow" and self.enforced and not self.provisional


class OpenedDecision(NamedTuple):
    """The encrypted part of a decision: key (thumbprint) and signature of its receipt, the keyed digest of the request,
    the recipient's key, the record and its bytes, and the bytes of the inputs."""

    kid: str
    signature: bytes
    request: str
    recipient_key: RecipientKey
    record: Record
    record_bytes: bytes
    inputs: bytes


class _Derivable(Struct, frozen=True):
    """The members of the inputs from which digests in the record are computed."""

    number: E164 = field(name="recipient")
    text: str


class _Salted(Struct, frozen=True):
    salt: str


_DERIVABLE = msgspec.json.Decoder(_Derivable)
_SALTED = msgspec.json.Decoder(_Salted)


def summarize(record: Record, record_sha256: str, recipient_tag: RecipientTag, text_mac: TextMac) -> Summary:
    return Summary(
        record_sha256,
        recipient_tag,
        text_mac,
        record.gateway,
        record.creditor,
        record.message_id,
        record.decision,
        record.attempt,
        record.enforced,
        record.provisional,
        record.at,
        record.valid_until,
    )


def encode_summary(summary: Summary) -> bytes:
    """Raises BadEvidence for ids that are too long."""
    flags = _ALLOW * (summary.decision == "allow") | _ENFORCED * summary.enforced | _PROVISIONAL * summary.provisional
    gateway, creditor = summary.gateway.encode(), summary.creditor.encode()
    at = int(summary.at.timestamp())
    try:
        head = _HEAD.pack(
            _FORM,
            flags,
            summary.attempt,
            at,
            int(summary.valid_until.timestamp()) - at,
            bytes.fromhex(summary.record_sha256[len(_SHA256) :]),
            unb64(summary.recipient_tag),
            unb64(summary.text_mac),
            len(gateway),
            len(creditor),
        )
    except struct.error as error:
        raise BadEvidence("a decision that cannot be summarized") from error
    return head + gateway + creditor + summary.message_id.encode()


def read_summary(data: bytes) -> Summary:
    """Raises BadEvidence."""
    try:
        form, flags, attempt, at, validity, record, tag, text, gateway, creditor = _HEAD.unpack_from(data)
        ids = data[_HEAD.size :]
        began = datetime.fromtimestamp(at, UTC)
        summary = Summary(
            f"sha256:{record.hex()}",
            RecipientTag(b64(tag)),
            TextMac(b64(text)),
            ids[:gateway].decode(),
            ids[gateway : gateway + creditor].decode(),
            ids[gateway + creditor :].decode(),
            "allow" if flags & _ALLOW else "deny",
            attempt,
            bool(flags & _ENFORCED),
            bool(flags & _PROVISIONAL),
            began,
            began + validity * _SECOND,
        )
    except (struct.error, ValueError, OverflowError, OSError) as error:
        raise BadEvidence("the summary of a decision cannot be read") from error
    if form != _FORM or encode_summary(summary) != data:
        raise BadEvidence("the summary of a decision cannot be read")
    return summary


class InputsKey:
    """Encrypts and decrypts decisions with their inputs. `key`: 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, decision_id: str, summary: bytes, opened: OpenedDecision, nonce: bytes) -> bytes:
        """`nonce`: 12 random bytes, never used twice. The ciphertext is bound to the decision's id and its summary."""
        shortened = opened.record_bytes
        for mark, value in _derived(opened.record.salt, opened.inputs):
            shortened = shortened.replace(value, mark, 1)
        shortened = shortened.replace(_message_id(opened.record.message_id), _MESSAGE_ID, 1)
        envelope = unb64(opened.kid) + opened.signature + unb64(opened.request) + unb64(opened.recipient_key)
        plain = envelope + pack(shortened + _END_OF_RECORD + opened.inputs)
        return nonce + self._aead.encrypt(nonce, plain, _bound_to(decision_id, summary))

    def open(self, decision_id: str, summary: bytes, sealed: bytes) -> OpenedDecision:
        """Decrypts, unpacks, and holds the record against its digest in the summary. Raises BadEvidence."""
        try:
            bound_to = _bound_to(decision_id, summary)
            plain = self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError) as error:
            raise BadEvidence("a sealed decision that cannot be opened") from error
        shortened, _, inputs = unpack(plain[_RECIPIENT_KEY:]).partition(_END_OF_RECORD)
        on_file = read_summary(summary)
        data = _with_digests(shortened.replace(_MESSAGE_ID, _message_id(on_file.message_id), 1), inputs)
        record = decode(data)
        if record.decision_id != decision_id:
            raise BadEvidence("the record is of another decision")
        if digest(data) != on_file.record_sha256:
            raise BadEvidence("the record is not the one in the summary")
        kid, signature, request = plain[:_KID], plain[_KID:_SIGNATURE], plain[_SIGNATURE:_REQUEST]
        recipient_key = RecipientKey(b64(plain[_REQUEST:_RECIPIENT_KEY]))
        return OpenedDecision(b64(kid), signature, b64(request), recipient_key, record, data, inputs)


def _message_id(message_id: str) -> bytes:
    """The member as a record has it. Text within a string cannot look like it, because quotes are escaped there."""
    return _MESSAGE_ID_MEMBER + msgspec.json.encode(message_id)


def _bound_to(decision_id: str, summary: bytes) -> bytes:
    return decision_id.encode() + b"\0" + summary


def _derived(salt: str, inputs: bytes) -> list[tuple[bytes, bytes]]:
    """The digests that follow from the salt and the inputs, each after the byte that replaces it. None for inputs that
    cannot be read: the record is then stored whole."""
    try:
        known = _DERIVABLE.decode(inputs)
        recipient = recipient_digest(bytes.fromhex(salt), known.number)
    except (msgspec.MsgspecError, ValueError):
        return []
    marked = ((_INPUTS, digest(inputs)), (_TEXT, text_digest(known.text)), (_RECIPIENT, recipient))
    return [(mark, value.encode()) for mark, value in marked]


def _with_digests(shortened: bytes, inputs: bytes) -> bytes:
    """The record's bytes, with the digests that were left out. Raises BadEvidence."""
    try:
        salt = _SALTED.decode(shortened.translate(None, _INPUTS + _TEXT + _RECIPIENT)).salt
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadEvidence("not a decision record") from error
    for mark, value in _derived(salt, inputs):
        shortened = shortened.replace(mark, value, 1)
    return shortened
