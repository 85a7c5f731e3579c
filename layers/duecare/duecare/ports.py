"""What a use case needs of the world, with what it may rely on.

A **document** is a versioned piece of the table: `version` counts 1, 2, … and a write MUST take effect only where the
stored version is one less (absent for 1). All writes MUST be durable when the call returns. All reads MUST be strongly
consistent: they see every write that was acknowledged before they began (guarantee 3). No implementation may cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

Clock = Callable[[], datetime]
Entropy = Callable[[int], bytes]


class Key(NamedTuple):
    """Partition and sort key, as in the table of docs/how-it-works.md."""

    pk: str
    sk: str


class Document(NamedTuple):
    """`body` is JSON; `sealed` holds bytes that are not for reading (an encrypted statement, a packed record)."""

    key: Key
    version: int
    body: bytes
    sealed: bytes = b""


class Situation(NamedTuple):
    """What verify reads: a recipient's whole partition, and the documents asked for by key (absent ones left out)."""

    partition: list[Document]
    documents: dict[Key, Document]


class Reader(Protocol):
    """Look-ups by key."""

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        """The documents of up to 100 keys; absent ones are left out. Raises StoreFailed."""


class Gate(Protocol):
    """The decision path: one read, one write."""

    def situation(self, pk: str, keys: Sequence[Key]) -> Situation:
        """Read a partition, whole, and up to 100 documents beside it, in one round-trip time. Raises StoreFailed."""

    def record(self, document: Document) -> Document | None:
        """Write one document under its version. None when it is stored; otherwise what stands in its place.

        A write whose answer was lost MAY be reported as standing in its own place: equal documents are one write.
        Raises StoreFailed.
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


class Sealer(Protocol):
    """Encryption at rest of what parties signed. Whoever seals need not be able to open."""

    def seal(self, data: bytes) -> bytes:
        """Encrypt and authenticate. Raises SealFailed."""
