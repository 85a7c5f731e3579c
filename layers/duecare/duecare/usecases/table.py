"""Where things stand in the one table, and how documents become values (docs/how-it-works.md, "The table")."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec

from duecare.ports import Document, Key
from duecare_core.domain.facts.party import Halt, Party
from duecare_core.domain.facts.states import DebtState
from duecare_core.errors import StoreFailed
from duecare_core.evidence.jose.keys import b64

T = TypeVar("T")

EVERYTHING = Key("P#*", "P")
RECEIPT_KEYS = "K#receipt"
LOG_HEAD = Key("L", "HEAD")
_ENCODER = msgspec.json.Encoder()


def recipient(pseudonym: str) -> str:
    return f"R#{pseudonym}"


def consent(pk: str, creditor: str, channel: str) -> Key:
    """`channel` is `*` for a revocation of all channels."""
    return Key(pk, f"C#{creditor}#{channel}")


def debt(pk: str, creditor: str, debt_ref: str) -> Key:
    return Key(pk, f"D#{creditor}#{debt_ref}")


def disputes(creditor: str) -> str:
    """The prefix under which all disputes with one creditor stand."""
    return f"Q#{creditor}#"


def dispute(pk: str, creditor: str, content: str) -> Key:
    return Key(pk, disputes(creditor) + content)


def stop(pk: str, creditor: str) -> Key:
    """`creditor` is `*` for a stop of all."""
    return Key(pk, f"S#{creditor}")


def number(pk: str) -> Key:
    return Key(pk, "N")


def contacts(pk: str) -> Key:
    """The contact ledger: what frequency caps count, over all creditors and gateways."""
    return Key(pk, "L")


def party(party_id: str) -> Key:
    return Key(f"P#{party_id}", "P")


def mandate(creditor: str, collector: str) -> Key:
    return Key(f"M#{creditor}", collector)


def decision(decision_id: str) -> Key:
    return Key(f"X#{decision_id}", "X")


def statement(statement_id: str) -> Key:
    return Key(f"S#{statement_id}", "S")


def receipt_key(kid: str) -> Key:
    return Key(RECEIPT_KEYS, kid)


def erasure(erasure_id: str) -> Key:
    return Key(f"Z#{erasure_id}", "Z")


def decided_on(gateway: str, day: date) -> str:
    """The partition of the decisions about a gateway's messages, of a day in UTC; minute by minute."""
    return f"G#{gateway}#{day.isoformat()}"


def listing(gateway: str, at: datetime, index: int) -> Key:
    """Of decisions of this minute, the first of which has its entry at this index."""
    return Key(decided_on(gateway, at.astimezone(UTC).date()), f"{minute(at)}#{index:016}")


def minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"


def delivered_on(gateway: str, day: date) -> str:
    """The partition of what a gateway stated of its deliveries on a day in UTC; in the order of their time."""
    return f"V#{gateway}#{day.isoformat()}"


def delivery(gateway: str, message_id: str, at: datetime) -> Key:
    """Of one message at one instant."""
    of = b64(hashlib.sha256(message_id.encode()).digest())
    return Key(delivered_on(gateway, at.astimezone(UTC).date()), f"{instant(at)}#{of}")


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, of one length, so that texts are in the order of what they say."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def upload(upload_id: str) -> Key:
    return Key(f"U#{upload_id}", "U")


def part(upload_id: str, number: int) -> Key:
    """What became of one part of an uploaded file."""
    return Key(f"U#{upload_id}", f"W#{number:05}")


SHARDS = 16


def shards(creditor: str) -> list[str]:
    """Every `open_of` of a creditor. One partition of an index takes a thousand writes a second; an import has more."""
    return [_shard(creditor, shard) for shard in range(SHARDS)]


def _shard(creditor: str, number: int) -> str:
    return f"{creditor}#{number:x}"


def open_of(key: Key, value: Any) -> str:
    """The `open_of` of a debt that is open; empty for anything else."""
    if not isinstance(value, DebtState) or value.newest.status != "open":
        return ""
    creditor = key.sk.split("#")[1]
    return _shard(creditor, hashlib.sha256(f"{key.pk}\0{key.sk}".encode()).digest()[0] % SHARDS)


def write(key: Key, replaces: Document | None, value: Any, sealed: bytes = b"") -> Document:
    """A document that replaces this one, or the first under its key."""
    version = replaces.version + 1 if replaces else 1
    return Document(key, version, encode(value), sealed, open_of(key, value))


def encode(value: Any) -> bytes:
    """The JSON body of a document."""
    return _ENCODER.encode(value)


def read(document: Document, kind: type[T]) -> T:
    """The value of a document. Raises StoreFailed where it is not what it should be: nothing is guessed."""
    try:
        return msgspec.json.decode(document.body, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed(f"a stored {kind.__name__} cannot be read") from error


def find(documents: dict[Key, Document], key: Key, kind: type[T]) -> T | None:
    """The value under a key, or None where nothing stands there."""
    document = documents.get(key)
    return None if document is None else read(document, kind)


def find_party(documents: dict[Key, Document], party_id: str) -> Party | None:
    return find(documents, party(party_id), Party)


def is_halted(documents: dict[Key, Document]) -> bool:
    """Whether the operator has stopped everything."""
    halt = find(documents, EVERYTHING, Halt)
    return halt is not None and halt.halted
