"""Reading the table's stream on from where the head stands: every change once, and in order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from duecare.errors import Trimmed
from duecare.ports import Change, Page, Shard, Stream
from duecare.usecases.head import ENDED


class Read(NamedTuple):
    """What was read on: the changes, and the positions behind them. `tip`: there was nothing more to be read.
    `trimmed`: how often changes were gone before they were read."""

    changes: tuple[Change, ...]
    positions: dict[str, str]
    tip: bool
    trimmed: int

    @property
    def last_at(self) -> datetime | None:
        return max((change.at for change in self.changes), default=None)


def read_on(stream: Stream, positions: Mapping[str, str], limit: int) -> Read:
    """Up to about `limit` changes behind these positions. Raises StoreFailed.

    A shard is read only when its parent has been read to its end, or is gone: a document's earlier versions stand in
    the parent, and are logged first. A shard that is gone is forgotten.
    """
    shards = stream.shards()
    listed = {shard.id for shard in shards}
    after = {shard: position for shard, position in positions.items() if shard in listed}
    # A shard that went before it was read to its end took changes with it.
    trimmed = sum(shard not in listed and position != ENDED for shard, position in positions.items())
    changes: list[Change] = []
    tip = True
    for shard in shards:
        position = after.get(shard.id, "")
        if position == ENDED or not _is_ready(shard, listed, after) or len(changes) >= limit:
            tip = tip and position == ENDED
            continue
        page, lost = _page(stream, shard.id, position, limit - len(changes))
        trimmed += lost
        changes += page.changes
        if page.changes or page.ended:
            tip = False
            after[shard.id] = ENDED if page.ended else page.changes[-1].position
        elif lost:
            after[shard.id] = ""
    return Read(tuple(changes), after, tip, trimmed)


def _is_ready(shard: Shard, listed: set[str], after: Mapping[str, str]) -> bool:
    return shard.parent is None or shard.parent not in listed or after.get(shard.parent) == ENDED


def _page(stream: Stream, shard: str, position: str, limit: int) -> tuple[Page, int]:
    """From this position on; where it is too old, from the oldest change that there is, and that is told."""
    try:
        return stream.read(shard, position, limit), 0
    except Trimmed:
        return stream.read(shard, "", limit), 1
