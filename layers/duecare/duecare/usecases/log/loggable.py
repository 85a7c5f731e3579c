"""Loggable records: a document of the table with its log entry, its copy and its entries of the index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from duecare.ports import Document, Expiry, IndexEntry, Key
from duecare.usecases import table
from duecare.usecases.log import archive_names, decision_pages, pointers
from duecare.usecases.log.pointers import Pointer
from duecare.usecases.verify.stored_decision import summary
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence.item_keys import DECISION_PREFIX, LOGGED_PREFIXES, STATEMENT_PREFIX
from duecare_core.evidence.log.entry import entry
from duecare_core.evidence.sealed_decision import Summary
from duecare_core.evidence.statement import StatementRecord
from duecare_core.evidence.stored import Identity, archive_copy, identify

# The table deletes these some time after they have their log entry and their copy.
EXPIRING = (DECISION_PREFIX, STATEMENT_PREFIX)


class Loggable(NamedTuple):
    """A record, its copy and the copy's name. `decision`: the summary of a decision, None for other
    kinds. The record itself is encrypted, and the sequencer has no key."""

    document: Document
    identity: Identity
    at: str
    name: str
    copy: bytes
    decision: Summary | None = None

    @property
    def entry(self) -> bytes:
        return entry(*self.identity, self.at)

    @property
    def pointer(self) -> Key:
        """The key of its pointer, which exists once it has its entry."""
        return pointers.key(*self.identity)

    def expiry(self, table_retention: timedelta) -> Expiry | None:
        """When the table deletes the document: `table_retention` after the record's own time. None: never."""
        if not self.document.key.pk.startswith(EXPIRING):
            return None
        return Expiry(self.document.key, self.document.version, datetime.fromisoformat(self.at) + table_retention)


def named(record: Loggable, *, resumed: bool) -> Loggable:
    """The record with the name that its copy has in this log. After a restore, a statement or a void that was lost may
    be made again: another record of the same id."""
    if not resumed or record.identity.kind not in ("statement", "void"):
        return record
    return record._replace(name=archive_names.again(record.name, record.identity))


def index_entries(records: Sequence[Loggable], first: int, expires: datetime) -> tuple[IndexEntry, ...]:
    """The index of these records, whose log entries begin at index `first`: a pointer for each record, and the pages
    of each gateway's decisions.

    Those of decisions expire at `expires`, long after the decisions themselves. All others stay: a party without a
    pointer would get a second log entry, and a case file may need the pointer of a statement years later.
    """
    return indexed_entries(list(enumerate(records, first)), expires)


def indexed_entries(indexed: Sequence[tuple[int, Loggable]], expires: datetime) -> tuple[IndexEntry, ...]:
    """The same for records whose entries have these ascending indexes."""
    decisions = [(index, record.identity.id, record.decision) for index, record in indexed if record.decision]
    return (
        *(IndexEntry(_pointer(index, record), expires if record.decision else None) for index, record in indexed),
        *(IndexEntry(page, expires) for page in decision_pages.pages(decisions)),
    )


def _pointer(index: int, record: Loggable) -> Document:
    return table.write(record.pointer, None, Pointer(index, record.at, record.name))


def loggable(document: Document, at: datetime) -> Loggable | None:
    """The record in this document; None if its kind is not logged, or if it was erased. `at`: when the table stored it.

    Raises StoreFailed if the document cannot be read.
    """
    if not document.key.pk.startswith(LOGGED_PREFIXES) or table.is_removed(document):
        return None
    stored = pointers.stored(document)
    try:
        identity = identify(stored)
        copy = archive_copy(stored)
    except BadEvidence as error:
        raise StoreFailed("a stored record cannot be read") from error
    if identity is None:
        raise AssertionError("a kind of record without an identity")
    if identity.kind == "decision":
        decided = summary(document)
        name = archive_names.decision_name(decided.recipient_tag, identity)
        return Loggable(document, identity, _time(decided.at), name, copy, decided)
    if identity.kind == "statement":
        statement = table.read(document, StatementRecord)
        name = archive_names.statement_name(statement.recipient_key, statement.issuer, identity)
        return Loggable(document, identity, _time(statement.received_at), name, copy)
    return Loggable(document, identity, _time(at), archive_names.other_name(identity), copy)


def _time(at: datetime) -> str:
    """RFC 3339 in UTC, in the form that records use."""
    text = at.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")
