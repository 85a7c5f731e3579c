"""What the log's objects become when entries are added: only over the tree that the head names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from duecare.ports import LogFiles
from duecare.usecases.log.published_log import Tiles
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence.log.entry import pack_entries, unpack_entries
from duecare_core.evidence.log.merkle import TILE_WIDTH, Tile, append, entries_path, leaf_hash, root


class TreeGrowth(NamedTuple):
    """The tree with the new entries; `files`: every tile and entry bundle that is new, by name."""

    size: int
    root: bytes
    files: dict[str, bytes]


def grow(files: LogFiles, size: int, root_hash: bytes, entries: Sequence[bytes]) -> TreeGrowth:
    """Add these entries to the tree of this size and root. Raises StoreFailed, also where what is published is not that
    tree: a root made over it would contradict the checkpoints before, and would be signed."""
    tiles = Tiles(files)
    try:
        if root(size, tiles.read) != root_hash:
            raise BadEvidence("the tiles do not have the head's root")
        bundles = _bundles(files, size, tiles, entries)
        made = append(size, tiles.read, [leaf_hash(one) for one in entries])
    except BadEvidence as error:
        raise StoreFailed(f"the published log is not the one that the head names: {error}") from error
    return TreeGrowth(made.size, made.root, {tile.path: data for tile, data in made.tiles.items()} | bundles)


def _bundles(files: LogFiles, size: int, tiles: Tiles, entries: Sequence[bytes]) -> dict[str, bytes]:
    """The entry bundles that change: from the one that is partly full on. Raises BadEvidence, StoreFailed."""
    first, width = divmod(size, TILE_WIDTH)
    held = _held(files, first, width, tiles) if width else []
    all_ = [*held, *entries]
    parts = (all_[at : at + TILE_WIDTH] for at in range(0, len(all_), TILE_WIDTH))
    return {entries_path(first + at, len(part)): pack_entries(part) for at, part in enumerate(parts)}


def _held(files: LogFiles, index: int, width: int, tiles: Tiles) -> list[bytes]:
    """The entries of a bundle that is partly full, held against their tile."""
    name = entries_path(index, width)
    data = files.read(name)
    if data is None:
        raise StoreFailed(f"the log's {name} is not there")
    held = unpack_entries(data)
    if b"".join(leaf_hash(one) for one in held) != tiles.read(Tile(0, index, width)):
        raise BadEvidence(f"{name} does not hold what its tile does")
    return held
