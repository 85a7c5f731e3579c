"""pymerkle, a Merkle tree that others made in Python, has the roots and the proofs that our tiles have."""

from __future__ import annotations

from random import Random

import pymerkle
import pytest

from duecare_core.evidence.log.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from tests.interop.grown import SIGNED, SIZE, Grown

RANDOM = Random(70_000)
SIZES = sorted({*SIGNED, *RANDOM.sample(range(1, SIZE), 30)})


@pytest.fixture(scope="module")
def theirs(grown: Grown) -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries(grown.entries)
    return tree


def test_every_tree_has_the_same_root(grown: Grown, theirs: pymerkle.InmemoryTree) -> None:
    for size in SIZES:
        assert theirs.get_root(size) == root(size, grown.earlier)
    for size, signed in grown.roots.items():
        assert theirs.get_root(size) == signed


def test_inclusion_is_proven_by_the_same_hashes(grown: Grown, theirs: pymerkle.InmemoryTree) -> None:
    for size in SIZES:
        top = theirs.get_root(size)
        for index in {0, size // 2, size - 1, *(RANDOM.randrange(size) for _ in range(3))}:
            proof, leaf = theirs.prove_inclusion(index + 1, size), leaf_hash(grown.entries[index])
            assert proof.path == [leaf, *inclusion_proof(index, size, grown.earlier)]
            pymerkle.verify_inclusion(leaf, root(size, grown.earlier), proof, index=index + 1, size=size)
            verify_inclusion(leaf, index, size, proof.path[1:], top)


def test_each_believes_of_the_others_trees_that_one_grew_from_the_other(
    grown: Grown, theirs: pymerkle.InmemoryTree
) -> None:
    """Its proofs are longer than RFC 6962 has them where the old tree is a full subtree of the new one."""
    for old in SIZES:
        for new in (one for one in (*SIGNED[::3], SIZE) if one >= old):
            roots = root(old, grown.earlier), root(new, grown.earlier)
            pymerkle.verify_consistency(*roots, theirs.prove_consistency(old, new), prior_size=old, later_size=new)
            ours = consistency_proof(old, new, grown.earlier)
            verify_consistency(old, theirs.get_root(old), new, theirs.get_root(new), ours)
