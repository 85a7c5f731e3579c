"""The sequencer: gives every record its one entry in the log. The steps of docs/how-it-works.md, numbered as there.

Exactly one, because the place in the stream up to which records have entries stands in the head, beside the size that
they made, and both move in one conditional write. Any number of sequencers may run: one moves the head, others start
over. A crash anywhere leaves nothing that counts, or a head that names a staged object, which whoever comes next
finishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import structs

from duecare.ports import Archive, Change, Clock, Documents, Entropy, LogFiles, LogIndex, Stream
from duecare.usecases.log import head as heads
from duecare.usecases.log.archive_names import rules_name
from duecare.usecases.log.head import Head, Sweep, VersionedHead
from duecare.usecases.log.loggable import Loggable, loggable, marks
from duecare.usecases.log.published_log import CHECKPOINT
from duecare.usecases.log.stream_reader import read_on
from duecare.usecases.log.sweep import (
    KEYS_A_READ,
    ScanSegment,
    SweptTable,
    look,
    once,
    parts,
    pointed,
    still_without,
    swept,
)
from duecare.usecases.log.tree_growth import grow
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import Contention, SecretsFailed, StoreFailed, VersionConflict
from duecare_core.evidence.log.merkle import EMPTY_ROOT
from duecare_core.evidence.log.note import Checkpoint, LogKey, parse_checkpoint, parse_note

LIMIT = 2000  # changes a move of the head
# Where so many changes were read and none was a record, the head moves all the same; below that it does not, for each
# move is itself a change, and there would be no end to it.
IN_VAIN = 5000
# At the tip it moves so often all the same. The stream forgets a change after 24 hours: a place that had not been noted
# since would look as if changes had been lost. (No place is older for want of changes behind it: DynamoDB closes each
# shard after about four hours, and then it counts as read to its end.)
HEARTBEAT = timedelta(minutes=10)
ATTEMPTS = 20
# How often what has no entry is looked for, and how long what was found must have none before it is given one: far
# longer than any change can be on its way from the table into the stream.
SWEEP_EVERY = timedelta(days=1)
SUSPECT_FOR = timedelta(minutes=10)


class SequencerDeps(NamedTuple):
    """What the sequencer reads and writes. `cosign` answers a checkpoint's note with the witnesses' signatures."""

    stream: Stream
    documents: Documents
    files: LogFiles
    archive: Archive
    marks: LogIndex
    clock: Clock
    entropy: Entropy
    cosign: Callable[[str], str] = lambda note: note


class SequencerStats(NamedTuple):
    """What a run did: the log's size, how many entries were added and how many of these by a sweep, how often changes
    were gone before they were read, how many records could not be read, and how far behind it is (0 at the tip)."""

    size: int
    added: int
    swept: int
    trimmed: int
    unreadable: int
    lag: timedelta


class Sequencer:
    """`retention`: how long copies are locked; what the table says of where decisions are stays as long, and `stays`
    longer. `stays`: how long a decision or a statement stands in the table, from its own time on, once it has its entry
    and its copy."""

    def __init__(
        self, world: SequencerDeps, log_key: LogKey, rules: Rules, *, retention: timedelta, stays: timedelta
    ) -> None:
        self._world = world
        self._key = log_key
        self._rules = rules
        self._retention = retention
        self._stays = stays
        self._prepared = False
        self._ahead: tuple[int, dict[str, str], int] | None = None  # read in vain beyond this version of the head
        self._stretch: ScanSegment | None = None  # of the table, which was looked at once

    def __call__(self, more: Callable[[], bool]) -> SequencerStats:
        """Until the tip of the stream is reached, or `more` says that the time is short. Raises CannotDecide: what was
        begun is finished by the next."""
        passed = SequencerStats(0, 0, 0, 0, 0, timedelta(0))
        contended = 0
        while True:
            try:
                passed, tip = self._pass(passed, more)
            except VersionConflict:
                contended += 1
                if contended == ATTEMPTS:
                    raise Contention("other sequencers were first, again and again") from None
                continue
            contended = 0
            if tip or not more():
                return passed

    def _pass(self, passed: SequencerStats, more: Callable[[], bool]) -> tuple[SequencerStats, bool]:
        """One move of the head at most. Raises VersionConflict where another sequencer was first."""
        # 1. Load the head, and finish what it names.
        standing = self._head()
        # 2. Read on.
        began = self._world.clock()
        version, positions, vain = self._ahead or (0, {}, 0)
        if version != standing.document.version:
            positions, vain = standing.head.positions, 0
        read = read_on(self._world.stream, positions, LIMIT)
        records, unreadable = self._records(standing.head, read.changes)
        vain += len(read.changes)
        moved = structs.replace(
            standing.head,
            positions=read.positions,
            trimmed=standing.head.trimmed + read.trimmed,
            caught_up_at=began if read.tip else standing.head.caught_up_at,
        )
        noted_at = standing.head.caught_up_at or standing.head.at
        if records or read.trimmed or vain >= IN_VAIN or (read.tip and began - noted_at >= HEARTBEAT):
            standing = self._log(standing, moved, records)
        else:
            self._ahead = (standing.document.version, read.positions, vain)
        lag = timedelta(0) if read.tip or not read.last_at else began - read.last_at
        passed = passed._replace(
            size=standing.head.size,
            added=passed.added + len(records),
            trimmed=passed.trimmed + read.trimmed,
            unreadable=passed.unreadable + unreadable,
            lag=lag,
        )
        return self._sweep(standing, passed, more) if read.tip else passed, read.tip

    def _records(self, head: Head, changes: Sequence[Change]) -> tuple[list[Loggable], int]:
        """The records among these changes that have no entry yet; and how many documents could not be read.

        A change comes once and in order, so a record that comes has no entry; but a sweep may have been first, and a
        stream that gives a change twice would give a record two. Whoever comes after the log had caught up with its
        time is therefore looked for, and so is every one where they are few; a backlog is not slowed down.
        """
        found: list[Loggable] = []
        late: list[Loggable] = []
        unreadable = 0
        for change in changes:
            try:
                record = loggable(change.document, change.at) if change.document else None
            except StoreFailed:  # told, and told again by every sweep; what else there is must not wait for it
                unreadable += 1
                continue
            if record is None:
                continue
            found.append(record)
            if head.caught_up_at and change.at <= head.caught_up_at:
                late.append(record)
        asked = found if len(found) <= KEYS_A_READ else late
        known = pointed(self._world.documents, asked)
        return [record for record in once(found) if record.pointer not in known], unreadable

    def _head(self) -> VersionedHead:
        standing = heads.load(self._world.documents)
        if standing is None:
            standing = heads.move(self._world.documents, None, self._empty())
        if standing.head.verifier_key != self._key.verifier_key:
            raise SecretsFailed("the log's key is not the one that has signed this log")
        if standing.head.staged:
            standing = self._finish(standing)
        if not self._prepared:
            # 3. (for the rules) A copy of the rules in force: a case file needs them as they were.
            rules = {rules_name(self._rules.digest): self._rules.pack.data}
            self._world.archive.keep(rules, self._kept_until())
            if self._world.files.read(CHECKPOINT) is None:
                self._publish(self._signed(standing.head.size, bytes.fromhex(standing.head.root)))
            self._prepared = True
        return standing

    def _empty(self) -> Head:
        # Never swept: what was written before there was a log has no change in the stream any more.
        return Head(
            size=0,
            root=EMPTY_ROOT.hex(),
            at=self._world.clock(),
            verifier_key=self._key.verifier_key,
            positions={},
            swept_at=datetime.fromtimestamp(0, UTC),
        )

    def _log(self, standing: VersionedHead, moved: Head, records: Sequence[Loggable]) -> VersionedHead:
        """Give these records their entries: move the head, and do what follows. Raises VersionConflict."""
        if not records:
            return heads.move(self._world.documents, standing, moved)
        # 3. Copies into the archive. Their names say what they hold, so that again is no harm.
        kept_until = self._kept_until()
        self._world.archive.keep({record.name: record.copy for record in records}, kept_until)
        # 4. Everything that follows from the move, as one staged object.
        size, root = standing.head.size, bytes.fromhex(standing.head.root)
        grown = grow(self._world.files, size, root, [record.entry for record in records])
        says = marks(records, size, kept_until + self._stays)
        name = f"staging/{grown.size}-{self._world.entropy(16).hex()}"
        self._world.files.write({name: heads.stage(grown.files, self._signed(grown.size, grown.root), says)})
        # 5. The head, by compare-and-swap: from here on the records have their entries.
        moved = structs.replace(moved, size=grown.size, root=grown.root.hex(), at=self._world.clock(), staged=name)
        try:
            standing = heads.move(self._world.documents, standing, moved)
        except VersionConflict:
            self._drop(name, standing)
            raise
        return self._finish(standing)

    def _finish(self, standing: VersionedHead) -> VersionedHead:
        """What follows from the last move. Whoever finds it undone does it, and it may be done by several."""
        name = standing.head.staged
        data = self._world.files.read(name)
        if data is None:
            self._check_moved_on(standing)
            raise VersionConflict("another one has finished, and moved the head on")
        staged = heads.staged(data)
        self._world.files.write(staged.files)  # 6. tiles and entries, under their own names
        self._publish(staged.checkpoint)  # 7. the checkpoint
        self._world.marks.mark(staged.marks)  # 8. what the table says of the records
        # 9. The head names it no more, and 10. it goes.
        standing = heads.move(self._world.documents, standing, structs.replace(standing.head, staged=""))
        self._world.files.delete(name)
        return standing

    def _check_moved_on(self, standing: VersionedHead) -> None:
        """Raises StoreFailed where the head still names what is not there: nobody can finish that move."""
        now = heads.load(self._world.documents)
        if now and now.document.version == standing.document.version:
            raise StoreFailed(f"the head names {standing.head.staged}, and it is gone")

    def _drop(self, name: str, over: VersionedHead) -> None:
        """A staged object that lost. If even that fails the bucket's lifecycle removes it; but it may not be one that
        has won after all, in a write whose answer was lost, or may yet win: only what another head stands over."""
        now = heads.load(self._world.documents)
        if now and now.document.version > over.document.version and now.head.staged != name:
            self._world.files.delete(name)

    def _publish(self, note: str) -> None:
        """The checkpoint never goes back: it is written over what was read, and only if that is smaller."""
        size = _size(note)
        cosigned: str | None = None
        for _ in range(ATTEMPTS):
            published = self._world.files.read(CHECKPOINT)
            if published is not None and _size(published.decode()) >= size:
                return
            cosigned = cosigned or self._world.cosign(note)
            if self._world.files.publish(CHECKPOINT, cosigned.encode(), published):
                return
        raise Contention("the checkpoint was published by others, again and again")

    def _signed(self, size: int, root: bytes) -> str:
        return self._key.sign(Checkpoint(self._key.name, size, root).text())

    def _kept_until(self) -> datetime:
        return self._world.clock() + self._retention

    def _sweep(self, standing: VersionedHead, passed: SequencerStats, more: Callable[[], bool]) -> SequencerStats:
        """Look for records without an entry in a stretch of the table, and, if they still have none a while later, give
        them one. Only then the head says that the stretch is done: where this process ends before, it is looked at
        again.

        Between the two looks the stream is read to its tip again. A record that the first look saw was written before,
        so its change came before that tip, and was logged if it came at all. Should it come later still, it is found
        to have its entry (`_records`): no record gets two.
        """
        now, head = self._world.clock(), standing.head
        if self._stretch and self._stretch.over != swept(head):
            self._stretch = None  # another one was first, and has seen to what was found here
        if self._stretch is None:
            sweep = head.sweep or self._due(head, now)
            if sweep is None or not more():
                return passed
            table = SweptTable(self._world.marks, self._world.documents, self._stays)
            self._stretch = look(table, sweep, swept(head), now, more)
            passed = passed._replace(unreadable=passed.unreadable + self._stretch.unreadable)
        stretch = self._stretch
        if stretch.suspects and stretch.at + SUSPECT_FOR > now:
            return passed
        records = still_without(self._world.documents, stretch.suspects, now)
        for some in parts(records, LIMIT):
            standing = self._log(standing, standing.head, some)
        heads.move(self._world.documents, standing, _swept_on(standing.head, stretch.sweep))
        self._stretch = None
        swept_now = passed.swept + len(records)
        return passed._replace(size=standing.head.size, added=passed.added + len(records), swept=swept_now)

    def _due(self, head: Head, now: datetime) -> Sweep | None:
        due = head.swept_at + SWEEP_EVERY <= now or head.trimmed > head.swept_trimmed
        return Sweep(now, head.trimmed) if due else None


def _swept_on(head: Head, sweep: Sweep) -> Head:
    """The head behind a stretch: where the next one begins, or that there is none."""
    if sweep.places:
        return structs.replace(head, sweep=sweep)
    return structs.replace(head, swept_at=sweep.at, swept_trimmed=sweep.trimmed, sweep=None)


def _size(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).size
