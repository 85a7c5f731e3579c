"""The head of the log: its size, and the stream positions up to which it is complete. Moved by compare-and-swap."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from duecare.ports import Document, Documents, IndexEntry
from duecare.usecases import table
from duecare_core.errors import StoreFailed

ENDED = "end"  # the position in a shard that has been read to its end


class Sweep(Struct, frozen=True):
    """A sweep in progress. `at`, `trimmed`: the time and the head's count when it began. `cursors`: of its scan."""

    at: datetime
    trimmed: int
    cursors: dict[str, str] = {}


class Head(Struct, frozen=True, kw_only=True):
    """`root`: hexadecimal. `positions`: for each shard of the stream, the last change that is logged.

    `caught_up_at`: every change before this time has its entry. `staged`: the staged object of the last move, until
    all its effects are done. `moved_from`: the size before the last move. `trimmed`: how often changes were trimmed
    from the stream before they were read.
    `swept_at`, `swept_trimmed`: the time, and `trimmed`, at which the last completed sweep began. `sweep`: the sweep
    in progress. `resumed_at`: when an operator last resumed the log over a restored table (resume.py).
    """

    size: int
    root: str
    at: datetime
    verifier_key: str
    positions: dict[str, str]
    caught_up_at: datetime | None = None
    staged: str = ""
    moved_from: int = 0
    trimmed: int = 0
    swept_at: datetime
    swept_trimmed: int = 0
    sweep: Sweep | None = None
    resumed_at: datetime | None = None


class VersionedHead(NamedTuple):
    """A head, and the document it was read from, which the next head replaces."""

    head: Head
    document: Document


class StagedMove(Struct, frozen=True):
    """The effects of a move of the head: files by name, and entries of the index. No checkpoint: one is signed only
    when the head is stored."""

    files: dict[str, bytes]
    index_entries: tuple[IndexEntry, ...]


def load(documents: Documents) -> VersionedHead | None:
    """Raises StoreFailed."""
    document = documents.get([table.LOG_HEAD]).get(table.LOG_HEAD)
    return None if document is None else VersionedHead(table.read(document, Head), document)


def move(documents: Documents, replaces: VersionedHead | None, head: Head) -> VersionedHead:
    """Raises VersionConflict if another head is stored, StoreFailed."""
    document = table.write(table.LOG_HEAD, replaces.document if replaces else None, head)
    documents.commit([document])
    return VersionedHead(head, document)


def encode_staged(move: StagedMove) -> bytes:
    return msgspec.msgpack.encode(move)


def decode_staged(data: bytes) -> StagedMove:
    """Raises StoreFailed."""
    try:
        return msgspec.msgpack.decode(data, type=StagedMove)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("a staged object cannot be read") from error
