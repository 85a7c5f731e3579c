"""A log of 70,000 records on disk, made by this project's code alone, for others to verify."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from duecare_core.evidence.log.entry import entry, pack_entries
from duecare_core.evidence.log.logproof import encode
from duecare_core.evidence.log.merkle import (
    HASH_BYTES,
    HEIGHT,
    TILE_WIDTH,
    Tile,
    append,
    consistency_proof,
    entries_path,
    inclusion_proof,
    leaf_hash,
)
from duecare_core.evidence.log.note import Checkpoint, LogKey, WitnessKey, add_lines, b64

SIZE = 70_000
ORIGIN = "duecare.example/log"
KEY = LogKey(ORIGIN, b"l" * 32)
WITNESSES = (WitnessKey("w1.example", b"1" * 32), WitnessKey("w2.example/b", b"2" * 32))
# Where a checkpoint is signed: beside the edges of tiles of every level, and in between.
SIGNED = (1, 2, 3, 255, 256, 257, 511, 512, 1000, 4095, 32768, 40961, 65535, 65536, 65537, 65792, 69_999, SIZE)
# How many records come at once in between.
BATCHES = (1, 7, 256, 1000, 255, 4096, 33, 9000)
FIRST = 1767603600  # 2026-01-05T09:00:00Z


class Grown(NamedTuple):
    """`home` has the log's files; `roots`: of each signed size."""

    home: Path
    entries: list[bytes]
    roots: dict[int, bytes]

    def tile(self, tile: Tile) -> bytes:
        return (self.home / tile.path).read_bytes()

    def earlier(self, tile: Tile) -> bytes:
        """A tile of any smaller tree: what stands in the largest one, up to its width."""
        last = (SIZE >> HEIGHT * tile.level) - tile.index * TILE_WIDTH
        return self.tile(tile._replace(width=min(TILE_WIDTH, last)))[: tile.width * HASH_BYTES]


def grow(home: Path) -> Grown:
    """Everything is fixed, so that it is the same log each time."""
    entries = [_entry(number) for number in range(SIZE)]
    leaves = [leaf_hash(one) for one in entries]
    grown = Grown(home, entries, {})
    size = 0
    for end in _steps():
        made = append(size, grown.tile, leaves[size:end])
        for tile, data in made.tiles.items():
            _write(home / tile.path, data)
        for first in range(size // TILE_WIDTH * TILE_WIDTH, end, TILE_WIDTH):
            part = entries[first : min(first + TILE_WIDTH, end)]
            _write(home / entries_path(first // TILE_WIDTH, len(part)), pack_entries(part))
        size = made.size
        if size in SIGNED:
            grown.roots[size] = made.root
            _write(home / f"checkpoint.{size}", _note(size, made.root).encode())
    for old in SIGNED:
        for new in (one for one in SIGNED if one >= old):
            lines = "".join(f"{b64(one)}\n" for one in consistency_proof(old, new, grown.tile))
            _write(home / "proof" / f"{old}-{new}.consistency", lines.encode())
    note = _note(SIZE, grown.roots[SIZE])
    for index in (*range(0, SIZE, 700), *range(SIZE - 20, SIZE)):
        text = encode(index, inclusion_proof(index, SIZE, grown.tile), note)
        _write(home / "proof" / f"{index}.tlog-proof", text.encode())
    return grown


def _steps() -> Iterator[int]:
    """The sizes that the log grows through."""
    size, turn = 0, 0
    for signed in SIGNED:
        while size < signed:
            size = min(size + BATCHES[turn % len(BATCHES)], signed)
            turn += 1
            yield size


def _entry(number: int) -> bytes:
    kind = ("decision", "statement", "party", "receipt-key", "erasure")[number % 5]
    at = datetime.fromtimestamp(FIRST + number, UTC).isoformat().replace("+00:00", "Z")
    return entry(kind, f"{kind}-{number}" + "欠" * (number % 40), f"sha256:{number:064x}", at)


def _note(size: int, root: bytes) -> str:
    text = Checkpoint(ORIGIN, size, root).text()
    return add_lines(KEY.sign(text), [one.cosign(text, FIRST + size) for one in WITNESSES])


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
