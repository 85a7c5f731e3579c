"""Every port in memory. The contract tests hold these adapters and the real ones to the same behaviour."""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from duecare.ports import (
    Change,
    Clock,
    Document,
    Expiry,
    IndexEntry,
    Key,
    ScanFilter,
    ScanPage,
    Shard,
    Situation,
    StreamPage,
    UploadTarget,
    Write,
    WriteConflict,
)
from duecare_core.errors import NotFound, StoreFailed, StreamTrimmed, VersionConflict

PIECE = 64 * 1024
SEGMENTS = 4  # of a table's scan


class MemoryStream:
    """`Stream`: the changes of a MemoryTable, in shards that can be split and trimmed."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._shards: dict[str, list[Change]] = {"0": []}
        self._parents: dict[str, str | None] = {"0": None}
        self._children: dict[str, list[str]] = {}
        self._open = ["0"]
        self._count = 0

    def add(self, key: Key, document: Document | None) -> None:
        """Add a change of this key. Without a document it is one that readers ignore."""
        shard = "0"
        while shard in self._children:  # earlier changes of the key are in the parents
            children = self._children[shard]
            shard = children[zlib.crc32(f"{shard} {key.pk}".encode()) % len(children)]
        self._count += 1
        self._shards[shard].append(Change(f"{self._count:09}", self._clock().replace(microsecond=0), document))

    def split(self, into: int = 2) -> None:
        """Close every open shard. Each gets this many children."""
        children = [(parent, f"{parent}.{child}") for parent in self._open for child in range(into)]
        self._children |= {parent: [child for of, child in children if of == parent] for parent in self._open}
        self._open = [child for _, child in children]
        self._shards |= {child: [] for child in self._open}
        self._parents |= {child: parent for parent, child in children}

    def trim(self, shard: str, keep: int = 0) -> None:
        """Drop all but the newest changes of a shard; drop a closed shard without changes."""
        self._shards[shard] = self._shards[shard][len(self._shards[shard]) - keep :]
        if not self._shards[shard] and shard not in self._open:
            del self._shards[shard], self._parents[shard]

    def shards(self) -> list[Shard]:
        return [Shard(shard, self._parents[shard]) for shard in self._shards]

    def read(self, shard: str, after: str, limit: int) -> StreamPage:
        changes = self._shards.get(shard)
        if changes is None:
            raise StoreFailed("no such shard")
        positions = [change.position for change in changes]
        if after and after not in positions:
            raise StreamTrimmed(after)
        start = positions.index(after) + 1 if after else 0
        page = tuple(changes[start : start + limit])
        return StreamPage(page, ended=shard not in self._open and start + len(page) == len(changes))


class MemoryTable:
    """`DecisionStore`, `Documents`, `RangeReader`, `BulkStore` and `LogIndex` over one dictionary. One lock
    makes every read and write atomic."""

    def __init__(self, stream: MemoryStream | None = None) -> None:
        self._documents: dict[Key, Document] = {}
        self._lock = threading.Lock()
        self._stream = stream
        self.expires: dict[Key, datetime] = {}
        self.page_size = 1000  # documents of a segment in a page of a scan

    def _write(self, documents: Iterable[Document]) -> None:
        """The caller holds the lock, and has checked the versions."""
        for document in documents:
            self._documents[document.key] = document._replace(expires=0)
            self.expires.pop(document.key, None)
            if document.expires:
                self.expires[document.key] = datetime.fromtimestamp(document.expires, UTC)
            if self._stream:
                self._stream.add(document.key, document)

    def put(self, entries: Sequence[IndexEntry]) -> None:
        with self._lock:
            for document, expires in entries:
                self._documents[document.key] = document
                self.expires.pop(document.key, None)
                if expires:
                    self.expires[document.key] = expires

    def expire(self, expiries: Sequence[Expiry]) -> None:
        with self._lock:
            for key, version, expires in expiries:
                standing = self._documents.get(key)
                if standing and standing.version == version:
                    self.expires[key] = expires
                    if self._stream:
                        self._stream.add(key, None)

    def scan_unindexed(self, prefixes: Sequence[str], cursors: Mapping[str, str]) -> ScanPage:
        found: list[Document] = []
        following: dict[str, str] = {}
        with self._lock:
            for segment, cursor in (cursors or {str(number): "" for number in range(SEGMENTS)}).items():
                after = Key(*json.loads(cursor)) if cursor else Key("", "")
                rest = sorted(key for key in self._documents if _segment(key) == segment and key > after)
                page = rest[: self.page_size]
                found += [self._documents[key] for key in page if key.pk.startswith(tuple(prefixes))]
                if len(rest) > len(page):
                    following[segment] = json.dumps(page[-1])
            return ScanPage([one for one in found if one.key not in self.expires], following)

    def scan(self, filters: Sequence[ScanFilter], cursors: Mapping[str, str]) -> ScanPage:
        found: list[Document] = []
        following: dict[str, str] = {}
        with self._lock:
            for segment, cursor in (cursors or {str(number): "" for number in range(SEGMENTS)}).items():
                after = Key(*json.loads(cursor)) if cursor else Key("", "")
                rest = sorted(key for key in self._documents if _segment(key) == segment and key > after)
                page = rest[: self.page_size]
                found += [self._documents[key] for key in page if any(f.matches(self._documents[key]) for f in filters)]
                if len(rest) > len(page):
                    following[segment] = json.dumps(page[-1])
            return ScanPage(found, following)

    def everything(self) -> list[Document]:
        with self._lock:
            return list(self._documents.values())

    def remove(self, key: Key) -> None:
        """Delete, as the table's TTL does."""
        with self._lock:
            del self._documents[key]
            self.expires.pop(key, None)
            if self._stream:
                self._stream.add(key, None)

    def load(self, pks: Sequence[str], keys: Sequence[Key], meanwhile: Callable[[], None] | None = None) -> Situation:
        if meanwhile:
            meanwhile()
        return Situation({pk: self.partition(pk, "") for pk in pks}, self.get(keys))

    def record(self, writes: Sequence[Write]) -> list[WriteConflict | StoreFailed | None]:
        return [self._record(*write) for write in writes]

    def _record(self, document: Document, companion: Document | None) -> WriteConflict | None:
        with self._lock:
            standing = self._documents.get(document.key)
            if not self._replaces(document):
                return WriteConflict(standing)
            if companion and not self._replaces(companion):
                return WriteConflict(None)
            self._write(one for one in (document, companion) if one)
            return None

    def _replaces(self, document: Document) -> bool:
        standing = self._documents.get(document.key)
        return (standing.version if standing else 0) == document.version - 1

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        with self._lock:
            return {key: self._documents[key] for key in keys if key in self._documents}

    def partition(self, pk: str, prefix: str) -> list[Document]:
        with self._lock:
            found = [key for key in self._documents if key.pk == pk and key.sk.startswith(prefix)]
            return [self._documents[key] for key in sorted(found)]

    def between(self, pk: str, first: str, last: str) -> Iterator[Document]:
        with self._lock:
            found = sorted(key for key in self._documents if key.pk == pk and first <= key.sk <= last)
            return iter([self._documents[key] for key in found])

    def open_debts(self, shard: str) -> Iterator[Key]:
        with self._lock:
            found = sorted(key for key, document in self._documents.items() if document.open_of == shard)
        return iter(found)

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[VersionConflict | StoreFailed | None]:
        return [self._committed(group) for group in groups]

    def _committed(self, group: Sequence[Document]) -> VersionConflict | None:
        try:
            self.commit(group)
        except VersionConflict as stale:
            return stale
        return None

    def commit(self, documents: Sequence[Document]) -> None:
        with self._lock:
            for document in documents:
                if not self._replaces(document):
                    raise VersionConflict(document.key.sk[:1])
            self._write(documents)


