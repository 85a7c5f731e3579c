"""A world with a log: the sequencer over the in-memory adapters, and checks of the log."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from duecare.ports import Document
from duecare.usecases import table
from duecare.usecases.audit.case_file import CaseFileDeps, CaseFiles
from duecare.usecases.audit.look_up import LookUp
from duecare.usecases.log import decision_pages as listing
from duecare.usecases.log import pointers
from duecare.usecases.log import sequencer as sequence
from duecare.usecases.log.loggable import EXPIRING, Loggable, loggable
from duecare.usecases.log.sequencer import Sequencer, SequencerStats
from duecare.usecases.operator.erase import Erase, EraseDeps
from duecare.usecases.statements import acknowledgement_keys
from duecare.usecases.verify.receipt_keys import put_on_file
from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_core.evidence.log.entry import Entry, read_entry, unpack_entries
from duecare_core.evidence.log.merkle import Tile, consistency_proof, entries_path, leaf_hash, root, verify_consistency
from duecare_core.evidence.log.note import Checkpoint, LogKey, open_checkpoint
from tests.support.memory import MemoryArchive, MemoryBackups, MemoryLogFiles, MemoryStream, MemoryTable
from tests.support.packs import RULES
from tests.support.world import ISSUER, NOW, World

ORIGIN = "duecare.example/log"
LOG_KEY = LogKey(ORIGIN, b"l" * 32)
RETENTION = timedelta(days=1830)
TABLE_RETENTION = timedelta(days=180)


class LoggedWorld(World):
    """`table`, `files` and `archive` hold everything; `sequencer()` is a fresh one, as after a crash."""

    def __init__(self, **parts: Any) -> None:
        self.stream = MemoryStream(lambda: self.now)
        self.table = MemoryTable(self.stream)
        self.files = MemoryLogFiles()
        self.archive = MemoryArchive(lambda: self.now)
        self.backups = MemoryBackups()
        super().__init__(self.table, self.table, **parts)
        put_on_file(self.table, self.receipt_key, self.now)
        acknowledgement_keys.put_on_file(self.table, self.acknowledgement_key, self.now)

    def sequencer(self, **parts: Any) -> Sequencer:
        deps = sequence.SequencerDeps(
            stream=parts.pop("stream", self.stream),
            documents=parts.pop("documents", self.table),
            files=parts.pop("files", self.files),
            archive=parts.pop("archive", self.archive),
            log_index=parts.pop("log_index", self.table),
            clock=self.clock,
            entropy=os.urandom,
            **parts,
        )
        return Sequencer(deps, LOG_KEY, RULES, retention=RETENTION, table_retention=TABLE_RETENTION)

    def sequenced(self) -> SequencerStats:
        return self.sequencer()(lambda: True)

    def swept(self) -> None:
        """A day later: sweeps have logged every record without an entry, and set the TTL of every logged record."""
        for _ in range(2):
            self.now += sequence.SWEEP_EVERY
            sequencer = self.sequencer()
            sequencer(lambda: True)
            self.now += sequence.SUSPECT_FOR
            sequencer(lambda: True)

    def left(self) -> None:
        """Expire decisions and statements: a sweep has set their TTL, and it has passed."""
        self.swept()
        self.now += TABLE_RETENTION
        for key, at in list(self.table.expires.items()):
            if at <= self.now:
                self.table.remove(key)

    def look_up(self) -> LookUp:
        return LookUp(self.table, lambda: self.archive, lambda: self.inputs_key, self.clock)

    def case_file(self, decided: StoredDecision, party: str = "xinxi", attempt: int | None = None) -> bytes:
        means = CaseFileDeps(
            self.table,
            self.archive,
            self.files,
            self.sealer,
            self.inputs_key,
            row_evidence=self.row_evidence,
        )
        found = self.look_up()(self.caller(party), decided.record.decision_id, attempt)
        return CaseFiles(means, RULES, ISSUER)(found)

    def erase(self, least: timedelta) -> Erase:
        means = EraseDeps(
            self.table, self.archive, self.upload_files, self.backups, self.pseudonyms, self.clock, os.urandom
        )
        return Erase(means, RULES.pack, least)

    # The log as anyone reads it

    def tile(self, tile: Tile) -> bytes:
        return self.files.objects[tile.path]

    def checkpoint(self, *witnesses: str) -> Checkpoint:
        note = self.files.objects["checkpoint"].decode()
        return open_checkpoint(note, LOG_KEY.verifier_key, witnesses, strict=True)

    def entries(self) -> list[Entry]:
        """Every entry, after the tree over them has been held against the checkpoint."""
        checkpoint = self.checkpoint()
        size = checkpoint.size
        raw: list[bytes] = []
        for index in range((size + 255) // 256):
            raw += unpack_entries(self.files.objects[entries_path(index, min(256, size - index * 256))])
        assert len(raw) == size
        leaves = b"".join(leaf_hash(one) for one in raw)
        for index in range((size + 255) // 256):
            width = min(256, size - index * 256)
            assert self.tile(Tile(0, index, width)) == leaves[index * 8192 : index * 8192 + width * 32]
        assert root(size, self.tile) == checkpoint.root
        return [read_entry(one) for one in raw]

    # Invariants of the table

    def nothing_leaves_too_soon(self) -> None:
        """At any time: a record with a TTL has its entry, its copy and its pointer, and the right TTL."""
        for key, at in list(self.table.expires.items()):
            if key.pk.startswith(EXPIRING):
                record = recorded(self.table.get([key])[key])
                assert at == datetime.fromisoformat(record.at) + TABLE_RETENTION
                pointer = table.read(self.table.get([record.pointer])[record.pointer], pointers.Pointer)
                assert pointer.name in self.archive.objects
                assert pointer.index < table.read(self.table.get([table.LOG_HEAD])[table.LOG_HEAD], sequence.Head).size

    def everything_is_marked(self) -> None:
        """When all is done: each entry has its pointer and its copy, each decision is listed once, and every record
        that expires has a TTL."""
        entries = self.entries()
        for index, entry in enumerate(entries):
            key = pointers.key(entry.kind, entry.id, entry.record_sha256)
            pointer = table.read(self.table.get([key])[key], pointers.Pointer)
            assert (pointer.index, pointer.at) == (index, entry.at)
            assert recorded(pointers.document_of(self.archive.read(pointer.name))).identity == entry[:3]
            assert (key in self.table.expires) == (entry.kind == "decision")
        decided = [(index, entry.id) for index, entry in enumerate(entries) if entry.kind == "decision"]
        assert sorted((one.index, one.decision_id) for one in self.listed()) == decided
        may_leave = {one.key for one in self.table.everything() if one.key.pk.startswith(EXPIRING)}
        assert may_leave == {key for key in self.table.expires if key.pk.startswith(EXPIRING)}
        self.nothing_leaves_too_soon()

    def listed(self) -> list[listing.ListedDecision]:
        """The decisions of all pages, after checking the key and the TTL of each page."""
        found: list[listing.ListedDecision] = []
        for document in self.table.everything():
            if document.key.pk.startswith("G#"):
                page = table.read(document, listing.DecisionPage)
                first = page.decisions[0]
                assert document.key.sk == f"{table.minute(first.at)}#{first.index:016}"
                assert len(page.decisions) <= listing.MAX_PAGE
                assert {document.key.sk[:16]} == {table.minute(one.at) for one in page.decisions}
                assert document.key in self.table.expires
                found += page.decisions
        assert [one for one, count in Counter(one.index for one in found).items() if count > 1] == []
        return found

    def grew_from(self, earlier: Checkpoint) -> None:
        now = self.checkpoint()
        proof = consistency_proof(earlier.size, now.size, self.tile)
        verify_consistency(earlier.size, earlier.root, now.size, now.root, proof)


def recorded(document: Document) -> Loggable:
    """The record that a document is."""
    record = loggable(document, NOW)
    assert record
    return record
