"""Is the log whole, and did it only grow since it was looked at here before? Anyone can ask that."""

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

AT_ONCE = 8
# Bundles that may wait to be looked at: what is fetched must not pile up where hashing is slower than the network.
AHEAD = 8 * AT_ONCE
Fetch = Callable[[str], bytes | None]
Told = Callable[[int, int], None]
Places = dict[Identity, int]


class LogFault(NamedTuple):
    """What is wrong, and where: a record by its kind and id, or the log itself."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Outcome(NamedTuple):
    """`since`: the size that the log had when it was looked at before. `whole`: every entry was read, and they are what
    the log signed. `cosigned`: what the witnesses that were named have said of the checkpoint. `compared`: how many
    records of the store were held against their entries, None where none was; `pending`: how many have no entry yet,
    and may not have."""

    checkpoint: Checkpoint
    since: int | None
    faults: tuple[LogFault, ...]
    whole: bool
    cosigned: tuple[Cosignature, ...] = ()
    compared: int | None = None
    pending: int = 0


def check_log(
    fetch: Fetch, verifier_key: str, memory: Path, told: Told, witnesses: Sequence[Verifier] = ()
) -> tuple[Outcome, Places]:
    """The checkpoint, that these witnesses have cosigned it, that it follows the one that was seen before, every entry
    under it, and every tile over them; and the entries' places.

    `fetch`: the log's object of a name, None where there is none. `memory`: the file that holds the last checkpoint
    that was found good. Raises BadEvidence where there is no checkpoint to be trusted, CannotDecide where the log does
    not answer, BadSettings where `memory` cannot be written.
    """
    note = _fetched(fetch, "checkpoint").decode("utf-8", "replace")
    checkpoint = open_checkpoint(note, verifier_key)
    seen = cosigned(note, witnesses)
    unseen = tuple(LogFault(f"witness {one.name}", one.wrong) for one in seen if one.at is None)
    since, faults = _grown(memory, verifier_key, checkpoint, fetch)
    places: Places = {}
    wrong = tuple(_Walk(fetch, checkpoint, places, told).faults())
    if not (unseen or faults or wrong):
        remember(memory, note)
    return Outcome(checkpoint, since, (*unseen, *faults, *wrong), not wrong, seen), places


def _grown(memory: Path, verifier_key: str, now: Checkpoint, fetch: Fetch) -> tuple[int | None, tuple[LogFault, ...]]:
    """The size that was seen before, and whether what is there now is that log, grown."""
    seen = recall(memory)
    if seen is None:
        return None, ()
    try:
        before = open_checkpoint(seen, verifier_key)
    except BadEvidence:
        said = "what was seen of it here before is not signed with this key: it is another log, under the same name"
        return None, (LogFault("log", f"{said} (remembered in {memory}; remove that if you know why)"),)
    if now.size < before.size:
        said = f"it has {now.size} entries, and had {before.size} when it was looked at before"
        return before.size, (LogFault("log", said),)
    try:
        proof = consistency_proof(before.size, now.size, lambda tile: _fetched(fetch, tile.path))
        verify_consistency(before.size, before.root, now.size, now.root, proof)
    except BadEvidence as error:
        said = f"it is not the one that was looked at before, only larger: {error}"
        return before.size, (LogFault("log", said),)
    return before.size, ()


class _Walk:
    """Fetches every entry, hashes each, and holds the tree over them against checkpoint and tiles. `check_log` is its
    only user."""

    def __init__(self, fetch: Fetch, checkpoint: Checkpoint, places: Places, told: Told) -> None:
        self._fetch = fetch
        self._size = checkpoint.size
        self._root = checkpoint.root
        self._places = places
        self._told = told
        self._made: dict[Tile, bytes] = {}

    def faults(self) -> Iterator[LogFault]:
        try:
            yield from self._entries()
            if root(self._size, self._made.__getitem__) != self._root:
                yield LogFault("log", "the tree over its entries has another root than the checkpoint")
            yield from self._upper_tiles()
        except BadEvidence as error:
            yield LogFault("log", str(error))

    def _entries(self) -> Iterator[LogFault]:
        done = 0
        for entries, hashes in self._bundles():
            leaves = [leaf_hash(one) for one in entries]
            if b"".join(leaves) != hashes:
                yield LogFault("log", f"entry {done + _first_difference(leaves, hashes)} is not the one in the tree")
            yield from self._placed(done, entries)
            grown = append(done, self._made.__getitem__, leaves)
            self._keep(grown.tiles, edge(done))
            done = grown.size
            self._told(done, self._size)

    def _keep(self, tiles: dict[Tile, bytes], before: list[Tile]) -> None:
        """Of full tiles of the lowest level only the hash is needed, and stands above; of others, the widest."""
        wider = {(tile.level, tile.index) for tile in tiles}
        for tile in before:
            if (tile.level, tile.index) in wider:
                del self._made[tile]
        self._made |= {tile: data for tile, data in tiles.items() if tile.level or tile.width < TILE_WIDTH}

    def _placed(self, first: int, entries: list[bytes]) -> Iterator[LogFault]:
        for place, one in enumerate(entries, first):
            try:
                read = read_entry(one)
            except BadEvidence as error:
                yield LogFault("log", f"entry {place} cannot be read: {error}")
                continue
            identity = Identity(read.kind, read.id, read.record_sha256)
            if identity in self._places:
                yield LogFault(f"{read.kind} {read.id}", f"it has two entries: {self._places[identity]} and {place}")
            self._places.setdefault(identity, place)

    def _bundles(self) -> Iterator[tuple[list[bytes], bytes]]:
        """Entries and their hashes, in order; many are under way at once, and only so many wait."""
        count = -(-self._size // TILE_WIDTH)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for first in range(0, count, AHEAD):
                yield from pool.map(self._bundle, range(first, min(count, first + AHEAD)))

    def _bundle(self, number: int) -> tuple[list[bytes], bytes]:
        width = min(TILE_WIDTH, self._size - number * TILE_WIDTH)
        name = entries_path(number, width)
        try:
            entries = unpack_entries(_fetched(self._fetch, name))
        except BadEvidence as error:
            raise BadEvidence(f"{name}: {error}") from error
        if len(entries) != width:
            raise BadEvidence(f"{name} has {len(entries)} entries instead of {width}")
        return entries, _fetched(self._fetch, Tile(0, number, width).path)

    def _upper_tiles(self) -> Iterator[LogFault]:
        """No proof of ours needs them all, but those of others may."""
        for tile, made in self._made.items():
            if tile.level and _fetched(self._fetch, tile.path) != made:
                yield LogFault("log", f"{tile.path} is not the tile of its entries")


def _fetched(fetch: Fetch, name: str) -> bytes:
    data = fetch(name)
    if data is None:
        raise BadEvidence(f"the log has no {name}")
    return data


def _first_difference(leaves: list[bytes], hashes: bytes) -> int:
    pairs = enumerate(leaves)
    return next((at for at, one in pairs if hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES] != one), len(leaves))


# What was seen, from one look to the next


def checkpoint_file(verifier_key: str, folder: Path) -> Path:
    """Where the last checkpoint of a log is kept: by the log's name, so that another key under it is noticed."""
    return folder / f"log-{_short(verifier_key.partition('+')[0])}.checkpoint"


def key_file(url: str, folder: Path) -> Path:
    """Where the log's key is kept that the service at `url` was seen with."""
    return folder / f"log-{_short(url)}.key"


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:24]


def recall(memory: Path) -> str | None:
    """Raises BadSettings where something is there and cannot be read."""
    try:
        return memory.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return ""
    except OSError as error:
        raise BadSettings(f"{memory} cannot be read: {error.strerror}") from None


def remember(memory: Path, text: str) -> None:
    """As a whole or not at all: half a checkpoint would later look like another log. Raises BadSettings."""
    made = memory.with_name(f"{memory.name}.{os.getpid()}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(text, encoding="utf-8")
        made.replace(memory)
    except OSError as error:
        raise BadSettings(f"{memory} cannot be written: {error.strerror}") from None
