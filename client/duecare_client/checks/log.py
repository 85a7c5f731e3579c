"""Checks that the log is whole and has only grown since the last check on this machine. Anyone may check that."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from duecare_client.checks.witnesses import Cosignature, cosigned
from duecare_client.errors import BadSettings
from duecare_core.errors import BadEvidence
from duecare_core.evidence.log.entry import read_entry, unpack_entries
from duecare_core.evidence.log.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    Tile,
    append,
    consistency_proof,
    edge,
    entries_path,
    leaf_hash,
    root,
    verify_consistency,
)
from duecare_core.evidence.log.note import Checkpoint, Verifier, open_checkpoint
from duecare_core.evidence.stored import Identity

MAX_PARALLEL_READS = 8
# Bundles fetched but not yet hashed: bounds the memory if hashing is slower than the network.
MAX_PREFETCHED = 8 * MAX_PARALLEL_READS
Fetch = Callable[[str], bytes | None]
# Called with the number of entries done, and of all.
ReportEntries = Callable[[int, int], None]
# The position of each record in the log.
Positions = dict[Identity, int]


class LogFault(NamedTuple):
    """A fault, and where it is: a record by kind and id, or the log itself."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Outcome(NamedTuple):
    """The result of the checks.

    `since`: the size of the log at the last check. `whole`: every entry was read, and together they are the tree that
    the log signed. `cosigned`: the cosignatures of the named witnesses. `compared`: how many records of the store were
    compared with their entries, None without a comparison. `pending`: how many have no entry yet, which is no fault.
    """

    checkpoint: Checkpoint
    since: int | None
    faults: tuple[LogFault, ...]
    whole: bool
    cosigned: tuple[Cosignature, ...] = ()
    compared: int | None = None
    pending: int = 0


def check_log(
    fetch: Fetch, verifier_key: str, memory: Path, report: ReportEntries, witnesses: Sequence[Verifier] = ()
) -> tuple[Outcome, Positions]:
    """Checks the checkpoint, its cosignatures, that it extends the checkpoint of the last check, and every entry and
    tile under it. Returns the outcome, and the position of each entry.

    `fetch`: reads an object of the log, None if it does not exist. `memory`: the file that holds the checkpoint of the
    last successful check. Raises BadEvidence if there is no valid checkpoint, CannotDecide if the log does not answer,
    BadSettings if `memory` cannot be written.
    """
    note = _fetched(fetch, "checkpoint").decode("utf-8", "replace")
    checkpoint = open_checkpoint(note, verifier_key)
    cosignatures = cosigned(note, witnesses)
    missing = tuple(LogFault(f"witness {one.name}", one.fault) for one in cosignatures if one.seen_at is None)
    since, faults = _compare_with_memory(memory, verifier_key, checkpoint, fetch)
    positions: Positions = {}
    tree_faults = tuple(_Walk(fetch, checkpoint, positions, report).faults())
    if not (missing or faults or tree_faults):
        remember(memory, note)
    return Outcome(checkpoint, since, (*missing, *faults, *tree_faults), not tree_faults, cosignatures), positions


def _compare_with_memory(
    memory: Path, verifier_key: str, now: Checkpoint, fetch: Fetch
) -> tuple[int | None, tuple[LogFault, ...]]:
    """The size at the last check, and the faults if the log now is not an extension of the log then."""
    remembered = recall(memory)
    if remembered is None:
        return None, ()
    try:
        before = open_checkpoint(remembered, verifier_key)
    except BadEvidence:
        fault = "the checkpoint of the last check is not signed with this key: it is another log under the same name"
        return None, (LogFault("log", f"{fault} (it is in {memory}; remove that file if you know the reason)"),)
    if now.size < before.size:
        fault = f"it has {now.size} entries, and had {before.size} at the last check"
        return before.size, (LogFault("log", fault),)
    try:
        proof = consistency_proof(before.size, now.size, lambda tile: _tile(fetch, tile))
        verify_consistency(before.size, before.root, now.size, now.root, proof)
    except BadEvidence as error:
        fault = f"it does not extend the log of the last check: {error}"
        return before.size, (LogFault("log", fault),)
    return before.size, ()


