"""The sequencer: gives every record its one entry in the log. The steps of docs/how-it-works.md, numbered as there.

Exactly one, because the place in the stream up to which records have entries stands in the head, beside the size that
they made, and both move in one conditional write. Any number of sequencers may run: one moves the head, others start
over. A crash anywhere leaves nothing that counts, or a head that names a staged object, which whoever comes next
finishes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import structs

from duecare.domain.rules import Rules
from duecare.errors import Contended, SecretsFailed, Stale, StoreFailed
from duecare.evidence.entry import pack_entries, unpack_entries
from duecare.evidence.merkle import EMPTY_ROOT, TILE_WIDTH, Tile, append, entries_path, leaf_hash
from duecare.evidence.note import Checkpoint, LogKey, parse_checkpoint, parse_note
from duecare.evidence.stored import PREFIXES
from duecare.ports import Archive, Clock, Documents, Entropy, Key, LogFiles, Marks, Stream
from duecare.usecases import head as heads
from duecare.usecases.case_file import rules_name
from duecare.usecases.head import Head, Standing
from duecare.usecases.log_reader import CHECKPOINT
from duecare.usecases.logged import Loggable, loggable
from duecare.usecases.reading import read_on

LIMIT = 2000  # changes a move of the head
# Where so many changes were read and none was a record, the head moves all the same; below that it does not, for each
# move is itself a change, and there would be no end to it.
IN_VAIN = 5000
ATTEMPTS = 20
# How often what has no entry is looked for, and how long what was found must have none before it is given one: far
# longer than any change can be on its way from the table into the stream.
SWEEP_EVERY = timedelta(days=1)
SUSPECT_FOR = timedelta(minutes=10)
_KEYS_A_READ = 100


class World(NamedTuple):
    """What the sequencer reads and writes. `cosign` answers a checkpoint's note with the witnesses' signatures."""

    stream: Stream
    documents: Documents
    files: LogFiles
    archive: Archive
    marks: Marks
    clock: Clock
    entropy: Entropy
    cosign: Callable[[str], str] = lambda note: note


class Passed(NamedTuple):
    """What a run did: the log's size, how many entries were added and how many of these by a sweep, how often changes
    were gone before they were read, how many records could not be read, and how far behind it is (0 at the tip)."""

    size: int
    added: int
    swept: int
    trimmed: int
    unreadable: int
    lag: timedelta


class Suspects(NamedTuple):
    """Records without an entry, when they were seen, and how often changes had been lost by then."""

    keys: dict[Key, int]
    at: datetime
    trimmed: int


class Sequencer:
    """`retention`: how long copies are locked. `stays`: how long a decision or a statement stands in the table, from
    its own time on, once it has its entry and its copy."""

    def __init__(self, world: World, log_key: LogKey, rules: Rules, *, retention: timedelta, stays: timedelta) -> None:
        self._world = world
        self._key = log_key
        self._rules = rules
        self._retention = retention
        self._stays = stays
        self._prepared = False
        self._ahead: tuple[int, dict[str, str], int] | None = None  # read in vain beyond this version of the head
        self._suspects: Suspects | None = None

    def __call__(self, more: Callable[[], bool]) -> Passed:
        """Until the tip of the stream is reached, or `more` says that the time is short. Raises CannotDecide: what was
        begun is finished by the next."""
        passed = Passed(0, 0, 0, 0, 0, timedelta(0))
        contended = 0
        while True:
            try:
                passed, tip = self._pass(passed)
            except Stale:
                contended += 1
                if contended == ATTEMPTS:
                    raise Contended("other sequencers were first, again and again") from None
                continue
            if tip or not more():
                return passed

    def _pass(self, passed: Passed) -> tuple[Passed, bool]:
        """One move of the head at most. Raises Stale where another sequencer was first."""
        # 1. Load the head, and finish what it names.
        standing = self._head()
        # 2. Read on.
        version, positions, vain = self._ahead or (0, {}, 0)
        if version != standing.document.version:
            positions, vain = standing.head.positions, 0
        read = read_on(self._world.stream, positions, LIMIT)
        records: list[Loggable] = []
        for change in read.changes:
            try:
                record = loggable(change.document, change.at) if change.document else None
            except StoreFailed:  # told, and looked for again by every sweep; what else there is must not wait for it
                passed = passed._replace(unreadable=passed.unreadable + 1)
                continue
            if record is not None:
                records.append(record)
        passed = passed._replace(trimmed=passed.trimmed + read.trimmed)
        moved = structs.replace(standing.head, positions=read.positions, trimmed=standing.head.trimmed + read.trimmed)
        if records or read.trimmed or vain + len(read.changes) >= IN_VAIN:
            standing = self._log(standing, moved, records)
        else:
            self._ahead = (standing.document.version, read.positions, vain + len(read.changes))
        if read.tip:
            standing, swept = self._sweep(standing)
            passed = passed._replace(added=passed.added + swept, swept=passed.swept + swept)
        lag = self._world.clock() - read.last_at if read.last_at else timedelta(0)
        passed = passed._replace(size=standing.head.size, added=passed.added + len(records), lag=lag)
        return passed, read.tip

    def _head(self) -> Standing:
        standing = heads.load(self._world.documents)
        if standing is None:
            standing = heads.move(self._world.documents, None, self._empty())
        if standing.head.verifier_key != self._key.verifier_key:
            raise SecretsFailed("the log's key is not the one that has signed this log")
        if standing.head.staged:
            standing = self._finish(standing)
        if not self._prepared:
            # 3. (for the rules) A copy of the rules in force: a case file needs them as they were.
            self._keep({rules_name(self._rules.digest): self._rules.pack.data})
            if self._world.files.read(CHECKPOINT) is None:
                self._publish(self._signed(standing.head.size, bytes.fromhex(standing.head.root)))
            self._prepared = True
        return standing

    def _empty(self) -> Head:
        now = self._world.clock()
        return Head(
            size=0, root=EMPTY_ROOT.hex(), at=now, verifier_key=self._key.verifier_key, positions={}, swept_at=now
        )

    def _log(self, standing: Standing, moved: Head, records: Sequence[Loggable]) -> Standing:
        """Give these records their entries: move the head, and do what follows. Raises Stale."""
        if not records:
            return heads.move(self._world.documents, standing, moved)
        # 3. Copies into the archive. Their names say what they hold, so that again is no harm.
        self._keep({record.name: record.copy for record in records})
        # 4. Everything that follows from the move, as one staged object.
        size = standing.head.size
        entries = [record.entry for record in records]
        made = append(size, self._tile, [leaf_hash(one) for one in entries])
        files = {tile.path: data for tile, data in made.tiles.items()} | self._bundles(size, entries)
        marks = tuple(record.mark(size + number, self._stays) for number, record in enumerate(records))
        name = f"staging/{made.size}-{self._world.entropy(16).hex()}"
        self._world.files.write({name: heads.stage(files, self._signed(made.size, made.root), marks)})
        # 5. The head, by compare-and-swap: from here on the records have their entries.
        moved = structs.replace(moved, size=made.size, root=made.root.hex(), at=self._world.clock(), staged=name)
        try:
            standing = heads.move(self._world.documents, standing, moved)
        except Stale:
            self._drop(name)
            raise
        return self._finish(standing)

    def _finish(self, standing: Standing) -> Standing:
        """What follows from the last move. Whoever finds it undone does it, and it may be done by several."""
        name = standing.head.staged
        data = self._world.files.read(name)
        if data is None:  # another one has finished, and moved the head on
            raise Stale("finished already")
        staged = heads.staged(data)
        self._world.files.write(staged.files)  # 6. tiles and entries, under their own names
        self._publish(staged.checkpoint)  # 7. the checkpoint
        self._world.marks.mark(staged.marks)  # 8. what the table says of the records
        # 9. The head names it no more, and 10. it goes.
        standing = heads.move(self._world.documents, standing, structs.replace(standing.head, staged=""))
        self._world.files.delete(name)
        return standing

    def _drop(self, name: str) -> None:
        """A staged object that lost. If even that fails the bucket's lifecycle removes it; but it may not be one that
        has won after all, in a write whose answer was lost."""
        standing = heads.load(self._world.documents)
        if standing and standing.head.staged != name:
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
        raise Contended("the checkpoint was published by others, again and again")

    def _signed(self, size: int, root: bytes) -> str:
        return self._key.sign(Checkpoint(self._key.name, size, root).text())

    def _bundles(self, size: int, entries: Sequence[bytes]) -> dict[str, bytes]:
        """The entry bundles that change: from the one that is partly full on."""
        first, width = divmod(size, TILE_WIDTH)
        held = unpack_entries(self._object(entries_path(first, width))) if width else []
        all_ = [*held, *entries]
        parts = (all_[at : at + TILE_WIDTH] for at in range(0, len(all_), TILE_WIDTH))
        return {entries_path(first + at, len(part)): pack_entries(part) for at, part in enumerate(parts)}

    def _tile(self, tile: Tile) -> bytes:
        return self._object(tile.path)

    def _object(self, name: str) -> bytes:
        data = self._world.files.read(name)
        if data is None:
            raise StoreFailed(f"the log's {name} is not there")
        return data

    def _keep(self, copies: dict[str, bytes]) -> None:
        self._world.archive.keep(copies, self._world.clock() + self._retention)

    # What has no entry although the stream was read to its tip: its change was lost before it was read.

    def _sweep(self, standing: Standing) -> tuple[Standing, int]:
        """Look for such records, and, if they still have no entry a while later, give them one; how many got one.

        Between the two looks the stream is read to its tip again. A record that the first look saw was written before,
        so its change came before that tip, and was logged if it came at all: no record gets two entries.
        """
        now, head = self._world.clock(), standing.head
        due = head.swept_at + SWEEP_EVERY <= now or head.trimmed > head.swept_trimmed
        if self._suspects is None:
            if not due:
                return standing, 0
            self._suspects = Suspects(self._without_entry(), now, head.trimmed)
        suspects = self._suspects
        if suspects.keys and suspects.at + SUSPECT_FOR > now:
            return standing, 0
        self._suspects = None
        records = self._still_without(suspects.keys, now)
        swept = structs.replace(head, swept_at=suspects.at, swept_trimmed=suspects.trimmed)
        return self._log(standing, swept, records), len(records)

    def _without_entry(self) -> dict[Key, int]:
        """Records of the table without a pointer, by key and version."""
        found: dict[Key, int] = {}
        waiting: list[Loggable] = []
        for document in self._world.marks.unmarked(PREFIXES):
            try:
                record = loggable(document, self._world.clock())
            except StoreFailed:
                continue  # counted when its change was read; `duecare log check` names it
            waiting += [record] if record else []
            if len(waiting) == _KEYS_A_READ:
                found |= self._unpointed(waiting)
                waiting = []
        return found | self._unpointed(waiting)

    def _unpointed(self, records: Iterable[Loggable]) -> dict[Key, int]:
        named = {one.pointer: one.document for one in records}
        pointed = self._world.documents.get(named) if named else {}
        return {document.key: document.version for key, document in named.items() if key not in pointed}

    def _still_without(self, suspects: dict[Key, int], now: datetime) -> list[Loggable]:
        """Those of them that stand as they did, and have no entry yet."""
        keys = list(suspects)
        still: list[Loggable] = []
        for at in range(0, len(keys), _KEYS_A_READ):
            standing = self._world.documents.get(keys[at : at + _KEYS_A_READ])
            records = [
                record
                for key, document in standing.items()
                if document.version == suspects[key] and (record := loggable(document, now))
            ]
            unpointed = self._unpointed(records)
            still += [record for record in records if record.document.key in unpointed]
        return still


def _size(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).size
