"""Adds entries to the log's tree, after checking that the published tiles are the tree that the head names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from duecare.ports import LogFiles
from duecare.usecases.log.published_log import Tiles
from duecare_core.errors import BadEvidence, StoreFailed
from duecare_core.evidence.log.entry import pack_entries, unpack_entries
from duecare_core.evidence.log.merkle import TILE_WIDTH, Tile, append, entries_path, leaf_hash, root


class TreeGrowth(NamedTuple):
    """The tree with the new entries. `files`: the new tiles and entry bundles, by name."""

    size: int
    root: bytes
    files: dict[str, bytes]


def grow(files: LogFiles, size: int, root_hash: bytes, entries: Sequence[bytes]) -> TreeGrowth:
    """Add these entries to the tree of this size and root.

    Raises StoreFailed, also if the published tiles have another root: signing a tree built on them would contradict
    earlier checkpoints.
    """
    tiles = Tiles(files)
    try:
        if root(size, tiles.read) != root_hash:
            raise BadEvidence("the tiles do not have the head's root")
        bundles = _bundles(files, size, tiles, entries)
        appended = append(size, tiles.read, [leaf_hash(one) for one in entries])
    except BadEvidence as error:
        raise StoreFailed(f"the published log does not match the head: {error}") from error
    return TreeGrowth(
        appended.size, appended.root, {tile.path: data for tile, data in appended.tiles.items()} | bundles
    )


def _bundles(files: LogFiles, size: int, tiles: Tiles, entries: Sequence[bytes]) -> dict[str, bytes]:
    """The new entry bundles, beginning with the one that is partly full. Raises BadEvidence, StoreFailed."""
    first, width = divmod(size, TILE_WIDTH)
    partial = _partial_bundle(files, first, width, tiles) if width else []
    together = [*partial, *entries]
    parts = (together[at : at + TILE_WIDTH] for at in range(0, len(together), TILE_WIDTH))
    return {entries_path(first + at, len(part)): pack_entries(part) for at, part in enumerate(parts)}


def _partial_bundle(files: LogFiles, index: int, width: int, tiles: Tiles) -> list[bytes]:
    """The entries of a bundle that is partly full, checked against their tile."""
    name = entries_path(index, width)
    data = files.read(name)
    if data is None:
        raise StoreFailed(f"the log has no {name}")
    entries = unpack_entries(data)
    if b"".join(leaf_hash(one) for one in entries) != tiles.read(Tile(0, index, width)):
        raise BadEvidence(f"{name} does not match its tile")
    return entries
