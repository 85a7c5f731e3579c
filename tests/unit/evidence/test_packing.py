"""Packed records: digests are stored as raw bytes, and what was packed is read back byte for byte."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duecare_core.errors import BadEvidence
from duecare_core.evidence.packing import pack, unpack

HEX = st.integers(0, 200).flatmap(lambda size: st.text("0123456789abcdef", min_size=size, max_size=size))
WORDS = st.lists(st.one_of(st.text(max_size=80), HEX), max_size=12)


@given(WORDS)
def test_what_was_packed_is_read_back(words: list[str]) -> None:
    data = json.dumps(words, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert unpack(pack(data)) == data


def test_each_digest_takes_about_its_32_bytes() -> None:
    def record(count: int) -> bytes:
        return json.dumps([f"sha256:{os.urandom(32).hex()}" for _ in range(count)]).encode()

    assert len(pack(record(20))) - len(pack(record(10))) <= 10 * 35


@pytest.mark.parametrize("mark", [b"\x01", b"\x02"])
def test_a_control_character_cannot_stand_for_bytes_that_are_not_there(mark: bytes) -> None:
    with pytest.raises(BadEvidence):
        pack(b'["' + mark + b'"]')


@pytest.mark.parametrize("change", [lambda p: p[:-1], lambda p: p + b"x", lambda p: b"\x01" + p[1:], lambda p: b""])
def test_packed_bytes_that_were_changed_in_length_or_form_are_refused(change: object) -> None:
    packed = pack(json.dumps(["sha256:" + "ab" * 32]).encode())
    with pytest.raises(BadEvidence):
        unpack(change(packed))  # type: ignore[operator]
