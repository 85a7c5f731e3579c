"""Where a record's entry is in the log, and its copy in the archive: what the sequencer notes, and others read.

A pointer stands under the record's kind and id, and under its digest: a decision has one for every attempt.
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
    """`index` of the entry; `at` as the entry has it; `name` of the copy."""

    index: int
    at: str
    name: str


def partition(kind: str, record_id: str) -> str:
    return f"E#{kind}#{record_id}"


def key(kind: str, record_id: str, record_sha256: str) -> Key:
    return Key(partition(kind, record_id), record_sha256.removeprefix("sha256:"))


def newest_first(pointers: Iterable[Document]) -> list[Pointer]:
    """By when their entries came. Raises StoreFailed."""
    read = [table.read(document, Pointer) for document in pointers]
    return sorted(read, key=lambda one: one.index, reverse=True)


def newest(pointers: Iterable[Document]) -> Pointer | None:
    """The one whose entry came last. Raises StoreFailed."""
    return next(iter(newest_first(pointers)), None)


def stored(document: Document) -> StoredRecord:
    """Raises StoreFailed for a body that is not JSON."""
    try:
        body = strict_json(document.body)
    except BadEvidence as error:
        raise StoreFailed("a stored record cannot be read") from error
    return StoredRecord(document.key.pk, document.key.sk, document.version, body, document.sealed, document.inputs)


def document_of(copy: bytes) -> Document:
    """The document of a copy in the archive. Raises StoreFailed where it is none."""
    try:
        read = read_archive_copy(copy)
    except BadEvidence as error:
        raise StoreFailed("a copy in the archive cannot be read") from error
    body = canonical(read.body)
    return Document(Key(read.pk, read.sk), read.version, body, read.sealed, inputs=read.inputs)
