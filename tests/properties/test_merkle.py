"""The tree in tiles is the tree of RFC 6962, written down here as the RFC has it, however it grew."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.errors import BadEvidence
from duecare_core.evidence.log.merkle import (
    EMPTY_ROOT,
    Tile,
    append,
    consistency_proof,
    edge,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 67_100  # so large that there is a level 2
LEAVES = [leaf_hash(f"leaf {number}".encode()) for number in range(LARGEST)]
THOROUGH = settings(max_examples=300)
# Sizes around those where tiles and levels begin are drawn as often as all others.
EDGES = sorted({near + by for near in (0, 1, 256, 512, 1024, 65_280, 65_536, LARGEST) for by in range(-3, 4)})
sizes = st.sampled_from([size for size in EDGES if 0 < size <= LARGEST]) | st.integers(1, LARGEST)
_subtrees: dict[tuple[int, int], bytes] = {}


def mth(start: int, end: int) -> bytes:
    """Merkle Tree Hash over LEAVES[start:end]: section 2.1."""
    if end - start == 0:
        return hashlib.sha256(b"").digest()
    if end - start == 1:
        return LEAVES[start]
    if (start, end) not in _subtrees:
        k = split(end - start)
        both = mth(start, start + k) + mth(start + k, end)
        _subtrees[start, end] = hashlib.sha256(b"\x01" + both).digest()
    return _subtrees[start, end]


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m: int, start: int, end: int) -> list[bytes]:
    """Section 2.1.1."""
    if end - start == 1:
        return []
    k = split(end - start)
    if m < k:
        return [*path(m, start, start + k), mth(start + k, end)]
    return [*path(m - k, start + k, end), mth(start, start + k)]


def subproof(m: int, start: int, end: int, whole: bool) -> list[bytes]:
    """Section 2.1.2."""
    if m == end - start:
        return [] if whole else [mth(start, end)]
    k = split(end - start)
    if m <= k:
        return [*subproof(m, start, start + k, whole), mth(start + k, end)]
    return [*subproof(m - k, start + k, end, False), mth(start, start + k)]


def tiles(size: int) -> dict[str, bytes]:
    """Every tile of a tree by its path, from the formula of c2sp.org/tlog-tiles."""
    found, level = {}, 0
    while span := 256**level:
        width = size // span
        if not width:
            return found
        for index in range((width + 255) // 256):
            hashes = [mth(at * span, at * span + span) for at in range(index * 256, min(index * 256 + 256, width))]
            tail = "" if len(hashes) == 256 else f".p/{len(hashes)}"
            found[f"tile/{level}/{index:03}{tail}"] = b"".join(hashes)
        level += 1
    return found


WHOLE = tiles(LARGEST)
assert len(WHOLE) == 263 + 2 + 1


class Published:
    """Reads the tiles of a tree of one size, and no others; notes which."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked: set[Tile] = set()

    def read(self, tile: Tile) -> bytes:
        self.asked.add(tile)
        there = (self.size >> 8 * tile.level) - tile.index * 256
        assert 1 <= tile.width == min(256, there), f"{tile.path} is not of a tree of {self.size}"
        full = f"tile/{tile.level}/{tile.index:03}"
        wide = next(name for name in (full, f"{full}.p/{(LARGEST >> 8 * tile.level) % 256}") if name in WHOLE)
        return WHOLE[wide][: tile.width * 32]


def levels(size: int) -> int:
    return sum(size >= 256**level for level in range(3))


@given(sizes)
@THOROUGH
def test_the_root_is_that_of_the_tree(size: int) -> None:
    published = Published(size)
    assert root(size, published.read) == mth(0, size)
    assert {tile.path for tile in edge(size)} <= {tile.path for tile in published.asked}


def test_the_empty_tree_has_a_root_and_no_tiles() -> None:
    assert root(0, Published(0).read) == EMPTY_ROOT == mth(0, 0)
    assert edge(0) == []
    assert append(0, Published(0).read, []) == (0, EMPTY_ROOT, {})


@given(st.data(), sizes)
@THOROUGH
def test_an_inclusion_proof_is_the_path_and_verifies(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1) | st.sampled_from([0, size - 1, split(size) % size]))
    published = Published(size)
    proof = inclusion_proof(index, size, published.read)
    assert proof == path(index, 0, size)
    verify_inclusion(LEAVES[index], index, size, proof, mth(0, size))
    # The leaf's own tile and its parents, and the right edge: nothing else is fetched.
    assert len(published.asked) <= 2 * levels(size)


@given(sizes, sizes)
@THOROUGH
def test_a_consistency_proof_is_the_one_of_the_rfc_and_verifies(one: int, other: int) -> None:
    old, new = sorted((one, other))
    published = Published(new)
    proof = consistency_proof(old, new, published.read)
    assert proof == subproof(old, 0, new, True)
    verify_consistency(old, mth(0, old), new, mth(0, new), proof)
    assert len(published.asked) <= 2 * levels(new)


@given(sizes)
def test_every_tree_is_consistent_with_the_empty_one(size: int) -> None:
    assert consistency_proof(0, size, Published(size).read) == []
    verify_consistency(0, EMPTY_ROOT, size, mth(0, size), [])
    with pytest.raises(BadEvidence):
        verify_consistency(0, mth(0, size), size, mth(0, size), [])


