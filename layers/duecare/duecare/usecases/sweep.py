"""What has no entry although the stream was read to its tip: its change was lost before it was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar

from duecare.errors import StoreFailed
from duecare.evidence.stored import PREFIXES
from duecare.ports import Documents, Key, Marks
from duecare.usecases.logged import Loggable, loggable

T = TypeVar("T")

MOST = 10_000  # suspects of one sweep; where there are more, the next one follows at once
KEYS_A_READ = 100


class Suspects(NamedTuple):
    """Records without an entry, by key and version; when they were seen, and how often changes had been lost by then.
    `all`: there were no more of them. `unreadable`: how many documents could not be read."""

    keys: dict[Key, int]
    at: datetime
    trimmed: int
    all: bool
    unreadable: int


def pointed(documents: Documents, records: Iterable[Loggable]) -> set[Key]:
    """The pointers of those that have their entry. Raises StoreFailed.

    Pointers are written before the head names no staged object any more: whoever has finished what the head names sees
    those of every entry that there is.
    """
    found: set[Key] = set()
    for keys in parts([record.pointer for record in records], KEYS_A_READ):
        found |= set(documents.get(keys))
    return found


def once(records: Iterable[Loggable]) -> list[Loggable]:
    """Each record as it came first."""
    first: dict[Key, Loggable] = {}
    for record in records:
        first.setdefault(record.pointer, record)
    return list(first.values())


def suspect(marks: Marks, documents: Documents, now: datetime, trimmed: int) -> Suspects:
    """The first look: records of the table that have no entry now. Raises StoreFailed."""
    keys: dict[Key, int] = {}
    unreadable = 0
    standing = marks.unmarked(PREFIXES)
    while some := list(islice(standing, KEYS_A_READ)):
        records = []
        for document in some:
            try:
                record = loggable(document, now)
            except StoreFailed:
                unreadable += 1
                continue
            records += [record] if record else []
        known = pointed(documents, records)
        keys |= {one.document.key: one.document.version for one in records if one.pointer not in known}
        if len(keys) >= MOST:
            return Suspects(keys, now, trimmed, False, unreadable)
    return Suspects(keys, now, trimmed, True, unreadable)


def still_without(documents: Documents, suspects: Mapping[Key, int], now: datetime) -> list[Loggable]:
    """The second look: those that stand as they did, and have no entry yet. Raises StoreFailed."""
    still: list[Loggable] = []
    for keys in parts(list(suspects), KEYS_A_READ):
        standing = documents.get(keys)
        same = [standing[key] for key in keys if key in standing and standing[key].version == suspects[key]]
        records = [record for document in same if (record := loggable(document, now))]
        known = pointed(documents, records)
        still += [record for record in records if record.pointer not in known]
    return still


def parts(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (things[at : at + size] for at in range(0, len(things), size))
