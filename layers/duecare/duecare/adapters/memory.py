"""Every port in memory: for tests, for trying things out, and as the measure of what the real ones must do."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from duecare.errors import Stale, StoreFailed
from duecare.ports import Document, Key, Met, Situation, Write


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

    def commit(self, documents: Sequence[Document]) -> None:
        with self._lock:
            for document in documents:
                if not self._replaces(document):
                    raise Stale(document.key.sk[:1])
            self._documents.update((document.key, document) for document in documents)


class MemorySealer:
    """`Sealer` with a key that lives as long as the process (AES-256-GCM)."""

    def __init__(self) -> None:
        self._aead = AESGCM(AESGCM.generate_key(256))

    def seal(self, data: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._aead.encrypt(nonce, data, None)

    def open(self, sealed: bytes) -> bytes:
        return self._aead.decrypt(sealed[:12], sealed[12:], None)
