"""The sequencer: gives every record exactly one entry in the log. The steps of docs/architecture.md, numbered as there.

Exactly one, because the head holds both the size of the log and the stream positions up to which records are logged,
and one conditional write moves both. Any number of sequencers may run: one moves the head, the others start over. After
a crash either nothing has counted, or the head names a staged object, and the next sequencer finishes that move.

A checkpoint is signed only for a head that is stored, and only after the published checkpoint has been read and found
to be a prefix of it (continuity.py). A table that is older than its log, such as a restored one, signs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from msgspec import structs

from duecare.ports import Archive, Change, Clock, Documents, Entropy, LogFiles, LogIndex, Stream
from duecare.usecases.log import head as heads
from duecare.usecases.log.archive_names import rules_name
from duecare.usecases.log.continuity import PublishedCheckpoint, read_published, require_extension
from duecare.usecases.log.head import Head, StagedMove, Sweep, VersionedHead
from duecare.usecases.log.loggable import Loggable, index_entries, loggable, named
from duecare.usecases.log.published_log import CHECKPOINT, Tiles
from duecare.usecases.log.stream_reader import read_on
from duecare.usecases.log.sweep import (
    MAX_KEYS_READ,
    ScanSegment,
    SweptTable,
    chunks,
    existing_pointers,
    lost_with_the_table,
    progress,
    scan_segment,
    still_without_entry,
    without_duplicates,
)
from duecare.usecases.log.tree_growth import grow
from duecare.usecases.retry import retry_on_conflict
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import Contention, LogDiverged, SecretsFailed, StoreFailed, VersionConflict
from duecare_core.evidence.log.merkle import EMPTY_ROOT, Read
from duecare_core.evidence.log.note import Checkpoint, LogKey

MAX_CHANGES = 2000  # in one move of the head
# The head moves although there are no records, so that the positions advance, only after this many changes. A move is
# itself a change, so moving for every change would never end.
MAX_UNPRODUCTIVE = 5000
# At the tip the head also moves this often. The stream trims a change after 24 hours, so an older position would look
# as if changes had been lost. (A quiet shard has no old position: DynamoDB closes a shard after about four hours.)
HEARTBEAT = timedelta(minutes=10)
MAX_ATTEMPTS = 20
# How often the table is swept, and how long a record must be without an entry before the sweep logs it: far longer than
# a change takes from the table into the stream.
SWEEP_EVERY = timedelta(days=1)
SUSPECT_FOR = timedelta(minutes=10)


class SequencerDeps(NamedTuple):
    """`cosign` returns a checkpoint's note with the witnesses' signatures."""

    stream: Stream
    documents: Documents
    files: LogFiles
    archive: Archive
    log_index: LogIndex
    clock: Clock
    entropy: Entropy
    cosign: Callable[[str], str] = lambda note: note


class SequencerStats(NamedTuple):
    """The results of a run: the log's size, the entries added, those among them that a sweep found, how often changes
    had been trimmed before they were read, the unreadable documents, and how far the log is behind (0 at the tip)."""

    size: int
    added: int
    swept: int
    trimmed: int
    unreadable: int
    lag: timedelta


class Sequencer:
    """`retention`: how long copies are locked. `table_retention`: how long the table keeps a decision or a statement,
    counted from the record's own time, once it has its entry and its copy. The index of decisions is kept for both
    together."""

    def __init__(
        self, deps: SequencerDeps, log_key: LogKey, rules: Rules, *, retention: timedelta, table_retention: timedelta
    ) -> None:
        self._deps = deps
        self._key = log_key
        self._rules = rules
        self._retention = retention
        self._table_retention = table_retention
        self._prepared = False
        # Version of the head, and the positions read beyond it without finding a record, and how many changes that was.
        self._ahead: tuple[int, dict[str, str], int] | None = None
        self._segment: ScanSegment | None = None  # scanned, and waiting for the second look

    def __call__(self, has_time: Callable[[], bool]) -> SequencerStats:
        """Run until the tip of the stream is reached or the time is up.

        Raises CannotDecide: the next run finishes what was begun. It does not after LogDiverged: the table is older
        than its log, nothing was signed, and an operator must act (docs/restore.md).
        """
        stats = SequencerStats(0, 0, 0, 0, 0, timedelta(0))
        contention = "other sequencers kept moving the head"
        while True:
            one_pass = partial(self._pass, stats, has_time)
            stats, tip = retry_on_conflict(one_pass, attempts=MAX_ATTEMPTS, contention=contention)
            if tip or not has_time():
                return stats

    def _pass(self, stats: SequencerStats, has_time: Callable[[], bool]) -> tuple[SequencerStats, bool]:
        """At most one move of the head. Returns whether this was the tip. Raises VersionConflict if another sequencer
        moved the head."""
        # 1. Load the head, compare it with the published checkpoint, and finish the move that it names.
        current = self._load_head()
        # 2. Read on.
        began = self._deps.clock()
        version, positions, unproductive = self._ahead or (0, {}, 0)
        if version != current.document.version:
            positions, unproductive = current.head.positions, 0
        batch = read_on(self._deps.stream, positions, MAX_CHANGES)
        records, unreadable = self._new_records(current.head, batch.changes)
        unproductive += len(batch.changes)
        moved = structs.replace(
            current.head,
            positions=batch.positions,
            trimmed=current.head.trimmed + batch.trimmed,
            caught_up_at=began if batch.tip else current.head.caught_up_at,
        )
        last_moved = current.head.caught_up_at or current.head.at
        heartbeat = batch.tip and began - last_moved >= HEARTBEAT
        if records or batch.trimmed or unproductive >= MAX_UNPRODUCTIVE or heartbeat:
            current = self._log(current, moved, records)
        else:
            self._ahead = (current.document.version, batch.positions, unproductive)
        lag = timedelta(0) if batch.tip or not batch.last_at else began - batch.last_at
        stats = stats._replace(
            size=current.head.size,
            added=stats.added + len(records),
            trimmed=stats.trimmed + batch.trimmed,
            unreadable=stats.unreadable + unreadable,
            lag=lag,
        )
        return self._sweep(current, stats, has_time) if batch.tip else stats, batch.tip

    def _new_records(self, head: Head, changes: Sequence[Change]) -> tuple[list[Loggable], int]:
        """The records among these changes that have no entry yet, and the number of unreadable documents.

        The stream delivers each change once and in order, so normally no record has an entry. But a sweep may have
        logged it before, and a stream that delivered a change twice would give its record two entries. So pointers are
        read for the records that are older than the last time when the log had caught up, and for all records if there
        are few; a backlog is not slowed down. A registration may be an old one that the operator has put back after a
        restore (restore_party.py).
        """
        found: list[Loggable] = []
        late: list[Loggable] = []
        before_resumption: list[Loggable] = []
        unreadable = 0
        for change in changes:
            try:
                record = loggable(change.document, change.at) if change.document else None
            except StoreFailed:  # counted here and by every sweep; it must not hold up the other records
                unreadable += 1
                continue
            if record is None:
                continue
            found.append(record)
            if (head.caught_up_at and change.at <= head.caught_up_at) or record.identity.kind == "party":
                late.append(record)
            if head.resumed_at and change.at <= head.resumed_at:
                before_resumption.append(record)
        lost = lost_with_the_table(self._deps.documents, before_resumption)
        found = [record for record in found if record.pointer not in lost]
        logged = existing_pointers(self._deps.documents, found if len(found) <= MAX_KEYS_READ else late)
        return [record for record in without_duplicates(found) if record.pointer not in logged], unreadable

    def _load_head(self) -> VersionedHead:
        """Raises LogDiverged, SecretsFailed, StoreFailed, and VersionConflict if another sequencer moved the head."""
        current = heads.load(self._deps.documents) or self._begin()
        if current.head.verifier_key != self._key.verifier_key:
            raise SecretsFailed("the log's key is not the one that has signed this log")
        if current.head.staged:
            current = self._finish(current)
        read = Tiles(self._deps.files).read
        published = self._compared(current, read)
        if not self._prepared:
            # 3. (for the rules) Archive the rules in force: a case file needs them as they were.
            rules = {rules_name(self._rules.digest): self._rules.pack.data}
            self._deps.archive.put_locked(rules, self._locked_until())
            self._prepared = True
        if published is None or published.checkpoint.size < current.head.size:
            self._publish(current, published, read)
        return current

    def _begin(self) -> VersionedHead:
        """Begin the log, unless it has been published with entries: then this table has lost its head."""
        head = self._empty()
        published = read_published(self._deps.files, self._key.verifier_key)
        if published:
            try:
                require_extension(head, published, Tiles(self._deps.files).read)
            except LogDiverged as diverged:
                if heads.load(self._deps.documents):
                    raise VersionConflict("another sequencer has begun the log") from diverged
                raise LogDiverged(
                    "the table has no head, and a log is published", None, published.checkpoint.size
                ) from diverged
        return heads.move(self._deps.documents, None, head)

    def _compared(self, current: VersionedHead, read: Read) -> PublishedCheckpoint | None:
        """The published checkpoint, after comparing the head with it. `read`: the head's tiles.

        Raises LogDiverged if the head does not extend it, and VersionConflict if the head is no longer the one in the
        table: another sequencer has moved on and published.
        """
        try:
            published = read_published(self._deps.files, self._key.verifier_key)
            require_extension(current.head, published, read)
        except LogDiverged as diverged:
            now = heads.load(self._deps.documents)
            if now and now.document.version != current.document.version:
                raise VersionConflict("another sequencer has moved the head") from diverged
            raise
        return published

    def _empty(self) -> Head:
        # Never swept: records written before the log existed are not in the stream any more.
        return Head(
            size=0,
            root=EMPTY_ROOT.hex(),
            at=self._deps.clock(),
            verifier_key=self._key.verifier_key,
            positions={},
            swept_at=datetime.fromtimestamp(0, UTC),
        )

    def _log(self, current: VersionedHead, moved: Head, records: Sequence[Loggable]) -> VersionedHead:
        """Give these records their entries: move the head, and finish the move. Raises VersionConflict."""
        if not records:
            return heads.move(self._deps.documents, current, moved)
        # 3. Copies into the archive. Their names contain their digests, so repeating this is harmless.
        records = [named(record, resumed=current.head.resumed_at is not None) for record in records]
        locked_until = self._locked_until()
        self._deps.archive.put_locked({record.name: record.copy for record in records}, locked_until)
        # 4. All effects of the move, as one staged object.
        size, root = current.head.size, bytes.fromhex(current.head.root)
        grown = grow(self._deps.files, size, root, [record.entry for record in records])
        entries = index_entries(records, size, locked_until + self._table_retention)
        staged = StagedMove(grown.files, entries)
        name = f"staging/{grown.size}-{self._deps.entropy(16).hex()}"
        self._deps.files.write({name: heads.encode_staged(staged)})
        # 5. The head, by compare-and-swap. From here on the records have their entries.
        moved = structs.replace(
            moved, size=grown.size, root=grown.root.hex(), at=self._deps.clock(), staged=name, moved_from=size
        )
        try:
            current = heads.move(self._deps.documents, current, moved)
        except VersionConflict:
            self._discard(name, current)
            raise
        return self._finish(current)

    def _finish(self, current: VersionedHead) -> VersionedHead:
        """Apply the staged effects of the last move. Several sequencers may do so at the same time."""
        name = current.head.staged
        data = self._deps.files.read(name)
        if data is None:
            self._check_moved_on(current)
            raise VersionConflict("another sequencer has finished the move, and moved the head on")
        staged = heads.decode_staged(data)
        read = Tiles(self._deps.files, staged.files).read
        published = self._compared(current, read)  # before the tiles are written: they might replace published ones
        self._deps.files.write(staged.files)  # 6. Tiles and entry bundles, under their own names.
        self._publish(current, published, read)  # 7. The checkpoint.
        self._deps.log_index.put(staged.index_entries)  # 8. The index of the records.
        # 9. Clear `staged`, and 10. delete the staged object.
        current = heads.move(self._deps.documents, current, structs.replace(current.head, staged=""))
        self._deps.files.delete(name)
        return current

    def _check_moved_on(self, current: VersionedHead) -> None:
        """Raises StoreFailed if the head still names a staged object that does not exist: the move cannot be
        finished. If its checkpoint is published, the move was finished before, and the table is an older copy: raises
        LogDiverged."""
        now = heads.load(self._deps.documents)
        if now and now.document.version != current.document.version:
            return
        published = read_published(self._deps.files, self._key.verifier_key)
        if published and published.checkpoint.size >= current.head.size:
            raise LogDiverged("the table is older than the published log", current.head.size, published.checkpoint.size)
        raise StoreFailed(f"the head names {current.head.staged}, which does not exist")

    def _discard(self, name: str, replaced: VersionedHead) -> None:
        """Delete a staged object whose move was rejected. If that fails, the bucket's lifecycle deletes it.

        The rejected write may have been stored after all, with its response lost, or may still be stored. So the object
        is deleted only if another head has been stored in its place.
        """
        now = heads.load(self._deps.documents)
        if now and now.document.version > replaced.document.version and now.head.staged != name:
            self._deps.files.delete(name)

    def _publish(self, current: VersionedHead, published: PublishedCheckpoint | None, read: Read) -> None:
        """Sign and publish the checkpoint of a stored head, unless it is published. `published`: as `_compared` has
        just found it. The write succeeds only over exactly that. Raises what `_compared` raises, and Contention."""
        cosigned: str | None = None
        for _ in range(MAX_ATTEMPTS):
            if published and published.checkpoint.size == current.head.size:
                return
            cosigned = cosigned or self._deps.cosign(self._signed(current.head))
            replaces = published.data if published else None
            if self._deps.files.publish(CHECKPOINT, cosigned.encode(), replaces):
                return
            published = self._compared(current, read)
        raise Contention("other sequencers kept publishing the checkpoint")

    def _signed(self, head: Head) -> str:
        return self._key.sign(Checkpoint(self._key.name, head.size, bytes.fromhex(head.root)).text())

    def _locked_until(self) -> datetime:
        return self._deps.clock() + self._retention

    def _sweep(self, current: VersionedHead, stats: SequencerStats, has_time: Callable[[], bool]) -> SequencerStats:
        """Scan a segment of the table for records without an entry, and log those that still have none a while later.
        Only then does the head advance past the segment: if this process ends before, the segment is scanned again.

        In between, the stream is read to its tip again. A record that the scan saw was written before, so its change
        came before that tip and was logged, if the stream delivered it. If it is delivered even later, `_new_records`
        finds its pointer. So no record gets two entries.
        """
        now, head = self._deps.clock(), current.head
        if self._segment and self._segment.started_from != progress(head):
            self._segment = None  # another sequencer has dealt with this segment
        if self._segment is None:
            sweep = head.sweep or self._due_sweep(head, now)
            if sweep is None or not has_time():
                return stats
            table = SweptTable(self._deps.log_index, self._deps.documents, self._table_retention)
            self._segment = scan_segment(table, sweep, progress(head), now, has_time)
            stats = stats._replace(unreadable=stats.unreadable + self._segment.unreadable)
        segment = self._segment
        if segment.suspects and segment.at + SUSPECT_FOR > now:
            return stats
        records = still_without_entry(self._deps.documents, segment.suspects, now)
        for group in chunks(records, MAX_CHANGES):
            current = self._log(current, current.head, group)
        heads.move(self._deps.documents, current, _past_segment(current.head, segment.sweep))
        self._segment = None
        return stats._replace(
            size=current.head.size, added=stats.added + len(records), swept=stats.swept + len(records)
        )

    def _due_sweep(self, head: Head, now: datetime) -> Sweep | None:
        due = head.swept_at + SWEEP_EVERY <= now or head.trimmed > head.swept_trimmed
        return Sweep(now, head.trimmed) if due else None


def _past_segment(head: Head, sweep: Sweep) -> Head:
    """The head after a segment: with the cursors of the next one, or with the sweep completed."""
    if sweep.cursors:
        return structs.replace(head, sweep=sweep)
    return structs.replace(head, swept_at=sweep.at, swept_trimmed=sweep.trimmed, sweep=None)
