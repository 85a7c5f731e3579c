"""The head of the log: how large it is, and how far the table's stream has been read. It moves by compare-and-swap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec import Struct

from duecare.ports import Document, Documents, IndexEntry
from duecare.usecases import table
from duecare_core.errors import StoreFailed

ENDED = "end"  # the position of a shard that was read to its end


class Sweep(Struct, frozen=True):
    """A sweep that is under way: when it began, how often changes had been lost by then, and from which places of the
    table it goes on."""

    at: datetime
    trimmed: int
    places: dict[str, str] = {}


class Head(Struct, frozen=True, kw_only=True):
    """`root`: in hexadecimal digits. `positions`: of each shard, behind which change the next one is to be read.

    `caught_up_at`: when the log was last brought up to date; whatever had changed by then has its entry.

    `staged`: the object that holds what follows from the last move, until all of it is done. `trimmed`: how often
    changes were gone before they were read. `swept_at`, `swept_trimmed`: when the last sweep that went through all of
    the table began, and after how many of those. `sweep`: the one that has not yet.
    """

    size: int
    root: str
    at: datetime
    verifier_key: str
    positions: dict[str, str]
    caught_up_at: datetime | None = None
    staged: str = ""
    trimmed: int = 0
    swept_at: datetime
    swept_trimmed: int = 0
    sweep: Sweep | None = None


class VersionedHead(NamedTuple):
    """A head, and the document that it stands in: the next one is written over exactly this."""

    head: Head
    document: Document


class StagedMove(Struct, frozen=True):
    """What follows from a move of the head: files by name, the checkpoint as the log signed it, marks in the table."""

    files: dict[str, bytes]
    checkpoint: str
    marks: tuple[IndexEntry, ...]


def load(documents: Documents) -> VersionedHead | None:
    """Raises StoreFailed."""
    document = documents.get([table.LOG_HEAD]).get(table.LOG_HEAD)
    return None if document is None else VersionedHead(table.read(document, Head), document)


def move(documents: Documents, over: VersionedHead | None, head: Head) -> VersionedHead:
    """Raises VersionConflict where another head stands, StoreFailed."""
    document = table.write(table.LOG_HEAD, over.document if over else None, head)
    documents.commit([document])
    return VersionedHead(head, document)


def stage(files: Mapping[str, bytes], checkpoint: str, marks: tuple[IndexEntry, ...]) -> bytes:
    """The staged object's bytes."""
    return msgspec.msgpack.encode(StagedMove(dict(files), checkpoint, marks))


def staged(data: bytes) -> StagedMove:
    """Raises StoreFailed."""
    try:
        return msgspec.msgpack.decode(data, type=StagedMove)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("a staged object cannot be read") from error
