"""A world with its log: the sequencer over memory, and what is made of the log."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from duecare.adapters.memory import MemoryArchive, MemoryLogFiles, MemoryStream, MemoryTable
from duecare.evidence.entry import Entry, read_entry, unpack_entries
from duecare.evidence.merkle import Tile, consistency_proof, entries_path, leaf_hash, root, verify_consistency
from duecare.evidence.note import Checkpoint, LogKey, open_checkpoint
from duecare.usecases import sequence
from duecare.usecases.case_file import CaseFiles, Means
from duecare.usecases.decided import Decided
from duecare.usecases.erase import Erase
from duecare.usecases.erase import Means as ErasingMeans
from duecare.usecases.look_up import LookUp
from duecare.usecases.receipt_keys import put_on_file
from duecare.usecases.sequence import Passed, Sequencer
from tests.packs import RULES
from tests.world import ISSUER, World

ORIGIN = "duecare.example/log"
LOG_KEY = LogKey(ORIGIN, b"l" * 32)
RETENTION = timedelta(days=1830)
STAYS = timedelta(days=180)


class Logged(World):
    """`table`, `files` and `archive` hold everything; `sequencer()` is a fresh one, as after a crash."""

    def __init__(self, **parts: Any) -> None:
        self.stream = MemoryStream(lambda: self.now)
        self.table = MemoryTable(self.stream)
        self.files = MemoryLogFiles()
        self.archive = MemoryArchive(lambda: self.now)
        super().__init__(self.table, self.table, **parts)
        put_on_file(self.table, self.receipt_key, self.now)

    def sequencer(self, **parts: Any) -> Sequencer:
        world = sequence.World(
            stream=parts.pop("stream", self.stream),
            documents=parts.pop("documents", self.table),
            files=parts.pop("files", self.files),
            archive=parts.pop("archive", self.archive),
            marks=parts.pop("marks", self.table),
            clock=self.clock,
            entropy=os.urandom,
            **parts,
        )
        return Sequencer(world, LOG_KEY, RULES, retention=RETENTION, stays=STAYS)

    def sequenced(self) -> Passed:
        return self.sequencer()(lambda: True)

    def look_up(self) -> LookUp:
        return LookUp(self.table, lambda: self.archive, self.clock)

    def case_file(self, decided: Decided, party: str = "xinxi", attempt: int | None = None) -> bytes:
        means = Means(self.table, self.archive, self.files, self.sealer, self.inputs_key)
        found = self.look_up()(self.caller(party), decided.record.decision_id, attempt)
        return CaseFiles(means, RULES, ISSUER)(found)

    def erase(self, least: timedelta) -> Erase:
        means = ErasingMeans(self.table, self.archive, self.pseudonyms, self.clock, os.urandom)
        return Erase(means, least)

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

    def grew_from(self, earlier: Checkpoint) -> None:
        now = self.checkpoint()
        proof = consistency_proof(earlier.size, now.size, self.tile)
        verify_consistency(earlier.size, earlier.root, now.size, now.root, proof)
