"""What a use case needs of the world, with what it may rely on.

A **document** is a versioned piece of the table: `version` counts 1, 2, … and a write MUST take effect only where the
stored version is one less (absent for 1). All writes MUST be durable when the call returns. All reads MUST be strongly
consistent: they see every write that was acknowledged before they began (guarantee 3). No implementation may cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from duecare.errors import Stale, StoreFailed

Clock = Callable[[], datetime]
Entropy = Callable[[int], bytes]


class Key(NamedTuple):
    """Partition and sort key, as in the table of docs/how-it-works.md."""

    pk: str
    sk: str


class Document(NamedTuple):
    """`body` is JSON; `sealed` holds bytes that are not for reading (an encrypted statement, a packed record).
    `open_of`: by what an open debt is found among its creditor's (table.open_of); empty for everything else."""

    key: Key
    version: int
    body: bytes
    sealed: bytes = b""
    open_of: str = ""


class Situation(NamedTuple):
    """What verify reads: whole partitions, and the documents asked for by key (absent ones left out)."""

    partitions: dict[str, list[Document]]
    documents: dict[Key, Document]


class Write(NamedTuple):
    """A document to write under its version, and one beside it: both or neither."""

    document: Document
    beside: Document | None = None


class Met(NamedTuple):
    """Why a write did not happen: what stands in place of its document, or None where it was the one beside it, or
    somebody writing at the same time, that stood in the way."""

    standing: Document | None


class Reader(Protocol):
    """Look-ups by key."""

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        """The documents of up to 100 keys; absent ones are left out. Raises StoreFailed."""


class Gate(Protocol):
    """The decision path: one read, one write, for any number of messages side by side."""

    def load(self, pks: Sequence[str], keys: Sequence[Key]) -> Situation:
        """Read these partitions, whole, and these documents, in one round-trip time. Raises StoreFailed."""

    def record(self, writes: Sequence[Write]) -> list[Met | StoreFailed | None]:
        """Write each; for each, in order: None when it is stored, Met where it could not be, StoreFailed where the
        table did not say.

        A write whose answer was lost MAY be reported as met by itself: equal documents are one write.
        """


class Documents(Reader, Protocol):
    """Everything else: statements and parties."""

    def partition(self, pk: str, prefix: str) -> list[Document]:
        """All documents of a partition whose sort key begins with `prefix`. Raises StoreFailed."""

    def commit(self, documents: Sequence[Document]) -> None:
        """Write up to 100 documents, all or none, each under its version.

        Raises Stale where any of them stands at another version than the one it replaces, or where others wrote at the
        same time; the caller reads again. Raises StoreFailed.
        """


class Bulk(Reader, Protocol):
    """Many documents at once: what an import reads and writes."""

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[Stale | StoreFailed | None]:
        """Write each group of up to 100 documents, all or none, as `Documents.commit` does; for each group, in order,
        None when it is stored, or why it is not. A group whose answer was lost MAY be reported as stale."""

    def open_debts(self, shard: str) -> Iterator[Key]:
        """The keys of the debts that stand under this `open_of`, as far as the index shows them: it MAY lag behind by
        moments, and so miss one or show one too many. Raises StoreFailed."""


class Target(NamedTuple):
    """Where somebody may put one file, with exactly these headers."""

    url: str
    headers: dict[str, str]


class Files(Protocol):
    """Objects by name. What was written is there for every later read."""

    def target(self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int) -> Target:
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


class Sealer(Protocol):
    """Encryption at rest of what parties signed. Whoever seals need not be able to open."""

    def seal(self, data: bytes) -> bytes:
        """Encrypt and authenticate. Raises SealFailed."""
