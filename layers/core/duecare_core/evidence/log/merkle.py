"""The Merkle tree of the log (RFC 6962, section 2.1), kept as tiles (c2sp.org/tlog-tiles).

A tile of level L and index N holds the hashes of 256 adjacent subtrees of 256^L leaves each. The last tile of a level
may be partial, and then its width is part of its name. A tree never changes what it holds: a larger tree has the same
full tiles and other partial ones. Nothing here does I/O: a `Read` returns the hashes of a tile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from duecare_core.errors import BadEvidence

HASH_BYTES = 32
HEIGHT = 8
TILE_WIDTH = 1 << HEIGHT
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_TREE_SIZE = (1 << 63) - 1  # leaves; a larger number is no valid size


class Tile(NamedTuple):
    """`width`: how many hashes it holds, 1 to 256."""

    level: int
    index: int  # type: ignore[assignment]  # the specification's name; tuple.index is not used
    width: int

    @property
    def path(self) -> str:
        return f"tile/{self.level}/{_tile_number(self.index, self.width)}"


# May be called for one tile several times in a row. Raises BadEvidence or StoreFailed if it has no answer.
Read = Callable[[Tile], bytes]


class AppendedTree(NamedTuple):
    """A tree after leaves were added: its size and root, and every new tile, full or partial."""

    size: int
    root: bytes
    tiles: dict[Tile, bytes]


def entries_path(index: int, width: int) -> str:
    """The path of the bundle with the entries of a tile of level 0."""
    return f"tile/entries/{_tile_number(index, width)}"


def leaf_hash(data: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return hashlib.sha256(b"\1" + left + right).digest()


def edge(size: int) -> list[Tile]:
    """The partial tiles of a tree, which `append` reads."""
    tiles = []
    for level, width in _levels(size):
        if width % TILE_WIDTH:
            tiles.append(Tile(level, width // TILE_WIDTH, width % TILE_WIDTH))
    return tiles


def append(size: int, read: Read, leaves: Sequence[bytes]) -> AppendedTree:
    """Add these leaf hashes to a tree of `size` leaves. Raises what `read` raises, and BadEvidence for a wrong length.

    Reads the partial tiles of the right edge and the tiles that the root needs. No full tile is written again.
    """
    if any(len(leaf) != HASH_BYTES for leaf in leaves):
        raise BadEvidence("a leaf's hash has 32 bytes")
    tiles: dict[Tile, bytes] = {}
    pending, level, below = list(leaves), 0, size
    partial = {tile.level: tile for tile in edge(size)}
    while pending:
        # `below`: the number of hashes of this level before. A hash of the next level covers 256 of them.
        old = partial.get(level)
        held = _hashes(read(old), old) if old else []
        first = below // TILE_WIDTH
        hashes = held + pending
        pending = []
        for at in range(0, len(hashes), TILE_WIDTH):
            part = hashes[at : at + TILE_WIDTH]
            tiles[Tile(level, first + at // TILE_WIDTH, len(part))] = b"".join(part)
            if len(part) == TILE_WIDTH:
                pending.append(root_of(part))
        below //= TILE_WIDTH
        level += 1
    after = size + len(leaves)
    return AppendedTree(after, root(after, _read_over(tiles, read)), tiles)


def root(size: int, read: Read) -> bytes:
    """The root hash of the tree of the first `size` leaves."""
    if size == 0:
        return EMPTY_ROOT
    return _subtree(0, size, size, read)


def inclusion_proof(index: int, size: int, read: Read) -> list[bytes]:
    """RFC 6962, section 2.1.1. Raises BadEvidence for an index outside the tree."""
    if not 0 <= index < size:
        raise BadEvidence("the tree has no such leaf")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_subtree(middle, end, size, read))
            end = middle
        else:
            proof.append(_subtree(start, middle, size, read))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, read: Read) -> list[bytes]:
    """RFC 6962, section 2.1.2; empty if `old` is 0 or equal to `new`. Raises BadEvidence if `old` is larger."""
    if not 0 <= old <= new:
        raise BadEvidence("a tree does not shrink")
    if old in (0, new):
        return []
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_subtree(middle, end, new, read))
            end = middle
        else:
            proof.append(_subtree(start, middle, new, read))
            start, whole = middle, False
    if not whole:
        proof.append(_subtree(start, end, new, read))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """RFC 9162, section 2.1.3.2. Raises BadEvidence."""
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise BadEvidence("the tree has no such leaf")
    at, last, computed = index, size - 1, leaf
    for hash_ in _checked_hashes(proof):
        if last == 0:
            raise BadEvidence("the proof is too long")
        if at & 1 or at == last:
            computed = node_hash(hash_, computed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            computed = node_hash(computed, hash_)
        at, last = at >> 1, last >> 1
    if last or computed != root_hash:
        raise BadEvidence("the proof does not lead to the root")


def verify_consistency(old_size: int, old_root: bytes, size: int, root_hash: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162, section 2.1.4.2. Raises BadEvidence."""
    if not 0 <= old_size <= size <= MAX_TREE_SIZE:
        raise BadEvidence("a tree does not shrink")
    if old_size in (0, size):
        same = old_root == (EMPTY_ROOT if old_size == 0 else root_hash)
        if proof or not same:
            raise BadEvidence("the trees are not the same")
        return
    hashes = list(_checked_hashes(proof))
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if at == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise BadEvidence("the proof is too short")
    old_computed = new_computed = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            raise BadEvidence("the proof is too long")
        if at & 1 or at == last:
            old_computed, new_computed = node_hash(hash_, old_computed), node_hash(hash_, new_computed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new_computed = node_hash(new_computed, hash_)
        at, last = at >> 1, last >> 1
    if last or old_computed != old_root or new_computed != root_hash:
        raise BadEvidence("the proof does not lead from the one root to the other")


def _tile_number(index: int, width: int) -> str:
    """Three digits per folder, all but the last with the prefix x; for a partial tile its width follows."""
    parts = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03}")
    return "/".join(parts) + ("" if width == TILE_WIDTH else f".p/{width}")


