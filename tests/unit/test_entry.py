"""Entries of the log and the bundles that they stand in: one spelling each, and whatever else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duecare.errors import BadEvidence
from duecare.evidence.canonical import canonical
from duecare.evidence.entry import Entry, entry, pack_entries, read_entry, unpack_entries

AT = "2026-11-20T04:00:00Z"
SHA = "sha256:" + "0f" * 32
GOOD = entry("decision", "0190", SHA, AT)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(texts, texts, texts, texts)
def test_what_is_written_is_the_canonical_form_and_is_read_back(kind: str, id_: str, record: str, at: str) -> None:
    data = entry(kind, id_, record, at)
    assert data == canonical({"kind": kind, "id": id_, "record_sha256": record, "at": at})
    assert read_entry(data) == Entry(kind, id_, record, at)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"entry"',
        b"{}",
        GOOD[:-1],
        GOOD + b"\n",
        GOOD + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b",", b", "),
        GOOD.replace(b'"0190"', b"190"),
        GOOD.replace(b'"0190"', b"null"),
        GOOD.replace(b'"0190"', b'"\\u0030190"'),
        GOOD.replace(b'"0190"', b'"\\ud800"'),
        GOOD.replace(b'"0190"', b'"\xff"'),
        GOOD.replace(b'"0190"', b"[" * 100_000 + b"]" * 100_000),
        GOOD.replace(b'"0190"', b"9" * 10_000),
        GOOD.replace(b'"0190"', b"NaN"),
        GOOD.replace(b'"id"', b'"ID"'),
        GOOD.replace(b'"id"', b'"at"'),
        GOOD.replace(b"}", b',"recipient":"+86"}'),
        GOOD.replace(b'"id":"0190",', b""),
        b'{"kind":"decision",' + GOOD[1:].replace(b'"kind":"decision",', b""),
    ],
)
def test_another_spelling_or_another_thing_is_no_entry(data: bytes) -> None:
    with pytest.raises(BadEvidence):
        read_entry(data)


@given(st.binary(max_size=60) | st.integers(0, len(GOOD)).map(lambda at: GOOD[:at] + b'"' + GOOD[at:]))
def test_no_bytes_break_the_reading_of_an_entry(data: bytes) -> None:
    with pytest.raises(BadEvidence):
        read_entry(data)


def test_a_lone_surrogate_is_never_logged() -> None:
    with pytest.raises(BadEvidence):
        entry("party", "\ud800", SHA, AT)


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_a_bundle_holds_its_entries(entries: list[bytes]) -> None:
    assert unpack_entries(pack_entries(entries)) == entries


def test_each_entry_stands_after_its_length_in_two_bytes() -> None:
    assert pack_entries([b"a", b"", b"b" * 256]) == b"\0\1a" + b"\0\0" + b"\1\0" + b"b" * 256


@given(st.binary(max_size=20))
def test_bytes_are_a_bundle_in_one_way_or_in_none(data: bytes) -> None:
    try:
        entries = unpack_entries(data)
    except BadEvidence:
        return
    assert pack_entries(entries) == data


@pytest.mark.parametrize("data", [b"\0", b"\0\1", b"\0\2a", b"\0\1ab", b"\xff\xff", b"\0\0\0"])
def test_a_bundle_does_not_end_within_an_entry(data: bytes) -> None:
    with pytest.raises(BadEvidence, match="in the middle"):
        unpack_entries(data)


def test_an_entry_has_at_most_the_bytes_that_its_length_can_say() -> None:
    longest = b"x" * 65_535
    assert unpack_entries(pack_entries([longest, b"y"])) == [longest, b"y"]
    with pytest.raises(BadEvidence, match="65535"):
        pack_entries([b"x" * 65_536])
