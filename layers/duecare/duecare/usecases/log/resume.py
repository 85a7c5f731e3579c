"""Resumes the log over a table that is older than the log, such as a restored one. An operator asks for it
(docs/restore.md).

The published log stays as it is, and the table's head moves up to it, a range of entries at a time. The records of
these entries that the table holds get the index that it has lost, so none gets a second entry. The others are reported:
they were lost with the table, and the archive has their copies. Until the head is the published one, the sequencer
signs nothing; a range that was begun can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from msgspec import Struct, structs

from duecare.ports import Clock, Document, Documents, IndexEntry, Key, LogFiles, LogIndex
from duecare.usecases import table
from duecare.usecases.log import archive_names, pointers
from duecare.usecases.log import head as heads
from duecare.usecases.log.continuity import PublishedCheckpoint, read_published
from duecare.usecases.log.head import VersionedHead
from duecare.usecases.log.loggable import Loggable, indexed_entries, loggable, named
from duecare.usecases.log.pointers import Pointer
from duecare.usecases.log.published_log import Tiles
from duecare.usecases.log.sweep import MAX_KEYS_READ, chunks
from duecare_core.errors import BadEvidence, Conflict, LogDiverged, StoreFailed, VersionConflict
from duecare_core.evidence.log.entry import Entry, read_entry, unpack_entries
from duecare_core.evidence.log.merkle import (
    TILE_WIDTH,
    Tile,
    consistency_proof,
    entries_path,
    leaf_hash,
    of_smaller_tree,
    root,
    verify_consistency,
)
from duecare_core.evidence.stored import Identity

MAX_ENTRIES = 2000  # of one range
_RECIPIENTS = ("decision", "statement")  # the kinds whose copies lie under a recipient's prefix
# The keys of documents that are written once, by the kind of their entries.
_KEYS: dict[str, Callable[[str], Key]] = {
    "decision": table.decision,
    "statement": table.statement,
    "receipt-key": table.receipt_key,
    "acknowledgement-key": table.acknowledgement_key,
    "erasure": table.erasure,
    "engine": table.engine,
}


class ResumeDeps(NamedTuple):
    documents: Documents
    files: LogFiles
    log_index: LogIndex
    clock: Clock


class LostRecord(Struct, frozen=True):
    """A record that has an entry, and that the table does not hold: its kind, id, and the entry's time and index."""

    kind: str
    id: str
    at: str
    index: int


class ResumeReport(Struct, frozen=True):
    """The size of the head after this range, that of the published log, and the records of the range that are lost.
    `done`: the head is the published one, and the sequencer goes on."""

    size: int
    published: int
    done: bool
    lost: tuple[LostRecord, ...] = ()


