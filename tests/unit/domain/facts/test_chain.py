"""The head of a recipient's chain."""

from __future__ import annotations

import hashlib

import pytest

from duecare_core.domain.facts.chain import ChainHead, extended, head_of

FIRST, SECOND = ("sha256:" + hashlib.sha256(name).hexdigest() for name in (b"first", b"second"))


def test_the_head_hashes_the_raw_bytes_of_the_head_before_and_of_the_id() -> None:
    head = hashlib.sha256(bytes(32) + hashlib.sha256(b"first").digest()).digest()
    one = extended(None, "mou-zichan", FIRST)
    assert one == ChainHead("mou-zichan", 1, f"sha256:{head.hex()}")
    head = hashlib.sha256(head + hashlib.sha256(b"second").digest()).digest()
    assert extended(one, "mou-zichan", SECOND) == ChainHead("mou-zichan", 2, f"sha256:{head.hex()}")


def test_an_empty_chain_has_no_head() -> None:
    assert head_of("*", []) is None


@pytest.mark.parametrize("bad", ["", FIRST[7:], FIRST[:-1], FIRST + "0", FIRST + "#3", "sha256:" + "g" * 64])
def test_what_is_no_digest_is_no_link(bad: str) -> None:
    with pytest.raises(ValueError, match=r"sha256|hexadecimal"):
        extended(None, "*", bad)


def test_the_head_of_one_chain_does_not_continue_another() -> None:
    with pytest.raises(ValueError, match="another chain"):
        extended(extended(None, "*", FIRST), "mou-zichan", SECOND)
