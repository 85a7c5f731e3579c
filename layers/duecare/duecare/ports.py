"""The ports: what use cases need of backing services, and the contract that every adapter must keep.

A **document** is a versioned item of the one table. Its `version` counts 1, 2, … A write MUST take effect only if the
stored version is one less (for version 1: if nothing is stored). A write MUST be durable when the call returns. A read
MUST be strongly consistent: it sees every write acknowledged before it began (guarantee 3). An adapter MUST NOT cache.

Every method may raise StoreFailed where its docstring says so: the service did not answer, throttled, or returned an
error, and the write may or may not have happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from duecare_core.errors import StoreFailed, VersionConflict

Clock = Callable[[], datetime]
Entropy = Callable[[int], bytes]
Backoff = Callable[[int], None]
"""Waits before the given retry (0, 1, 2, …): longer before later ones, and at random, so that writers that were in
conflict do not collide again."""


class Key(NamedTuple):
    """Partition and sort key, as in the table of docs/architecture.md."""

    pk: str
    sk: str


class Document(NamedTuple):
    """`body` is JSON. `sealed` is binary: an encrypted statement, an encrypted decision, or a packed contact ledger.
    `open_of`: partition of the index of open debts (table.open_of); empty for everything else. `summary`: the part of a
    decision that is not encrypted (duecare_core/evidence/sealed_decision.py). `expires`: when the table deletes the
    document, in seconds since 1970; 0 for never. A document that was read does not say it."""

    key: Key
    version: int
    body: bytes
    sealed: bytes = b""
    open_of: str = ""
    summary: bytes = b""
    expires: int = 0


class Situation(NamedTuple):
    """Everything that a decision reads: whole partitions, and documents by key. Absent documents are left out."""

    partitions: dict[str, list[Document]]
    documents: dict[Key, Document]


class Write(NamedTuple):
    """A document and, optionally, a companion. Both MUST be written, each under its version, or neither."""

    document: Document
    companion: Document | None = None


class WriteConflict(NamedTuple):
    """Why a write was rejected. `existing` is the document already stored under the key; None if the companion document
    or a concurrent transaction conflicted."""

    existing: Document | None


class DocumentReader(Protocol):
    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        """The documents under up to 100 keys; absent ones are left out. Raises StoreFailed."""


class DecisionStore(Protocol):
    """The decision path: one read and one write, for any number of messages at a time."""

    def load(self, pks: Sequence[str], keys: Sequence[Key], meanwhile: Callable[[], None] | None = None) -> Situation:
        """Read these partitions, whole, and these documents, in one round-trip time. Raises StoreFailed. `meanwhile`
        is called once: the caller's work while it waits."""

    def record(self, writes: Sequence[Write]) -> list[WriteConflict | StoreFailed | None]:
        """Write each. The outcomes, in order: None if the write is stored, WriteConflict if it was rejected,
        StoreFailed if the table did not say.

        A write that is repeated after a lost response MAY be reported as a conflict with itself: the caller MUST treat
        an equal `existing` document as its own write.
        """


class PartitionReader(Protocol):
    def partition(self, pk: str, prefix: str) -> list[Document]:
        """All documents of a partition whose sort key begins with `prefix`. Raises StoreFailed."""


class Documents(DocumentReader, PartitionReader, Protocol):
    """Statements, parties, uploads: everything but decisions."""

    def commit(self, documents: Sequence[Document]) -> None:
        """Write up to 100 documents, all or none, each under its version.

        Raises VersionConflict if any stored version is not the one being replaced, or if a concurrent transaction
        conflicted: the caller reads again. Raises StoreFailed.
        """


class RangeReader(Protocol):
    """Ranges of a partition, however many documents they hold."""

    def between(self, pk: str, first: str, last: str) -> Iterator[Document]:
        """The documents whose sort keys are between these two, inclusive, in the order of their UTF-8 bytes.

        Pages are read on demand, and only one is held at a time. Writes made during the iteration MAY be seen. Raises
        StoreFailed.
        """


class BulkStore(DocumentReader, PartitionReader, Protocol):
    """Hundreds of documents at a time, for imports."""

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[VersionConflict | StoreFailed | None]:
        """Write each group of up to 100 documents, all or none, as `Documents.commit` does. The outcomes, in order:
        None if the group is stored, or why it is not. A group that is repeated after a lost response MAY be reported
        as a VersionConflict."""

    def open_debts(self, shard: str) -> Iterator[Key]:
        """The keys of the debts with this `open_of`. The index is eventually consistent: it MAY miss a debt, or still
        list one that is closed. Raises StoreFailed."""


class UploadTarget(NamedTuple):
    """A presigned URL for one file, and the headers that the upload MUST send."""

    url: str
    headers: dict[str, str]


