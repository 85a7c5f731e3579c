"""What a use case needs of the world, with what it may rely on.

A **document** is a versioned piece of the table: `version` counts 1, 2, … and a write MUST take effect only where the
stored version is one less (absent for 1). All writes MUST be durable when the call returns. All reads MUST be strongly
consistent: they see every write that was acknowledged before they began (guarantee 3). No implementation may cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from duecare_core.errors import StoreFailed, VersionConflict

Clock = Callable[[], datetime]
Entropy = Callable[[int], bytes]


class Key(NamedTuple):
    """Partition and sort key, as in the table of docs/how-it-works.md."""

    pk: str
    sk: str


class Document(NamedTuple):
    """`body` is JSON; `sealed` holds bytes that are not for reading (an encrypted statement, a packed record).
    `open_of`: by what an open debt is found among its creditor's (table.open_of); empty for everything else.
    `inputs`: of a decision, what it was decided on, sealed (evidence/inputs.py)."""

    key: Key
    version: int
    body: bytes
    sealed: bytes = b""
    open_of: str = ""
    inputs: bytes = b""


class Situation(NamedTuple):
    """What verify reads: whole partitions, and the documents asked for by key (absent ones left out)."""

    partitions: dict[str, list[Document]]
    documents: dict[Key, Document]


class Write(NamedTuple):
    """A document to write under its version, and one beside it: both or neither."""

    document: Document
    companion: Document | None = None


class WriteConflict(NamedTuple):
    """Why a write did not happen: what stands in place of its document, or None where it was the one beside it, or
    somebody writing at the same time, that stood in the way."""

    existing: Document | None


class DocumentReader(Protocol):
    """Look-ups by key."""

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        """The documents of up to 100 keys; absent ones are left out. Raises StoreFailed."""


class DecisionStore(Protocol):
    """The decision path: one read, one write, for any number of messages side by side."""

    def load(self, pks: Sequence[str], keys: Sequence[Key]) -> Situation:
        """Read these partitions, whole, and these documents, in one round-trip time. Raises StoreFailed."""

    def record(self, writes: Sequence[Write]) -> list[WriteConflict | StoreFailed | None]:
        """Write each; for each, in order: None when it is stored, Met where it could not be, StoreFailed where the
        table did not say.

        A write whose answer was lost MAY be reported as met by itself: equal documents are one write.
        """


class Documents(DocumentReader, Protocol):
    """Everything else: statements and parties."""

    def partition(self, pk: str, prefix: str) -> list[Document]:
        """All documents of a partition whose sort key begins with `prefix`. Raises StoreFailed."""

    def commit(self, documents: Sequence[Document]) -> None:
        """Write up to 100 documents, all or none, each under its version.

        Raises VersionConflict if any stored version is not the one being replaced, or if others wrote at the same time;
        the caller reads again. Raises StoreFailed.
        """


class RangeReader(Protocol):
    """Stretches of a partition, however many documents lie there."""

    def between(self, pk: str, first: str, last: str) -> Iterator[Document]:
        """The documents whose sort keys lie between these two, both included, in the order of their UTF-8 bytes. They
        are read page by page as they are asked for, so that none but the last page is held; what is written meanwhile
        MAY be seen. Raises StoreFailed."""


class BulkStore(DocumentReader, Protocol):
    """Many documents at once: what an import reads and writes."""

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[VersionConflict | StoreFailed | None]:
        """Write each group of up to 100 documents, all or none, as `Documents.commit` does; for each group, in order,
        None when it is stored, or why it is not. A group whose answer was lost MAY be reported as stale."""

    def open_debts(self, shard: str) -> Iterator[Key]:
        """The keys of the debts that stand under this `open_of`, as far as the index shows them: it MAY lag behind by
        moments, and so miss one or show one too many. Raises StoreFailed."""


class UploadTarget(NamedTuple):
    """Where somebody may put one file, with exactly these headers."""

    url: str
    headers: dict[str, str]


class FileStore(Protocol):
    """Objects by name. What was written is there for every later read."""

    def target(self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int) -> UploadTarget:
        """Where the holder may put the file of exactly this digest (`sha256:<hex>`), type and, where given, size."""

    def link(self, name: str, seconds: int) -> str:
        """Where the holder may read this object."""

    def read(self, name: str) -> Iterator[bytes]:
        """The object in pieces, none of them large. Raises StoreFailed, NotFound."""

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write the object, or replace it. Raises StoreFailed."""

    def names(self, prefix: str) -> Iterator[str]:
        """The names that begin so, in order. Raises StoreFailed."""

    def delete(self, names: Iterable[str]) -> None:
        """Delete these; what is not there is no error. Raises StoreFailed."""