def _segment(key: Key) -> str:
    return str(zlib.crc32(key.pk.encode()) % SEGMENTS)


class MemoryFiles:
    """`FileStore` over one dictionary. A URL is `memory:` and the name."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def upload_target(
        self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int
    ) -> UploadTarget:
        return UploadTarget(f"memory:{name}", {"content-type": content_type})

    def download_url(self, name: str, seconds: int) -> str:
        return f"memory:{name}"

    def read(self, name: str) -> Iterator[bytes]:
        data = self._objects.get(name)
        if data is None:
            raise NotFound("There is no such object.", name="no-object")
        return (data[at : at + PIECE] for at in range(0, len(data), PIECE))

    def read_range(self, name: str, start: int, count: int) -> bytes:
        return b"".join(self.read(name))[start : start + count]

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        self._objects[name] = b"".join(pieces)

    def names(self, prefix: str) -> Iterator[str]:
        return iter(sorted(name for name in self._objects if name.startswith(prefix)))

    def delete(self, names: Iterable[str]) -> None:
        for name in list(names):
            self._objects.pop(name, None)


class MemoryLogFiles:
    """`LogFiles` over one dictionary. Changing a tile is an error of the caller."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def read(self, name: str) -> bytes | None:
        return self.objects.get(name)

    def write(self, objects: Mapping[str, bytes]) -> None:
        with self._lock:
            for name, data in objects.items():
                if self.objects.setdefault(name, data) != data:
                    raise AssertionError(f"{name} exists with another content")

    def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
        with self._lock:
            if self.objects.get(name) != replaces:
                return False
            self.objects[name] = data
            return True

    def delete(self, name: str) -> None:
        with self._lock:
            self.objects.pop(name, None)


class MemoryArchive:
    """`Archive` over one dictionary."""

    def __init__(self, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self.objects: dict[str, bytes] = {}
        self.locks: dict[str, tuple[datetime, datetime]] = {}

    def put_locked(self, objects: Mapping[str, bytes], until: datetime) -> None:
        for name, data in objects.items():
            if self.objects.setdefault(name, data) != data:
                raise AssertionError(f"{name} exists with another content")
            self.locks.setdefault(name, (self._clock(), until))

    def read(self, name: str) -> bytes:
        if name not in self.objects:
            raise NotFound("There is no such object.", name="no-object")
        return self.objects[name]

    def names(self, prefix: str) -> Iterator[str]:
        return (name for name, _ in self.names_with_times(prefix))

    def names_with_times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        return iter([(name, self.locks[name][0]) for name in sorted(self.objects) if name.startswith(prefix)])

    def erase(self, names: Iterable[str]) -> None:
        for name in list(names):
            self.objects.pop(name, None)
            self.locks.pop(name, None)


class MemoryQueue:
    """`Queue` over a list of the messages that were sent and not yet taken."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def send(self, messages: Iterable[bytes]) -> None:
        self.messages.extend(messages)


class MemorySealer:
    """`Sealer` and `Opener` with a key of this object alone (AES-256-GCM)."""

    def __init__(self) -> None:
        self._aead = AESGCM(AESGCM.generate_key(256))

    def seal(self, data: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, data, None)

    def open(self, sealed: bytes) -> bytes:
        return self._aead.decrypt(sealed[:12], sealed[12:], None)


class MemoryBackups:
    """Backups as a test says."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.window = timedelta(days=35)

    def obstacles(self) -> list[str]:
        return self.found

    def held_for(self) -> timedelta:
        return self.window
