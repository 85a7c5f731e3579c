"""Entries of the log: the exact bytes that leaves are made of, and bundles of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.log.entry import Entry, entry, pack_entries, read_entry, unpack_entries

EXAMPLE = Entry("decision", "d-1", "sha256:00ff", "2026-01-05T09:00:00.123Z")
BYTES = b'{"at":"2026-01-05T09:00:00.123Z","id":"d-1","kind":"decision","record_sha256":"sha256:00ff"}'


def test_an_entry_is_canonical_json_of_four_members() -> None:
    assert entry(*EXAMPLE) == BYTES
    assert read_entry(BYTES) == EXAMPLE


def test_an_id_may_be_any_text() -> None:
    of_a_party = entry("party", '某某资产"\\/7\u2028\n', "sha256:00", "2026-01-05T09:00:00Z")
    assert '"id":"某某资产\\"\\\\/7\u2028\\n"'.encode() in of_a_party
    assert read_entry(of_a_party).id == '某某资产"\\/7\u2028\n'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        BYTES[:-1],
        BYTES + b"\n",
        BYTES + BYTES,
        b" " + BYTES,
        b"\xef\xbb\xbf" + BYTES,
        BYTES.decode().encode("utf-16"),
        BYTES.replace(b",", b", "),
        BYTES.replace(b"d-1", b"\xff"),
        BYTES.replace(b"d-1", b"\\ud800"),
        BYTES.replace(b"d-1", b"d\\u002d1"),
        BYTES.replace(b'"d-1"', b"1"),
        BYTES.replace(b'"d-1"', b"null"),
        BYTES.replace(b'"d-1"', b"NaN"),
        BYTES.replace(b'"d-1"', b"1" * 5000),
        BYTES.replace(b'"d-1"', b"[" * 100_000),
        BYTES.replace(b'"id":"d-1",', b""),
        BYTES.replace(b'"id":"d-1",', b'"id":"d-1","id":"d-2",'),
        BYTES.replace(b'"id":"d-1",', b'"id":"d-1","if":"d-1",'),
        BYTES.replace(b'"at"', b'"At"'),
        json.dumps(json.loads(BYTES), sort_keys=False).encode(),
        b'{"kind":"decision","id":"d-1","record_sha256":"sha256:00ff","at":"2026-01-05T09:00:00.123Z"}',
    ],
)
def test_what_an_entry_is_not_written_as_is_refused(data: bytes) -> None:
    with pytest.raises(BadEvidence):
        read_entry(data)


def test_half_a_character_has_no_bytes() -> None:
    with pytest.raises(BadEvidence):
        entry("decision", chr(0xD800), "sha256:00", "2026-01-05T09:00:00Z")


def test_a_bundle_is_each_entry_after_its_length() -> None:
    bundle = pack_entries([b"one", b"", b"x" * 258])
    assert bundle == b"\0\3one" + b"\0\0" + b"\1\2" + b"x" * 258
    assert unpack_entries(bundle) == [b"one", b"", b"x" * 258]
    assert pack_entries([]) == b""
    assert unpack_entries(b"") == []


def test_an_entry_longer_than_its_length_can_say_is_refused() -> None:
    assert unpack_entries(pack_entries([b"x" * 65535])) == [b"x" * 65535]
    with pytest.raises(BadEvidence, match="65535"):
        pack_entries([b"x" * 65536])


@pytest.mark.parametrize(
    "data", [b"\0", b"\1", b"\0\1", b"\0\3on", b"\0\3one\0", b"\0\3one\0\1", b"\xff\xff" + b"x" * 65534]
)
def test_a_bundle_that_ends_in_the_middle_is_refused(data: bytes) -> None:
    with pytest.raises(BadEvidence, match="middle"):
        unpack_entries(data)


texts = st.text(max_size=20)


@given(texts, texts, texts, texts)
def test_whatever_its_members_it_has_one_form_and_is_read_back(kind: str, name: str, record: str, at: str) -> None:
    data = entry(kind, name, record, at)
    assert data == canonical({"kind": kind, "id": name, "record_sha256": record, "at": at})
    assert read_entry(data) == Entry(kind, name, record, at)


@given(st.binary(max_size=60) | st.integers(0, len(BYTES)).map(lambda at: BYTES[:at] + b'"' + BYTES[at:]))
def test_no_bytes_break_the_reading_of_an_entry(data: bytes) -> None:
    with pytest.raises(BadEvidence):
        read_entry(data)


@given(st.binary(max_size=20))
def test_bytes_are_a_bundle_in_one_way_or_in_none(data: bytes) -> None:
    try:
        entries = unpack_entries(data)
    except BadEvidence:
        return
    assert pack_entries(entries) == data