class _Walk:
    """Fetches and hashes every entry, and compares the tree over them with the checkpoint and the tiles."""

    def __init__(self, fetch: Fetch, checkpoint: Checkpoint, positions: Positions, report: ReportEntries) -> None:
        self._fetch = fetch
        self._size = checkpoint.size
        self._root = checkpoint.root
        self._positions = positions
        self._report = report
        self._tiles: dict[Tile, bytes] = {}

    def faults(self) -> Iterator[LogFault]:
        try:
            yield from self._entries()
            if root(self._size, self._tiles.__getitem__) != self._root:
                yield LogFault("log", "the tree over its entries has a different root than the checkpoint")
            yield from self._upper_tiles()
        except BadEvidence as error:
            yield LogFault("log", str(error))

    def _entries(self) -> Iterator[LogFault]:
        done = 0
        for entries, hashes in self._bundles():
            leaves = [leaf_hash(one) for one in entries]
            if b"".join(leaves) != hashes:
                yield LogFault("log", f"entry {done + _first_difference(leaves, hashes)} is not the one in the tree")
            yield from self._record_positions(done, entries)
            grown = append(done, self._tiles.__getitem__, leaves)
            self._keep(grown.tiles, edge(done))
            done = grown.size
            self._report(done, self._size)

    def _keep(self, tiles: dict[Tile, bytes], before: list[Tile]) -> None:
        """Keeps the widest tile of each position. A full tile of the lowest level is dropped: the level above has its
        hash."""
        wider = {(tile.level, tile.index) for tile in tiles}
        for tile in before:
            if (tile.level, tile.index) in wider:
                del self._tiles[tile]
        self._tiles |= {tile: data for tile, data in tiles.items() if tile.level or tile.width < TILE_WIDTH}

    def _record_positions(self, first: int, entries: list[bytes]) -> Iterator[LogFault]:
        for position, data in enumerate(entries, first):
            try:
                entry = read_entry(data)
            except BadEvidence as error:
                yield LogFault("log", f"entry {position} cannot be read: {error}")
                continue
            identity = Identity(entry.kind, entry.id, entry.record_sha256)
            if identity in self._positions:
                yield LogFault(
                    f"{entry.kind} {entry.id}", f"it has two entries: {self._positions[identity]} and {position}"
                )
            self._positions.setdefault(identity, position)

    def _bundles(self) -> Iterator[tuple[list[bytes], bytes]]:
        """Entries and their hashes, in order. Fetches several bundles at once, and never more than MAX_PREFETCHED."""
        count = -(-self._size // TILE_WIDTH)
        with ThreadPoolExecutor(MAX_PARALLEL_READS) as pool:
            for first in range(0, count, MAX_PREFETCHED):
                yield from pool.map(self._bundle, range(first, min(count, first + MAX_PREFETCHED)))

    def _bundle(self, number: int) -> tuple[list[bytes], bytes]:
        width = min(TILE_WIDTH, self._size - number * TILE_WIDTH)
        name = entries_path(number, width)
        data, is_full = _or_full(self._fetch, name, entries_path(number, TILE_WIDTH))
        try:
            entries = unpack_entries(data)
        except BadEvidence as error:
            raise BadEvidence(f"{name}: {error}") from error
        entries = entries[:width] if is_full else entries
        if len(entries) != width:
            raise BadEvidence(f"{name} has {len(entries)} entries instead of {width}")
        return entries, _tile(self._fetch, Tile(0, number, width))

    def _upper_tiles(self) -> Iterator[LogFault]:
        """Checks the tiles above the lowest level: our proofs do not need them all, but those of others may."""
        for tile, computed in self._tiles.items():
            if tile.level and _tile(self._fetch, tile) != computed:
                yield LogFault("log", f"{tile.path} is not the tile of its entries")


def _tile(fetch: Fetch, tile: Tile) -> bytes:
    """Raises BadEvidence."""
    data, is_full = _or_full(fetch, tile.path, tile._replace(width=TILE_WIDTH).path)
    return data[: tile.width * HASH_BYTES] if is_full else data


def _or_full(fetch: Fetch, name: str, full: str) -> tuple[bytes, bool]:
    """The object of this name; if a partial one is gone, the full one, which begins with it, and True.

    A log may delete partial tiles and bundles once it has the full ones (c2sp.org/tlog-tiles); this one does not.
    Raises BadEvidence.
    """
    data = fetch(name)
    if data is None and name != full and (whole := fetch(full)) is not None:
        return whole, True
    return _given(data, name), False


def _fetched(fetch: Fetch, name: str) -> bytes:
    return _given(fetch(name), name)


def _given(data: bytes | None, name: str) -> bytes:
    if data is None:
        raise BadEvidence(f"the log has no {name}")
    return data


def _first_difference(leaves: list[bytes], hashes: bytes) -> int:
    pairs = enumerate(leaves)
    return next((at for at, one in pairs if hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES] != one), len(leaves))


# Memory of the last check


def checkpoint_file(verifier_key: str, folder: Path) -> Path:
    """The file of the last checkpoint of a log. Named by the log's name, so that another key under it is noticed."""
    return folder / f"log-{_short(verifier_key.partition('+')[0])}.checkpoint"


def key_file(url: str, folder: Path) -> Path:
    """The file of the log key that the service at `url` published at the last check."""
    return folder / f"log-{_short(url)}.key"


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:24]


def recall(memory: Path) -> str | None:
    """The content of a memory file; None if it does not exist. Raises BadSettings if it cannot be read."""
    try:
        return memory.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        raise BadSettings(f"{memory} cannot be read: {error.strerror}") from None


def remember(memory: Path, text: str) -> None:
    """Replaces a memory file as a whole: half a checkpoint would later look like another log. Raises BadSettings."""
    temporary = memory.with_name(f"{memory.name}.{os.getpid()}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(memory)
    except OSError as error:
        raise BadSettings(f"{memory} cannot be written: {error.strerror}") from None
