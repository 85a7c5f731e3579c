"""Reading the table's stream on from where the head stands: every change once, and in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from duecare.ports import Change, Shard, Stream, StreamPage
from duecare.usecases.log.head import ENDED
from duecare_core.errors import StreamTrimmed


class StreamBatch(NamedTuple):
    """What was read on: the changes, and the positions behind them. `tip`: all that the stream held is among them, or
    was read before. `trimmed`: how often changes were gone before they were read."""

    changes: tuple[Change, ...]
    positions: dict[str, str]
    tip: bool
    trimmed: int

    @property
    def last_at(self) -> datetime | None:
        return max((change.at for change in self.changes), default=None)


def read_on(stream: Stream, positions: Mapping[str, str], limit: int) -> StreamBatch:
    """Up to about `limit` changes behind these positions. Raises StoreFailed.

    A shard is read only when its parent has been read to its end, or is gone: a document's earlier versions stand in
    the parent, and are logged first. A shard that is gone is forgotten.
    """
    shards = stream.shards()
    listed = {shard.id for shard in shards}
    after = {shard: position for shard, position in positions.items() if shard in listed}
    trimmed = _lost(shards, positions)
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
        page, lost = _page(stream, shard.id, position, left)
        trimmed += lost
        changes += page.changes
        after[shard.id] = _behind(page, "" if lost else position)
        # What comes after the end of a shard stands in its children.
        tip = tip and not page.ended and len(page.changes) < left
    return StreamBatch(tuple(changes), after, tip, trimmed)


def _lost(shards: Sequence[Shard], positions: Mapping[str, str]) -> int:
    """How many shards took changes with them: they went before they were read to their end, or were never seen."""
    listed = {shard.id for shard in shards}
    unfinished = sum(shard not in listed and position != ENDED for shard, position in positions.items())
    # A shard is known as soon as it may be read. The parent of a new one that is neither there nor known came and went
    # in between; what there was before the log began is nobody's loss.
    unseen = {shard.parent for shard in shards if shard.id not in positions and shard.parent} - listed - set(positions)
    return unfinished + (len(unseen) if positions else 0)


def _behind(page: StreamPage, position: str) -> str:
    if page.ended:
        return ENDED
    return page.changes[-1].position if page.changes else position


def _is_ready(shard: Shard, listed: set[str], after: Mapping[str, str]) -> bool:
    return shard.parent is None or shard.parent not in listed or after.get(shard.parent) == ENDED


def _page(stream: Stream, shard: str, position: str, limit: int) -> tuple[StreamPage, int]:
    """From this position on; where it is too old, from the oldest change that there is, and that is told."""
    try:
        return stream.read(shard, position, limit), 0
    except StreamTrimmed:
        return stream.read(shard, "", limit), 1
