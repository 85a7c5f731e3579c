"""Every port in memory: for tests, for trying things out, and as the measure of what the real ones must do."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from duecare.errors import NotFound, Stale, StoreFailed
from duecare.ports import Document, Key, Met, Situation, Target, Write

PIECE = 64 * 1024


class MemoryTable:
    """`Gate` and `Documents` over one dictionary. One lock makes every read and write atomic."""

    def __init__(self) -> None:
        self._documents: dict[Key, Document] = {}
        self._lock = threading.Lock()

    def load(self, pks: Sequence[str], keys: Sequence[Key]) -> Situation:
        return Situation({pk: self.partition(pk, "") for pk in pks}, self.get(keys))

    def record(self, writes: Sequence[Write]) -> list[Met | StoreFailed | None]:
        return [self._record(*write) for write in writes]

    def _record(self, document: Document, beside: Document | None) -> Met | None:
        with self._lock:
            standing = self._documents.get(document.key)
            if not self._replaces(document):
                return Met(standing)
            if beside and not self._replaces(beside):
                return Met(None)
            self._documents.update((one.key, one) for one in (document, beside) if one)
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

    def open_debts(self, shard: str) -> Iterator[Key]:
        with self._lock:
            found = sorted(key for key, document in self._documents.items() if document.open_of == shard)
        return iter(found)

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[Stale | StoreFailed | None]:
        return [self._committed(group) for group in groups]

    def _committed(self, group: Sequence[Document]) -> Stale | None:
        try:
            self.commit(group)
        except Stale as stale:
            return stale
        return None

    def commit(self, documents: Sequence[Document]) -> None:
        with self._lock:
            for document in documents:
                if not self._replaces(document):
                    raise Stale(document.key.sk[:1])
            self._documents.update((document.key, document) for document in documents)


class MemoryFiles:
    """`Files` over one dictionary. A target or link is a name that only `put` here understands."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def target(self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int) -> Target:
        return Target(f"memory:{name}", {"content-type": content_type})

    def link(self, name: str, seconds: int) -> str:
        return f"memory:{name}"

    def read(self, name: str) -> Iterator[bytes]:
        data = self._objects.get(name)
        if data is None:
            raise NotFound("There is no such object.", name="no-object")
        return (data[at : at + PIECE] for at in range(0, len(data), PIECE))

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        self._objects[name] = b"".join(pieces)

    def names(self, prefix: str) -> Iterator[str]:
        return iter(sorted(name for name in self._objects if name.startswith(prefix)))

    def delete(self, names: Iterable[str]) -> None:
        for name in list(names):
            self._objects.pop(name, None)


class MemoryQueue:
    """`Queue` over a list: what was sent and not yet taken."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def send(self, messages: Iterable[bytes]) -> None:
        self.messages.extend(messages)


class MemorySealer:
    """`Sealer` with a key that lives as long as the process (AES-256-GCM)."""

    def __init__(self) -> None:
        self._aead = AESGCM(AESGCM.generate_key(256))

    def seal(self, data: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, data, None)

    def open(self, sealed: bytes) -> bytes:
        return self._aead.decrypt(sealed[:12], sealed[12:], None)
