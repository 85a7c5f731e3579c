"""Pointers: the index of a record's log entry, and the name of its copy. Written by the sequencer.

A pointer's partition is the record's kind and id, its sort key the record's digest: a decision has one per attempt.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from duecare.ports import Document, Key
from duecare.usecases import table
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence.canonical import canonical, strict_json
from duecare_core.evidence.stored import StoredRecord, read_archive_copy


class Pointer(Struct, frozen=True):
    """`index` of the entry, `at` as the entry has it, `name` of the copy."""

    index: int
    at: str
    name: str


def key(kind: str, record_id: str, record_sha256: str) -> Key:
    return Key(table.log_pointers(kind, record_id), record_sha256.removeprefix("sha256:"))


def newest_first(pointers: Iterable[Document]) -> list[Pointer]:
    """Sorted by the index of their entries, the last one first. Raises StoreFailed."""
    read = [table.read(document, Pointer) for document in pointers]
    return sorted(read, key=lambda one: one.index, reverse=True)


def newest(pointers: Iterable[Document]) -> Pointer | None:
    """The pointer whose entry is the last one. Raises StoreFailed."""
    return next(iter(newest_first(pointers)), None)


def stored(document: Document) -> StoredRecord:
    """The document as the evidence library reads it. Raises StoreFailed if its body is not JSON."""
    try:
        body = strict_json(document.body)
    except BadEvidence as error:
        raise StoreFailed("a stored record cannot be read") from error
    return StoredRecord(document.key.pk, document.key.sk, document.version, body, document.sealed, document.summary)


def document_of(copy: bytes) -> Document:
    """The document of which this is an archive copy. Raises StoreFailed if it is not one."""
    try:
        read = read_archive_copy(copy)
    except BadEvidence as error:
        raise StoreFailed("a copy in the archive cannot be read") from error
    body = canonical(read.body)
    return Document(Key(read.pk, read.sk), read.version, body, read.sealed, summary=read.summary)
