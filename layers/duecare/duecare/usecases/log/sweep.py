"""The sweep: a scan of the whole table, in segments.

It finds records that the stream never delivered: they have no log entry although the log has caught up. And it sets the
TTL of the records that have one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from duecare.ports import Document, Documents, Key, LogIndex
from duecare.usecases.log.head import Head, Sweep
from duecare.usecases.log.loggable import EXPIRING, Loggable, loggable
from duecare_core.errors import StoreFailed
from duecare_core.evidence.item_keys import LOGGED_PREFIXES

T = TypeVar("T")

MAX_SUSPECTS = 10_000  # of a segment, about
MAX_KEYS_READ = 100


class ScanSegment(NamedTuple):
    """The result of scanning a segment of the table.

    `suspects`: key and version of the records that had no log entry `at` this time. `sweep`: the sweep, with the
    cursors of its next segment, if this is not the last one. `started_from`: the head's progress at the start.
    `unreadable`: the number of documents that could not be read.
    """

    suspects: dict[Key, int]
    at: datetime
    sweep: Sweep
    started_from: SweepProgress
    unreadable: int


class SweepProgress(NamedTuple):
    """The progress of sweeps according to the head."""

    at: datetime
    trimmed: int
    sweep: Sweep | None


class SweptTable(NamedTuple):
    """The table as a sweep accesses it. `retention`: how long it keeps a decision or a statement."""

    log_index: LogIndex
    documents: Documents
    retention: timedelta


def progress(head: Head) -> SweepProgress:
    return SweepProgress(head.swept_at, head.swept_trimmed, head.sweep)


def existing_pointers(documents: Documents, records: Iterable[Loggable]) -> set[Key]:
    """The pointers of those records that have their log entry. Raises StoreFailed.

    Pointers are written before the head's `staged` is cleared, so once the staged move is finished every entry has its
    pointer.
    """
    found: set[Key] = set()
    for keys in chunks([record.pointer for record in records], MAX_KEYS_READ):
        found |= set(documents.get(keys))
    return found


def lost_with_the_table(documents: Documents, records: Iterable[Loggable]) -> set[Key]:
    """The pointers of those decisions and statements that a stream still delivers, although a restored table has lost
    them. They have their entries, and no pointers. Raises StoreFailed."""
    lost: set[Key] = set()
    expiring = [one for one in records if one.document.key.pk.startswith(EXPIRING)]
    for some in chunks(expiring, MAX_KEYS_READ):
        stored = documents.get({one.document.key for one in some})
        for one in some:
            now, then = stored.get(one.document.key), one.document
            if now is None or (now.version == then.version and (now.body, now.sealed) != (then.body, then.sealed)):
                lost.add(one.pointer)
    return lost


def without_duplicates(records: Iterable[Loggable]) -> list[Loggable]:
    """The first occurrence of each record."""
    first: dict[Key, Loggable] = {}
    for record in records:
        first.setdefault(record.pointer, record)
    return list(first.values())


def scan_segment(
    table: SweptTable, sweep: Sweep, started_from: SweepProgress, now: datetime, has_time: Callable[[], bool]
) -> ScanSegment:
    """Scan a segment of the table for records without a log entry, and set the TTL of those that have one.

    The segment ends with the table, when the time is up, or when there are many suspects. Raises StoreFailed.
    """
    suspects: dict[Key, int] = {}
    unreadable, cursors = 0, sweep.cursors
    while True:
        page = table.log_index.scan_unindexed(LOGGED_PREFIXES, cursors)
        for documents in chunks(page.documents, MAX_KEYS_READ):
            records = _readable(documents, now)
            unreadable += len(documents) - len(records)
            suspects |= _expire_logged(table, records)
        cursors = page.cursors
        if not cursors or len(suspects) >= MAX_SUSPECTS or not has_time():
            return ScanSegment(suspects, now, Sweep(sweep.at, sweep.trimmed, cursors), started_from, unreadable)


def _expire_logged(table: SweptTable, records: Sequence[Loggable]) -> dict[Key, int]:
    """Set the TTL of those that have a log entry for exactly this version. Returns the others."""
    pointers = existing_pointers(table.documents, records)
    expiries = [record.expiry(table.retention) for record in records if record.pointer in pointers]
    table.log_index.expire([one for one in expiries if one])
    return {one.document.key: one.document.version for one in records if one.pointer not in pointers}


def _readable(documents: Iterable[Document], now: datetime) -> list[Loggable]:
    found: list[Loggable] = []
    for document in documents:
        try:
            record = loggable(document, now)
        except StoreFailed:
            continue
        found += [record] if record else []
    return found


def still_without_entry(documents: Documents, suspects: Mapping[Key, int], now: datetime) -> list[Loggable]:
    """The suspects that are stored unchanged and still have no log entry. Raises StoreFailed."""
    still: list[Loggable] = []
    for keys in chunks(list(suspects), MAX_KEYS_READ):
        stored = documents.get(keys)
        unchanged = [stored[key] for key in keys if key in stored and stored[key].version == suspects[key]]
        records = [record for document in unchanged if (record := loggable(document, now))]
        pointers = existing_pointers(documents, records)
        still += [record for record in records if record.pointer not in pointers]
    return still


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))
