"""What gets an entry in the log: a document of the table as the record that it is, with its entry, copy and marks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from duecare.ports import Document, Expiry, IndexEntry, Key
from duecare.usecases import table
from duecare.usecases.log import decision_pages as listing
from duecare.usecases.log import pointers
from duecare.usecases.log.pointers import Pointer
from duecare.usecases.verify.stored_decision import unpack
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence.item_keys import DECISION_PREFIX, LOGGED_PREFIXES, STATEMENT_PREFIX
from duecare_core.evidence.log.entry import entry
from duecare_core.evidence.record import Record
from duecare_core.evidence.statement import StatementRecord
from duecare_core.evidence.stored import Identity, archive_copy, identify

# Of these a document leaves the table when it has its entry and its copy.
LEAVING = (DECISION_PREFIX, STATEMENT_PREFIX)


# Where copies that are about no recipient stand.
_FOLDERS = {"party": "parties", "receipt-key": "receipt-keys", "erasure": "erasures"}


class Loggable(NamedTuple):
    """A record: what its entry says, its copy and that one's name. `decided` is the record of a decision."""

    document: Document
    identity: Identity
    at: str
    name: str
    copy: bytes
    decided: Record | None = None

    @property
    def entry(self) -> bytes:
        return entry(*self.identity, self.at)

    @property
    def pointer(self) -> Key:
        """Where it is noted that it has its entry."""
        return pointers.key(*self.identity)

    def leaving(self, stays: timedelta) -> Expiry | None:
        """When its document leaves the table, if it does; `stays`: how long it stands there from its own time on."""
        if not self.document.key.pk.startswith(LEAVING):
            return None
        return Expiry(self.document.key, self.document.version, datetime.fromisoformat(self.at) + stays)


def marks(records: Sequence[Loggable], first: int, expires: datetime) -> tuple[IndexEntry, ...]:
    """What the table is to say of these, whose entries begin at this index: where each is, and which decisions each
    gateway has.

    Of decisions it leaves the table at `expires`, when they have long left it themselves. Of all others it stays: a
    party that stands in the table without a pointer would get a second entry, and a statement of years ago may be what
    the case file of a later decision looks for.
    """
    entered = list(enumerate(records, first))
    decided = [(index, record.decided) for index, record in entered if record.decided]
    return (
        *(IndexEntry(_pointer(index, record), expires if record.decided else None) for index, record in entered),
        *(IndexEntry(page, expires) for page in listing.pages(decided)),
    )


def _pointer(index: int, record: Loggable) -> Document:
    return table.write(record.pointer, None, Pointer(index, record.at, record.name))


def loggable(document: Document, at: datetime) -> Loggable | None:
    """The record that this document is; None where it is none of the log's. `at`: when the table took it in.

    Raises StoreFailed for a document that cannot be read.
    """
    if not document.key.pk.startswith(LOGGED_PREFIXES):
        return None
    stored = pointers.stored(document)
    try:
        identity = identify(stored)
        copy = archive_copy(stored)
    except BadEvidence as error:
        raise StoreFailed("a stored record cannot be read") from error
    if identity is None:
        raise AssertionError("a kind of record that is not identified")
    if identity.kind == "decision":
        decided = unpack(document)
        record = decided.record
        name = f"r/{decided.envelope.recipient_key}/decision/{identity.id}/{_hex(identity.record_sha256)}"
        return Loggable(document, identity, _time(record.at), name, copy, record)
    if identity.kind == "statement":
        on_file = table.read(document, StatementRecord)
        name = f"r/{on_file.recipient or '-'}/statement/{_hex(identity.id)}"
        return Loggable(document, identity, _time(on_file.received_at), name, copy)
    return Loggable(document, identity, _time(at), f"{_FOLDERS[identity.kind]}/{identity.id}", copy)


def _hex(sha256: str) -> str:
    return sha256.removeprefix("sha256:")


def _time(at: datetime) -> str:
    """RFC 3339 in UTC, as records have it."""
    text = at.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")
