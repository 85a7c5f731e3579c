"""The tree's names and hashes, by examples of others: c2sp.org/tlog-tiles, and a tree of Certificate Transparency."""

from __future__ import annotations

import pytest

from duecare.errors import BadEvidence
from duecare.evidence.merkle import EMPTY_ROOT, Tile, append, edge, entries_path, leaf_hash, node_hash

# What implementations of RFC 6962 are tried with: eight leaves, and the root after each.
LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def test_leaves_and_nodes_are_hashed_apart() -> None:
    assert leaf_hash(b"").hex() == ROOTS[0]
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    left, right = leaf_hash(b"l"), leaf_hash(b"r")
    assert node_hash(left, right) != leaf_hash(left + right)


def test_the_roots_of_a_small_tree_are_those_of_certificate_transparency() -> None:
    held: dict[Tile, bytes] = {}
    for size, (leaf, expected) in enumerate(zip(LEAVES, ROOTS, strict=True)):
        grown = append(size, held.__getitem__, [leaf_hash(bytes.fromhex(leaf))])
        held |= grown.tiles
        assert grown.root.hex() == expected


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0, 256), "tile/0/000"),
        (Tile(0, 0, 1), "tile/0/000.p/1"),
        (Tile(3, 999, 255), "tile/3/999.p/255"),
        (Tile(1, 1000, 256), "tile/1/x001/000"),
        (Tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (Tile(0, 1_234_067, 8), "tile/0/x001/x234/067.p/8"),
        (Tile(2, 1_000_000, 256), "tile/2/x001/x000/000"),
    ],
)
def test_tiles_and_entries_stand_where_the_specification_has_them(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert entries_path(tile.index, tile.width) == path.replace(f"tile/{tile.level}/", "tile/entries/")


def test_a_tree_of_70000_has_the_tiles_of_the_specifications_example() -> None:
    made = append(0, dict[Tile, bytes]().__getitem__, [bytes(32)] * 70_000).tiles
    assert [tile for tile in made if tile.width < 256] == edge(70_000)
    assert edge(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [sum(tile[::2] == (level, 256) for tile in made) for level in (0, 1, 2)] == [273, 1, 0]


def test_a_full_tile_stands_beside_its_parents_first_hash() -> None:
    made = append(0, dict[Tile, bytes]().__getitem__, [bytes(32)] * 256)
    assert list(made.tiles) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert made.tiles[Tile(1, 0, 1)] == made.root
    assert edge(256) == [Tile(1, 0, 1)]


@pytest.mark.parametrize("leaf", [b"", b"x" * 31, b"x" * 33])
def test_only_hashes_are_appended(leaf: bytes) -> None:
    with pytest.raises(BadEvidence, match="32 bytes"):
        append(0, dict[Tile, bytes]().__getitem__, [leaf_hash(b""), leaf])