def _levels(size: int) -> Iterator[tuple[int, int]]:
    """Every level and its number of hashes."""
    level = 0
    while size:
        yield level, size
        size //= TILE_WIDTH
        level += 1


def _read_over(tiles: dict[Tile, bytes], read: Read) -> Read:
    return lambda tile: tiles[tile] if tile in tiles else read(tile)


def _hashes(data: bytes, tile: Tile) -> list[bytes]:
    if len(data) != tile.width * HASH_BYTES:
        raise BadEvidence(f"{tile.path} does not hold {tile.width} hashes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over adjacent hashes, of any number."""
    computed = list(hashes)
    while len(computed) > 1:
        paired = [node_hash(computed[at], computed[at + 1]) for at in range(0, len(computed) - 1, 2)]
        computed = paired if len(computed) % 2 == 0 else [*paired, computed[-1]]
    return computed[0]


def _split(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtree(start: int, end: int, size: int, read: Read) -> bytes:
    """The hash over the leaves from `start` to `end`, as RFC 6962 divides a tree of `size` leaves.

    The hash of a full subtree follows from one tile. Any other subtree is divided into a full left one and the rest.
    """
    count = end - start
    if count & (count - 1):
        middle = start + _split(count)
        return node_hash(_subtree(start, middle, size, read), _subtree(middle, end, size, read))
    level, above = divmod(count.bit_length() - 1, HEIGHT)
    scale = HEIGHT * level
    at = start >> scale
    index, offset = divmod(at, TILE_WIDTH)
    width = min(TILE_WIDTH, (size >> scale) - index * TILE_WIDTH)
    tile = Tile(level, index, width)
    data = read(tile)
    if len(data) != width * HASH_BYTES:
        raise BadEvidence(f"{tile.path} does not hold {width} hashes")
    part = data[offset * HASH_BYTES : (offset + (1 << above)) * HASH_BYTES]
    return root_of([part[at : at + HASH_BYTES] for at in range(0, len(part), HASH_BYTES)])


def _checked_hashes(proof: Sequence[bytes]) -> Iterator[bytes]:
    for hash_ in proof:
        if len(hash_) != HASH_BYTES:
            raise BadEvidence("a hash of a proof has 32 bytes")
        yield hash_