class ResumeLog:
    """`kept_for`: how long the index of a decision stays."""

    def __init__(self, deps: ResumeDeps, verifier_key: str, *, kept_for: timedelta) -> None:
        self._deps = deps
        self._key = verifier_key
        self._kept_for = kept_for

    def __call__(self, size: int) -> ResumeReport:
        """Move the head up by one range of entries. `size`: of the published log, as the operator has read it.

        Raises Conflict if there is nothing to resume, or the table is of another log; StoreFailed.
        """
        current, published = self._heads(size)
        head, (_, goal) = current.head, published
        tiles = Tiles(self._deps.files)
        _require_prefix(head.size, bytes.fromhex(head.root), published, tiles)
        if head.size == goal.size and not head.staged:
            return ResumeReport(head.size, goal.size, done=True)
        # The index of a move that is not finished was not written either: this range is that move again.
        first, end = (head.moved_from, head.size) if head.staged else (head.size, head.size + MAX_ENTRIES)
        end = min(end, goal.size)
        root_hash = root(end, of_smaller_tree(goal.size, tiles.read))
        _require_prefix(end, root_hash, published, tiles)
        entries = list(enumerate(self._entries(first, end, goal.size, tiles), first))
        found, lost = self._records(entries, resumed=head.resumed_at is not None)
        self._deps.log_index.put(found)
        now = self._deps.clock()
        moved = structs.replace(
            head,
            size=end,
            root=root_hash.hex(),
            at=now,
            moved_from=first,
            staged="",
            # The stream of a restored table is another one. What it delivers from before this time may have its entry.
            positions={},
            caught_up_at=now,
            # Records that no stream delivers are found by a sweep: one is due.
            trimmed=max(head.trimmed, head.swept_trimmed + 1),
            sweep=None,
            resumed_at=now if end == goal.size else head.resumed_at,
        )
        try:
            heads.move(self._deps.documents, current, moved)
        except VersionConflict as error:
            raise Conflict("Something else moved the head at the same time; ask again.") from error
        return ResumeReport(end, goal.size, end == goal.size, lost)

    def _heads(self, size: int) -> tuple[VersionedHead, PublishedCheckpoint]:
        """The table's head and the published checkpoint. Raises Conflict."""
        current = heads.load(self._deps.documents)
        if current is None:
            raise Conflict("The table has no head of a log. Restore the table of this log.")
        if current.head.verifier_key != self._key:
            raise Conflict("The head in the table is of a log with another key.")
        try:
            published = read_published(self._deps.files, self._key)
        except LogDiverged as error:
            raise Conflict(f"The log cannot be resumed: {error.reason}.") from error
        if published is None:
            raise Conflict("No checkpoint is published. Put it back from the earlier versions of the bucket's object.")
        if published.checkpoint.size != size:
            raise Conflict(f"The published log has {published.checkpoint.size} entries, not {size}.")
        if current.head.size > size:
            raise Conflict(f"The table is not older than its log: the head has {current.head.size} entries.")
        return current, published

    def _entries(self, first: int, end: int, size: int, tiles: Tiles) -> list[Entry]:
        """The entries from `first` to `end` of the published log, held against its tiles. Raises StoreFailed."""
        found: list[Entry] = []
        for bundle in range(first // TILE_WIDTH, -(-end // TILE_WIDTH)):
            width, start = min(TILE_WIDTH, size - bundle * TILE_WIDTH), bundle * TILE_WIDTH
            name = entries_path(bundle, width)
            try:
                entries = unpack_entries(self._deps.files.read(name) or b"")
                if b"".join(map(leaf_hash, entries)) != tiles.read(Tile(0, bundle, width)):
                    raise BadEvidence("it does not match its tile")
                found += map(read_entry, entries[max(0, first - start) : end - start])
            except BadEvidence as error:
                raise StoreFailed(f"{name} cannot be read: {error}") from error
        return found

    def _records(
        self, entries: Sequence[tuple[int, Entry]], *, resumed: bool
    ) -> tuple[list[IndexEntry], tuple[LostRecord, ...]]:
        """The index of these entries' records, and the records that the table does not hold."""
        whole: list[tuple[int, Loggable]] = []
        index: list[IndexEntry] = []
        lost: list[LostRecord] = []
        for some in chunks(entries, MAX_KEYS_READ):
            wanted = {_document(entry) for _, entry in some}
            stored = self._deps.documents.get(list({key for key, _ in wanted}))
            for number, entry in some:
                key, version = _document(entry)
                document = stored.get(key)
                if entry.kind in _RECIPIENTS:
                    record = self._same(document, entry)
                    whole += [(number, named(record, resumed=resumed))] if record else []
                    held = record is not None
                else:
                    index.append(_pointer(number, entry, resumed=resumed))
                    held = document is not None and document.version >= version
                lost += [] if held else [LostRecord(entry.kind, entry.id, entry.at, number)]
        expires = self._deps.clock() + self._kept_for
        return [*index, *indexed_entries(whole, expires)], tuple(lost)

    def _same(self, document: Document | None, entry: Entry) -> Loggable | None:
        """The record of this entry, if the document is that one, and no earlier or later one of its id."""
        if document is None:
            return None
        try:
            record = loggable(document, self._deps.clock())
        except StoreFailed:
            return None
        return record if record and record.identity == _identity(entry) else None


def _require_prefix(size: int, root_hash: bytes, published: PublishedCheckpoint, tiles: Tiles) -> None:
    """Raises Conflict unless the tree of this size and root is the beginning of the published log."""
    goal = published.checkpoint
    try:
        verify_consistency(size, root_hash, goal.size, goal.root, consistency_proof(size, goal.size, tiles.read))
    except BadEvidence as error:
        raise Conflict("The table is no earlier state of the published log. Restore another copy of it.") from error


def _document(entry: Entry) -> tuple[Key, int]:
    """The key of the document of this entry, and its least version. Raises StoreFailed for an unknown kind, such as one
    that a later release has logged."""
    if entry.kind in _KEYS:
        return _KEYS[entry.kind](entry.id), 1
    name, _, version = entry.id.rpartition("/")
    if entry.kind == "party":
        return table.party(name), int(version)
    if entry.kind == "void":
        party, _, void_id = name.partition("/")
        return table.void(party, void_id), int(version)
    raise StoreFailed(f"an entry of the unknown kind {entry.kind}")


def _identity(entry: Entry) -> Identity:
    return Identity(entry.kind, entry.id, entry.record_sha256)


def _pointer(index: int, entry: Entry, *, resumed: bool) -> IndexEntry:
    """The pointer of a record that concerns no recipient."""
    identity = _identity(entry)
    name = archive_names.other_name(identity)
    if resumed and entry.kind == "void":
        name = archive_names.again(name, identity)
    return IndexEntry(table.write(pointers.key(*identity), None, Pointer(index, entry.at, name)))
