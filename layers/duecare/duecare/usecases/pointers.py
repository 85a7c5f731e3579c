"""Where a record's entry is in the log, and its copy in the archive: what the sequencer notes, and others read.

A pointer stands under the record's kind and id, and under its digest: a decision has one for every attempt.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from msgspec import Struct

from duecare.errors import BadEvidence, StoreFailed
from duecare.evidence.canonical import canonical, strict_json
from duecare.ports import Document, Key
from duecare.usecases import table


class Pointer(Struct, frozen=True):
    """`index` of the entry; `at` as the entry has it; `name` of the copy."""

    index: int
    at: str
    name: str


def partition(kind: str, record_id: str) -> str:
    return f"E#{kind}#{record_id}"


def key(kind: str, record_id: str, record_sha256: str) -> Key:
    return Key(partition(kind, record_id), record_sha256.removeprefix("sha256:"))


def pointer(kind: str, record_id: str, record_sha256: str, value: Pointer) -> Document:
    return table.write(key(kind, record_id, record_sha256), None, value)


def newest(pointers: Iterable[Document]) -> Pointer | None:
    """The one whose entry came last. Raises StoreFailed."""
    read = [table.read(document, Pointer) for document in pointers]
    return max(read, key=lambda one: one.index, default=None)


def copy_of(document: Document) -> bytes:
    """What the archive keeps of a document: RFC 8785, with the body as JSON and bytes in base64."""
    value = {
        "pk": document.key.pk,
        "sk": document.key.sk,
        "version": document.version,
        "body": strict_json(document.body),
    }
    for name, data in (("sealed", document.sealed), ("inputs", document.inputs)):
        if data:
            value[name] = base64.b64encode(data).decode()
    return canonical(value)


def document_of(copy: bytes) -> Document:
    """The document of a copy. Raises StoreFailed where it is none."""
    try:
        value = strict_json(copy)
        return Document(
            key=Key(value["pk"], value["sk"]),
            version=value["version"],
            body=canonical(value["body"]),
            sealed=base64.b64decode(value.get("sealed", ""), validate=True),
            inputs=base64.b64decode(value.get("inputs", ""), validate=True),
        )
    except (BadEvidence, KeyError, TypeError, ValueError) as error:
        raise StoreFailed("a copy in the archive cannot be read") from error
