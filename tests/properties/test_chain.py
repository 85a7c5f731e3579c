"""The recipient's chain: its head commits to every statement in it, and to their order."""

from __future__ import annotations

import hashlib
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from duecare_core.domain.facts.chain import head_of

DIGESTS = st.binary(min_size=32, max_size=32).map(lambda raw: f"sha256:{raw.hex()}")
CHAINS = st.lists(DIGESTS, min_size=1, max_size=8)


@given(CHAINS)
def test_the_head_is_the_fold_of_the_contract(ids: list[str]) -> None:
    fold = reduce(lambda head, name: hashlib.sha256(head + bytes.fromhex(name[7:])).digest(), ids, bytes(32))
    head = head_of("*", ids)
    assert head is not None
    assert (head.of, head.seq, head.head) == ("*", len(ids), f"sha256:{fold.hex()}")


@given(CHAINS, CHAINS)
def test_different_chains_have_different_heads(one: list[str], other: list[str]) -> None:
    assert (head_of("*", one) == head_of("*", other)) == (one == other)


@given(CHAINS, st.data())
def test_leaving_a_statement_out_changes_the_head(ids: list[str], data: st.DataObject) -> None:
    left_out = data.draw(st.integers(0, len(ids) - 1))
    assert head_of("*", ids) != head_of("*", ids[:left_out] + ids[left_out + 1 :])
