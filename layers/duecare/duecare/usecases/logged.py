"""What gets an entry in the log: a document of the table as the record that it is, with its entry, copy and marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from duecare.errors import BadEvidence, StoreFailed
from duecare.evidence.entry import entry
from duecare.evidence.record import Record
from duecare.evidence.statement import OnFile
from duecare.evidence.stored import PREFIXES, Identity, copy_of, identify
from duecare.ports import Document, Key, Mark
from duecare.usecases import pointers, table
from duecare.usecases.decided import unpack
from duecare.usecases.pointers import Pointer

# Of these a document leaves the table when it has its entry and its copy.
LEAVING = ("X#", "S#")


# Where copies that are about no recipient stand.
_FOLDERS = {"party": "parties", "receipt-key": "receipt-keys", "erasure": "erasures"}


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
    """A record: what its entry says, its copy and that one's name. `listed` is the record of a decision."""

    document: Document
    identity: Identity
    at: str
    name: str
    copy: bytes
    listed: Record | None = None

    @property
    def entry(self) -> bytes:
        return entry(*self.identity, self.at)

    @property
    def pointer(self) -> Key:
        """Where it is noted that it has its entry."""
        return pointers.key(*self.identity)

    def mark(self, index: int, stays: timedelta) -> Mark:
        """What the table is to say of it; `stays`: how long it stands in the table from its own time on."""
        found = Pointer(index, self.at, self.name)
        noted = [table.write(self.pointer, None, found)]
        if self.listed:
            noted.append(_listing(self.listed, self.identity.record_sha256, index))
        leaves = datetime.fromisoformat(self.at) + stays if self.document.key.pk.startswith(LEAVING) else None
        return Mark(self.document.key, self.document.version, tuple(noted), leaves)


def loggable(document: Document, at: datetime) -> Loggable | None:
    """The record that this document is; None where it is none of the log's. `at`: when the table took it in.

    Raises StoreFailed for a document that cannot be read.
    """
    if not document.key.pk.startswith(PREFIXES):
        return None
    stored = pointers.stored(document)
    try:
        identity = identify(stored)
        copy = copy_of(stored)
    except BadEvidence as error:
        raise StoreFailed("a stored record cannot be read") from error
    if identity is None:
        raise AssertionError("a kind of record that is not identified")
    if identity.kind == "decision":
        decided = unpack(document)
        record = decided.record
        name = f"r/{decided.kept.recipient}/decision/{identity.id}/{_hex(identity.record_sha256)}"
        return Loggable(document, identity, _time(record.at), name, copy, record)
    if identity.kind == "statement":
        on_file = table.read(document, OnFile)
        name = f"r/{on_file.recipient or '-'}/statement/{_hex(identity.id)}"
        return Loggable(document, identity, _time(on_file.received_at), name, copy)
    return Loggable(document, identity, _time(at), f"{_FOLDERS[identity.kind]}/{identity.id}", copy)


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


def _hex(sha256: str) -> str:
    return sha256.removeprefix("sha256:")


def _time(at: datetime) -> str:
    """RFC 3339 in UTC, as records have it."""
    text = at.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")
