"""Every port in memory: for tests, for trying things out, and as the measure of what the real ones must do."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from duecare.errors import Stale
from duecare.ports import Document, Key, Situation


class MemoryTable:
    """`Gate` and `Documents` over one dictionary. One lock makes every read and write atomic."""

    def __init__(self) -> None:
        self._documents: dict[Key, Document] = {}
        self._lock = threading.Lock()

    def situation(self, pk: str, keys: Sequence[Key]) -> Situation:
        return Situation(self.partition(pk, ""), self.get(keys))

    def record(self, document: Document) -> Document | None:
        with self._lock:
            standing = self._documents.get(document.key)
            if (standing.version if standing else 0) != document.version - 1:
                return standing
            self._documents[document.key] = document
            return None

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
                standing = self._documents.get(document.key)
                if (standing.version if standing else 0) != document.version - 1:
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