class FileStore(Protocol):
    """Objects by name. Every read MUST see every write acknowledged before it."""

    def upload_target(
        self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int
    ) -> UploadTarget:
        """A target that accepts a file of exactly this digest (`sha256:<hex>`), type and, if given, size."""

    def download_url(self, name: str, seconds: int) -> str:
        """A URL under which anyone who has it can read this object."""

    def read(self, name: str) -> Iterator[bytes]:
        """The object in small pieces. Raises StoreFailed, NotFound."""

    def read_range(self, name: str, start: int, count: int) -> bytes:
        """These bytes of the object; fewer if it is shorter. Raises StoreFailed, NotFound."""

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write or replace the object. Raises StoreFailed."""

    def names(self, prefix: str) -> Iterator[str]:
        """The names that begin with `prefix`, sorted. Raises StoreFailed."""

    def delete(self, names: Iterable[str]) -> None:
        """Delete these; an absent one is no error. Raises StoreFailed."""


class Queue(Protocol):
    """Delivers each message at least once, in any order."""

    def send(self, messages: Iterable[bytes]) -> None:
        """Raises StoreFailed; some messages may have been sent."""


class Opener(Protocol):
    def open(self, sealed: bytes) -> bytes:
        """Decrypt and authenticate what a Sealer sealed. Raises SealFailed."""


class Sealer(Protocol):
    """Encryption at rest of signed statements. A sealer need not be able to open."""

    def seal(self, data: bytes) -> bytes:
        """Encrypt and authenticate. Raises SealFailed."""


class Change(NamedTuple):
    """A document after a write. `position` orders the changes of a shard; `at` is the approximate time of the write, in
    whole seconds. A deletion, and a write that does not change the version, have no document."""

    position: str
    at: datetime
    document: Document | None


class StreamPage(NamedTuple):
    """Changes of one shard, oldest first. `ended`: the shard is closed and has no further changes."""

    changes: tuple[Change, ...]
    ended: bool


class Shard(NamedTuple):
    id: str
    parent: str | None


class Stream(Protocol):
    """Every change of the table, once, in shards. The changes of one document MUST be in order. A shard that is split
    continues in its children: a reader MUST read the parent to its end first."""

    def shards(self) -> list[Shard]:
        """The readable shards. A parent that is not listed has been trimmed. Raises StoreFailed."""

    def read(self, shard: str, after: str, limit: int) -> StreamPage:
        """Up to `limit` changes after this position; from the oldest one if it is empty. A page with fewer changes that
        has not ended is the tip. Raises StreamTrimmed if the position is too old, StoreFailed."""


class LogFiles(Protocol):
    """The log's objects: tiles, entry bundles, the checkpoint, and staged moves."""

    def read(self, name: str) -> bytes | None:
        """The whole object, or None. Raises StoreFailed."""

    def write(self, objects: Mapping[str, bytes]) -> None:
        """Write all of these. Raises StoreFailed; some may have been written."""

    def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
        """Compare and swap: write `data` if the object is `replaces` (None: absent). Returns False if it is not.

        Raises StoreFailed.
        """

    def delete(self, name: str) -> None:
        """Delete; an absent object is no error. Raises StoreFailed."""


class Archive(Protocol):
    """Copies of records under retention. Nobody can overwrite a copy, nor delete it before its retention ends, except
    by `erase`."""

    def put_locked(self, objects: Mapping[str, bytes], until: datetime) -> None:
        """Put all of these, locked until then. Putting the same object again is no error. Raises StoreFailed."""

    def read(self, name: str) -> bytes:
        """Raises NotFound, StoreFailed."""

    def names(self, prefix: str) -> Iterator[str]:
        """The names that begin with `prefix`, sorted. Raises StoreFailed."""

    def names_with_times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """The same, each with the time when it was put. Raises StoreFailed."""

    def erase(self, names: Iterable[str]) -> None:
        """Delete every version of these, bypassing the lock. Raises StoreFailed."""


class Backups(Protocol):
    """The copies of table and archive that the account makes outside of this program."""

    def obstacles(self) -> list[str]:
        """Each part of the configuration by which erased records would remain, in words. Raises StoreFailed."""

    def held_for(self) -> timedelta:
        """How far back the table can be restored to any point in time; zero if it cannot. Raises StoreFailed."""


class IndexEntry(NamedTuple):
    """A document that the sequencer writes about logged records. The table deletes it at `expires`, if given."""

    document: Document
    expires: datetime | None = None


class Expiry(NamedTuple):
    """When the table deletes a document, if it still has this version."""

    key: Key
    version: int
    expires: datetime


class ScanPage(NamedTuple):
    """One page of a scan, and the cursors of the next one; no cursors after the last page."""

    documents: list[Document]
    cursors: dict[str, str]


class ScanFilter(NamedTuple):
    """Documents whose keys begin with these prefixes and whose body contains this text."""

    pk: str
    sk: str = ""
    text: str = ""

    def matches(self, document: Document) -> bool:
        begins = document.key.pk.startswith(self.pk) and document.key.sk.startswith(self.sk)
        return begins and self.text.encode() in document.body


class TableScan(Protocol):
    """Reads the whole table, a page at a time."""

    def scan(self, filters: Sequence[ScanFilter], cursors: Mapping[str, str]) -> ScanPage:
        """One page of a scan of the table, from these cursors on, or from the start if there are none: the documents
        that match any of the filters. A page MAY be empty; it has at most a hundred documents.

        Another process may continue from the cursors days later. A scan from start to end MUST return every matching
        document that was stored all the while, as it was at some time during the scan. Each page is strongly
        consistent. Raises StoreFailed.
        """


class LogIndex(Protocol):
    """The index of logged records in the table: pointers, decision pages, and the TTLs of the records."""

    def put(self, entries: Sequence[IndexEntry]) -> None:
        """Write each, whatever is stored under its key; writing again is no error. Raises StoreFailed if any of them
        may be missing."""

    def expire(self, expiries: Sequence[Expiry]) -> None:
        """Set the TTL of each document. One that has another version by now, or is gone, is skipped; a later write
        clears the TTL. Raises StoreFailed if any of them may have none."""

    def scan_unindexed(self, prefixes: Sequence[str], cursors: Mapping[str, str]) -> ScanPage:
        """One page of a scan of the table, from these cursors on, or from the start if there are none: the documents
        whose partition key begins with a prefix and that have no TTL. A page MAY be empty.

        Another process may continue from the cursors days later. A scan from start to end MUST return every document
        that was stored all the while, exactly once. Eventually consistent. Raises StoreFailed.
        """