@given(
    st.sampled_from([0, 1, 255, 256, 300, 65_000, 65_279, 65_280, 65_535, 65_536]),
    st.lists(st.integers(0, 300) | st.sampled_from([255, 256, 257]), max_size=5),
)
@settings(max_examples=100)
def test_any_split_into_batches_makes_the_same_tiles(start: int, batches: list[int]) -> None:
    made: dict[Tile, bytes] = {}
    size = start
    for batch in batches:
        before = Published(size)

        def read(tile: Tile, before: Published = before, made: dict[Tile, bytes] = made) -> bytes:
            data = before.read(tile)  # it must be one of the tree that there was
            assert made.get(tile, data) == data
            return data

        grown = append(size, read, LEAVES[size : size + batch])
        size += batch
        assert (grown.size, grown.root) == (size, mth(0, size))
        assert all(Published(size).read(tile) == data for tile, data in grown.tiles.items())
        assert set(grown.tiles) == published_tiles(size) - published_tiles(size - batch), "what was not there before"
        made |= grown.tiles
        # The edge, and what the root needs besides: a handful, whatever the size.
        assert len(before.asked) <= 2 * levels(size)


def published_tiles(size: int) -> set[Tile]:
    found = set()
    for level in range(levels(size)):
        width = size >> 8 * level
        found |= {Tile(level, index, min(256, width - index * 256)) for index in range((width + 255) // 256)}
    return found


@given(st.data(), sizes)
@settings(max_examples=30)
def test_no_byte_of_an_inclusion_proof_can_be_changed(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = path(index, 0, size)
    change = data.draw(st.integers(1, 255))
    for hashes in flipped([LEAVES[index], mth(0, size), *proof], change):
        with pytest.raises(BadEvidence):
            verify_inclusion(hashes[0], index, size, hashes[2:], hashes[1])
    for wrong in reshaped(proof):
        with pytest.raises(BadEvidence):
            verify_inclusion(LEAVES[index], index, size, wrong, mth(0, size))


@given(st.data(), sizes)
def test_a_proof_is_of_one_place_only(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-5, size + 5).filter(lambda one: one != index))
    with pytest.raises(BadEvidence):
        verify_inclusion(LEAVES[index], other, size, path(index, 0, size), mth(0, size))


@given(st.data(), sizes, sizes)
@settings(max_examples=30)
def test_no_byte_of_a_consistency_proof_can_be_changed(data: st.DataObject, one: int, other: int) -> None:
    old, new = sorted((one, other))
    proof = subproof(old, 0, new, True)
    change = data.draw(st.integers(1, 255))
    for hashes in flipped([mth(0, old), mth(0, new), *proof], change):
        with pytest.raises(BadEvidence):
            verify_consistency(old, hashes[0], new, hashes[1], hashes[2:])
    for wrong in reshaped(proof):
        with pytest.raises(BadEvidence):
            verify_consistency(old, mth(0, old), new, mth(0, new), wrong)


@given(sizes, sizes)
@THOROUGH
def test_a_tree_that_shrank_is_not_consistent(one: int, other: int) -> None:
    old, new = sorted((one, other))
    if old == new:
        return
    with pytest.raises(BadEvidence):
        consistency_proof(new, old, Published(old).read)
    with pytest.raises(BadEvidence):
        verify_consistency(new, mth(0, new), old, mth(0, old), subproof(old, 0, new, True))


some_hash = st.binary(max_size=40) | st.binary(min_size=32, max_size=32)
numbers = st.integers() | st.integers(0, 20) | st.sampled_from([2**62, 2**63 - 1, 2**63, 2**64, 10**30])


@given(some_hash, numbers, numbers, st.lists(some_hash, max_size=70), some_hash)
def test_whatever_is_claimed_is_refused_as_bad_evidence(
    one: bytes, first: int, second: int, proof: list[bytes], other: bytes
) -> None:
    with pytest.raises(BadEvidence):
        verify_inclusion(one, first, second, [*proof, b"\x07" * 32], other)
    with pytest.raises(BadEvidence):
        verify_consistency(first, one, second, other, [*proof, b"\x07" * 32])


def test_a_tile_that_is_too_short_or_too_long_is_not_used() -> None:
    for by in (-32, -1, 1, 32):

        def wrong(tile: Tile, by: int = by) -> bytes:
            data = Published(300).read(tile)
            return data[:by] if by < 0 else data + bytes(by)

        with pytest.raises(BadEvidence, match="does not hold"):
            root(300, wrong)
        with pytest.raises(BadEvidence, match="does not hold"):
            inclusion_proof(7, 300, wrong)
        with pytest.raises(BadEvidence, match="does not hold"):
            consistency_proof(100, 300, wrong)
        with pytest.raises(BadEvidence, match="does not hold"):
            append(300, wrong, LEAVES[300:301])


def flipped(hashes: Sequence[bytes], change: int) -> list[list[bytes]]:
    """These hashes, once for every byte of them with that one changed."""
    found = []
    for number, one in enumerate(hashes):
        for at in range(len(one)):
            changed = one[:at] + bytes([one[at] ^ change]) + one[at + 1 :]
            found.append([*hashes[:number], changed, *hashes[number + 1 :]])
    return found


def reshaped(proof: list[bytes]) -> list[list[bytes]]:
    """The same hashes, one too few or too many, one cut short, or two in the other order."""
    shorter = [proof[:at] + proof[at + 1 :] for at in range(len(proof))]
    longer = [[*proof[:at], b"\x01" * 32, *proof[at:]] for at in range(len(proof) + 1)]
    doubled = [[*proof[: at + 1], *proof[at:]] for at in range(len(proof))]
    swapped = [[*proof[:a], proof[b], proof[a], *proof[b + 1 :]] for a, b in pairwise(range(len(proof)))]
    cut = [[*proof[:at], proof[at][:31], *proof[at + 1 :]] for at in range(len(proof))]
    return shorter + longer + doubled + swapped + cut