class Queue(Protocol):
    """Work for later: each message is delivered at least once, in no order."""

    def send(self, messages: Iterable[bytes]) -> None:
        """Raises StoreFailed, perhaps after some were sent."""


class Opener(Protocol):
    """Reading what a Sealer sealed."""

    def open(self, sealed: bytes) -> bytes:
        """Decrypt and authenticate. Raises SealFailed."""


class Sealer(Protocol):
    """Encryption at rest of what parties signed. Whoever seals need not be able to open."""

    def seal(self, data: bytes) -> bytes:
        """Encrypt and authenticate. Raises SealFailed."""


class Change(NamedTuple):
    """A document as it stands after a write, in the order of its shard. `position` says where in the shard; `at` is
    when the table took it in (about, whole seconds). Deletions, and writes that leave the version as it was, have no
    document."""

    position: str
    at: datetime
    document: Document | None


class StreamPage(NamedTuple):
    """Changes of one shard, oldest first; `ended` where the shard is closed and there will be no more."""

    changes: tuple[Change, ...]
    ended: bool


class Shard(NamedTuple):
    id: str
    parent: str | None


class Stream(Protocol):
    """Every change of the table, once a shard and in the order in which each document changed. What happened before a
    shard was split stands in its parent: whoever reads a child before the parent's end reads out of order."""

    def shards(self) -> list[Shard]:
        """The shards that can be read now; a parent that is not among them is gone. Raises StoreFailed."""

    def read(self, shard: str, after: str, limit: int) -> StreamPage:
        """Up to `limit` changes after this position; from the oldest there is where it is empty. A page with fewer that
        has not ended is the tip. Raises StreamTrimmed where the position is too old, StoreFailed."""


class LogFiles(Protocol):
    """The log's objects: tiles, entry bundles, the checkpoint, and what is staged."""

    def read(self, name: str) -> bytes | None:
        """The whole object, or None. Raises StoreFailed."""

    def write(self, objects: Mapping[str, bytes]) -> None:
        """Write these side by side; each is there when this returns. Raises StoreFailed."""

    def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
        """Write over exactly what was read (None: over nothing); False where something else stands.

        Raises StoreFailed."""

    def delete(self, name: str) -> None:
        """What is not there is no error. Raises StoreFailed."""


class Archive(Protocol):
    """Copies for the court: nobody can overwrite or delete one before its time."""

    def keep(self, objects: Mapping[str, bytes], until: datetime) -> None:
        """Put these side by side, locked until then; the same again is no error. Raises StoreFailed."""

    def read(self, name: str) -> bytes:
        """Raises NotFound, StoreFailed."""

    def names(self, prefix: str) -> Iterator[str]:
        """The names that begin so, in order. Raises StoreFailed."""

    def kept_at(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """The same with when each was put there. Raises StoreFailed."""

    def erase(self, names: Iterable[str]) -> None:
        """Delete these in every version, the lock notwithstanding. Raises StoreFailed."""


class IndexEntry(NamedTuple):
    """A document that the sequencer writes beside the head; where `expires` is given it leaves the table then."""

    document: Document
    expires: datetime | None = None


class Expiry(NamedTuple):
    """When a document leaves the table, if it still has this version."""

    key: Key
    version: int
    expires: datetime


class ScanPage(NamedTuple):
    """What a stretch of a scan found, and from which places it goes on; none where all of the table has been seen."""

    documents: list[Document]
    places: dict[str, str]


class LogIndex(Protocol):
    """What the sequencer writes beside the head, and what it asks when it sweeps."""

    def mark(self, marks: Sequence[IndexEntry]) -> None:
        """Write each over whatever stands there, any number of times. Raises StoreFailed where one of them may be
        missing."""

    def leave(self, leaving: Sequence[Expiry]) -> None:
        """Give each its time to leave (`expires`); one that has another version by now, or has left, is passed over. A
        document that is written anew has none again. Raises StoreFailed where one of them may have none."""

    def unmarked(self, prefixes: Sequence[str], places: Mapping[str, str]) -> ScanPage:
        """The documents whose partition key begins so and that have no time to leave, in a stretch of the table from
        these places on; from its beginning where there are none. It may be a stretch without any.

        Places are texts that another process may go on from, days later. Going on to the end sees every document that
        stood there all the while, once; eventually consistent. Raises StoreFailed.
        """
