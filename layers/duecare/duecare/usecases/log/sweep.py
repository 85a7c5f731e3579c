"""What has no entry although the stream was read to its tip: its change was lost before it was read. And what has its
entry and may leave the table one day: when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from duecare.ports import Document, Documents, Key, LogIndex
from duecare.usecases.log.head import Head, Sweep
from duecare.usecases.log.loggable import Loggable, loggable
from duecare_core.errors import StoreFailed
from duecare_core.evidence.item_keys import LOGGED_PREFIXES

T = TypeVar("T")

MOST = 10_000  # suspects of a stretch, about
KEYS_A_READ = 100


class ScanSegment(NamedTuple):
    """What the first look at a stretch of the table found.

    `suspects`: records without an entry, by key and version, as they were seen `at`. `sweep`: what the stretch is of,
    with the places from which the next one goes on, if this is not the last. `over`: what the head had swept before.
    `unreadable`: how many documents could not be read.
    """

    suspects: dict[Key, int]
    at: datetime
    sweep: Sweep
    over: SweepProgress
    unreadable: int


class SweepProgress(NamedTuple):
    """How far the head says that sweeps have come."""

    at: datetime
    trimmed: int
    sweep: Sweep | None


def swept(head: Head) -> SweepProgress:
    return SweepProgress(head.swept_at, head.swept_trimmed, head.sweep)


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


class SweptTable(NamedTuple):
    """The table as a sweep sees it; `stays`: how long a decision or a statement stands in it, from its own time on."""

    marks: LogIndex
    documents: Documents
    stays: timedelta


def look(table: SweptTable, sweep: Sweep, over: SweepProgress, now: datetime, more: Callable[[], bool]) -> ScanSegment:
    """The first look at a stretch of the table: which records have no entry now. It ends with the table, where `more`
    says that the time is short, or where there are many. Raises StoreFailed.

    Those that have their entry, and so their copy, get their time to leave on the way.
    """
    suspects: dict[Key, int] = {}
    unreadable, places = 0, sweep.places
    while True:
        scanned = table.marks.unmarked(LOGGED_PREFIXES, places)
        for some in parts(scanned.documents, KEYS_A_READ):
            records = _readable(some, now)
            unreadable += len(some) - len(records)
            suspects |= _sorted_out(table, records)
        places = scanned.places
        if not places or len(suspects) >= MOST or not more():
            return ScanSegment(suspects, now, Sweep(sweep.at, sweep.trimmed, places), over, unreadable)


def _sorted_out(table: SweptTable, records: Sequence[Loggable]) -> dict[Key, int]:
    """Those without an entry. The pointer is what says that a record, in just this version, has one: what has none yet
    must not leave."""
    known = pointed(table.documents, records)
    leaving = [record.leaving(table.stays) for record in records if record.pointer in known]
    table.marks.leave([one for one in leaving if one])
    return {one.document.key: one.document.version for one in records if one.pointer not in known}


def _readable(documents: Iterable[Document], now: datetime) -> list[Loggable]:
    found: list[Loggable] = []
    for document in documents:
        try:
            record = loggable(document, now)
        except StoreFailed:
            continue
        found += [record] if record else []
    return found


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
