"""Reads the table's stream from the positions in the head: every change once, the changes of a document in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from duecare.ports import Change, Shard, Stream, StreamPage
from duecare.usecases.log.head import ENDED
from duecare_core.errors import StreamTrimmed


class StreamBatch(NamedTuple):
    """The changes read, and the positions after them. `tip`: the stream has no further changes. `trimmed`: how often
    changes had been trimmed before they were read."""

    changes: tuple[Change, ...]
    positions: dict[str, str]
    tip: bool
    trimmed: int

    @property
    def last_at(self) -> datetime | None:
        return max((change.at for change in self.changes), default=None)


def read_on(stream: Stream, positions: Mapping[str, str], limit: int) -> StreamBatch:
    """About `limit` changes after these positions, at most. Raises StoreFailed.

    A shard is read only after its parent has been read to its end or trimmed: the parent has the earlier versions of
    its documents, which are logged first. The positions of trimmed shards are dropped.
    """
    shards = stream.shards()
    listed = {shard.id for shard in shards}
    after = {shard: position for shard, position in positions.items() if shard in listed}
    trimmed = _trimmed_unread(shards, positions)
    changes: list[Change] = []
    tip = True
    for shard in shards:
        position = after.get(shard.id, "")
        if position == ENDED:
            continue
        if not _is_ready(shard, listed, after):
            tip = False
            continue
        after.setdefault(shard.id, "")
        left = limit - len(changes)
        if not left:
            tip = False
            continue
        page, was_trimmed = _page(stream, shard.id, position, left)
        trimmed += was_trimmed
        changes += page.changes
        after[shard.id] = _position_after(page, "" if was_trimmed else position)
        # Changes after the end of a shard are in its children.
        tip = tip and not page.ended and len(page.changes) < left
    return StreamBatch(tuple(changes), after, tip, trimmed)


def _trimmed_unread(shards: Sequence[Shard], positions: Mapping[str, str]) -> int:
    """The number of shards trimmed with unread changes: not read to their end, or never listed."""
    listed = {shard.id for shard in shards}
    unfinished = sum(shard not in listed and position != ENDED for shard, position in positions.items())
    # Every listed shard gets a position as soon as it is readable. So the unlisted parent of a new shard, if it has no
    # position, was created and trimmed between two reads. Before the log began (no positions) nothing can be lost.
    unseen = {shard.parent for shard in shards if shard.id not in positions and shard.parent} - listed - set(positions)
    return unfinished + (len(unseen) if positions else 0)


def _position_after(page: StreamPage, position: str) -> str:
    if page.ended:
        return ENDED
    return page.changes[-1].position if page.changes else position


def _is_ready(shard: Shard, listed: set[str], after: Mapping[str, str]) -> bool:
    return shard.parent is None or shard.parent not in listed or after.get(shard.parent) == ENDED


def _page(stream: Stream, shard: str, position: str, limit: int) -> tuple[StreamPage, int]:
    """The page after this position, and 0; if the position is too old, the oldest page, and 1."""
    try:
        return stream.read(shard, position, limit), 0
    except StreamTrimmed:
        return stream.read(shard, "", limit), 1
