"""The tree of the log as tiles: where they stand, how many there are, and what RFC 6962 says the hashes are."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from duecare_core.errors import BadEvidence
from duecare_core.evidence.log.merkle import (
    EMPTY_ROOT,
    MAX_TREE_SIZE,
    Tile,
    append,
    consistency_proof,
    edge,
    entries_path,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

HASHES = [leaf_hash(str(number).encode()) for number in range(300)]
# The roots of Certificate Transparency's own test of its trees, over these entries.
ENTRIES = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes.fromhex("606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def nothing(tile: Tile) -> bytes:
    raise AssertionError(f"{tile.path} need not be read")


def tree(*batches: int) -> tuple[int, dict[Tile, bytes]]:
    """Size and tiles of a tree that grew in these batches."""
    size, tiles = 0, dict[Tile, bytes]()
    for batch in batches:
        made = append(size, tiles.__getitem__, HASHES[size : size + batch])
        size = made.size
        tiles |= made.tiles
    return size, tiles


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_certificate_transparency(size: int) -> None:
    made = append(0, nothing, [leaf_hash(one) for one in ENTRIES[:size]])
    assert made.root.hex() == ROOTS[size]
    assert root(size, made.tiles.__getitem__).hex() == ROOTS[size]


def test_a_leaf_and_a_node_can_not_be_taken_for_each_other() -> None:
    left, right = HASHES[:2]
    assert leaf_hash(b"data") == hashlib.sha256(b"\x00data").digest()
    assert node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()
    assert leaf_hash(left + right) != node_hash(left, right)


def test_the_empty_tree_has_no_tiles_and_the_hash_of_nothing_as_its_root() -> None:
    made = append(0, nothing, [])
    assert made == (0, EMPTY_ROOT, {})
    assert hashlib.sha256().digest() == EMPTY_ROOT == root(0, nothing)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0, 256), "tile/0/000"),
        (Tile(0, 999, 256), "tile/0/999"),
        (Tile(0, 1000, 256), "tile/0/x001/000"),
        (Tile(0, 1234067, 256), "tile/0/x001/x234/067"),
        (Tile(0, 1000000, 1), "tile/0/x001/x000/000.p/1"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(1, 1, 17), "tile/1/001.p/17"),
        (Tile(5, 0, 255), "tile/5/000.p/255"),
    ],
)
def test_a_tile_stands_where_the_specification_says(tile: Tile, path: str) -> None:
    assert tile.path == path


def test_an_entry_bundle_stands_where_the_specification_says() -> None:
    assert entries_path(0, 256) == "tile/entries/000"
    assert entries_path(273, 112) == "tile/entries/273.p/112"
    assert entries_path(1234067, 8) == "tile/entries/x001/x234/067.p/8"


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    """The example of c2sp.org/tlog-tiles, "Partial Tiles"."""
    made = append(0, nothing, [b"h" * 32] * 70_000)
    assert Counter((tile.level, tile.width) for tile in made.tiles) == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }
    assert edge(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [one.path for one in edge(70_000)] == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]


@pytest.mark.parametrize(
    ("size", "edges"),
    [
        (0, []),
        (1, [Tile(0, 0, 1)]),
        (256, [Tile(1, 0, 1)]),
        (257, [Tile(0, 1, 1), Tile(1, 0, 1)]),
        (65536, [(2, 0, 1)]),
    ],
)
def test_the_edge_is_what_must_be_read_before_leaves_are_added(size: int, edges: list[Tile]) -> None:
    assert edge(size) == edges


def test_only_what_is_new_is_written() -> None:
    size, tiles = tree(255)
    made = append(size, tiles.__getitem__, HASHES[255:256])
    assert list(made.tiles) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert append(256, (tiles | made.tiles).__getitem__, []).tiles == {}
    assert list(append(256, (tiles | made.tiles).__getitem__, HASHES[256:258]).tiles) == [Tile(0, 1, 2)]


def test_a_tile_that_does_not_hold_its_hashes_is_not_read_on() -> None:
    size, _ = tree(300)
    for damaged in (b"", b"h" * 31, b"h" * 33, b"h" * 32 * 300):
        with pytest.raises(BadEvidence, match="does not hold"):
            append(size, lambda _, damaged=damaged: damaged, HASHES[:1])  # type: ignore[misc]
        with pytest.raises(BadEvidence, match="does not hold"):
            root(size, lambda _, damaged=damaged: damaged)  # type: ignore[misc]


def test_what_the_tree_does_not_have_has_no_proof() -> None:
    size, tiles = tree(5)
    for index in (-1, 5, 6):
        with pytest.raises(BadEvidence, match="no such leaf"):
            inclusion_proof(index, size, tiles.__getitem__)
        with pytest.raises(BadEvidence, match="no such leaf"):
            verify_inclusion(HASHES[0], index, size, [], root(size, tiles.__getitem__))
    for old, new in ((6, 5), (-1, 5)):
        with pytest.raises(BadEvidence, match="does not shrink"):
            consistency_proof(old, new, tiles.__getitem__)
        with pytest.raises(BadEvidence, match="does not shrink"):
            verify_consistency(old, EMPTY_ROOT, new, EMPTY_ROOT, [])


def test_a_size_beyond_all_trees_is_refused() -> None:
    with pytest.raises(BadEvidence):
        verify_inclusion(HASHES[0], 0, MAX_TREE_SIZE + 1, [], HASHES[0])
    with pytest.raises(BadEvidence):
        verify_consistency(1, HASHES[0], MAX_TREE_SIZE + 1, HASHES[0], [])


def test_every_tree_grows_from_the_empty_one_and_from_itself() -> None:
    size, tiles = tree(5)
    top = root(size, tiles.__getitem__)
    assert consistency_proof(0, size, tiles.__getitem__) == consistency_proof(size, size, tiles.__getitem__) == []
    verify_consistency(0, EMPTY_ROOT, size, top, [])
    verify_consistency(size, top, size, top, [])
    for old_size, old_root, proof in ((0, top, []), (size, HASHES[0], []), (0, EMPTY_ROOT, [top]), (size, top, [top])):
        with pytest.raises(BadEvidence, match="not the same"):
            verify_consistency(old_size, old_root, size, top, proof)


def test_a_hash_in_a_proof_has_32_bytes() -> None:
    size, tiles = tree(2)
    with pytest.raises(BadEvidence, match="32 bytes"):
        verify_inclusion(HASHES[0], 0, size, [HASHES[1][:31]], root(size, tiles.__getitem__))


@pytest.mark.parametrize("leaf", [b"", b"x" * 31, b"x" * 33])
def test_only_hashes_are_appended(leaf: bytes) -> None:
    with pytest.raises(BadEvidence, match="32 bytes"):
        append(0, nothing, [HASHES[0], leaf])
