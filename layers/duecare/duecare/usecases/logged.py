"""What gets an entry in the log: a document of the table as the record that it is, with its entry, copy and marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from duecare.errors import BadEvidence, StoreFailed
from duecare.evidence.canonical import canonical, digest, strict_json
from duecare.evidence.entry import entry
from duecare.evidence.record import Record, encode
from duecare.evidence.statement import OnFile
from duecare.ports import Document, Key, Mark
from duecare.usecases import pointers, table
from duecare.usecases.case_file import party_name
from duecare.usecases.decided import unpack
from duecare.usecases.pointers import Pointer

# By the partition key's beginning: decisions, statements, parties and the halt of everything, receipt keys, erasures.
PREFIXES = ("X#", "S#", "P#", "K#", "Z#")
# Of these a document leaves the table when it has its entry and its copy.
LEAVING = ("X#", "S#")


class Listed(Struct, frozen=True):
    """A decision among those of its gateway on a day (UTC): what reconciliation reads."""

    message_id: str
    decision: str
    attempt: int
    enforced: bool
    provisional: bool
    at: datetime
    valid_until: datetime
    text_sha256: str
    index: int


class Loggable(NamedTuple):
    """A record: its entry's members, and the name of its copy. `listed` is the record of a decision."""

    document: Document
    kind: str
    id: str
    record_sha256: str
    at: str
    name: str
    listed: Record | None = None

    @property
    def entry(self) -> bytes:
        return entry(self.kind, self.id, self.record_sha256, self.at)

    def mark(self, index: int, stays: timedelta) -> Mark:
        """What the table is to say of it; `stays`: how long it stands in the table from its own time on."""
        found = Pointer(index, self.at, self.name)
        noted = [pointers.pointer(self.kind, self.id, self.record_sha256, found)]
        if self.listed:
            noted.append(_listing(self.listed, self.record_sha256, index))
        leaves = datetime.fromisoformat(self.at) + stays if self.document.key.pk.startswith(LEAVING) else None
        return Mark(self.document.key, self.document.version, tuple(noted), leaves)


def loggable(document: Document, at: datetime) -> Loggable | None:
    """The record that this document is; None where it is none of the log's. `at`: when the table took it in.

    Raises StoreFailed for a document that cannot be read.
    """
    prefix, name = document.key.pk[:2], document.key.pk[2:]
    if prefix == "X#":
        decided = unpack(document)
        record = decided.record
        record_sha256 = digest(encode(record))
        copy = f"r/{decided.kept.recipient}/decision/{record.decision_id}/{_hex(record_sha256)}"
        return Loggable(document, "decision", record.decision_id, record_sha256, _time(record.at), copy, record)
    if prefix not in PREFIXES:
        return None
    record_sha256 = _digest(document)
    if prefix == "S#":
        on_file = table.read(document, OnFile)
        copy = f"r/{on_file.recipient or '-'}/statement/{_hex(name)}"
        return Loggable(document, "statement", name, record_sha256, _time(on_file.received_at), copy)
    if prefix == "P#":
        version = f"{name}/{document.version}"
        return Loggable(document, "party", version, record_sha256, _time(at), party_name(name, document.version))
    if prefix == "K#":
        return Loggable(
            document, "receipt-key", document.key.sk, record_sha256, _time(at), f"receipt-keys/{document.key.sk}"
        )
    return Loggable(document, "erasure", name, record_sha256, _time(at), f"erasures/{name}")


def listing(gateway: str, at: datetime) -> str:
    """The partition of a gateway's decisions of a day."""
    return f"G#{gateway}#{at.astimezone(UTC):%Y-%m-%d}"


def _listing(record: Record, record_sha256: str, index: int) -> Document:
    value = Listed(
        message_id=record.message_id,
        decision=record.decision,
        attempt=record.attempt,
        enforced=record.enforced,
        provisional=record.provisional,
        at=record.at,
        valid_until=record.valid_until,
        text_sha256=record.text_sha256,
        index=index,
    )
    key = Key(listing(record.gateway, record.at), f"{_time(record.at)}#{record.decision_id}#{_hex(record_sha256)}")
    return table.write(key, None, value)


def _digest(document: Document) -> str:
    try:
        return digest(canonical(strict_json(document.body)))
    except BadEvidence as error:
        raise StoreFailed("a stored record cannot be read") from error


def _hex(sha256: str) -> str:
    return sha256.removeprefix("sha256:")


def _time(at: datetime) -> str:
    """RFC 3339 in UTC, as records have it."""
    text = at.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")
