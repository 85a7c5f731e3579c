"""A log entry: it commits to one record and reveals nothing of it. Entries are stored in bundles
(c2sp.org/tlog-tiles)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical_plain, strict_json

_LENGTH_BYTES = 2
_MAX_ENTRY_BYTES = (1 << 16) - 1
_MEMBERS = {"at", "id", "kind", "record_sha256"}


class Entry(NamedTuple):
    """`kind`: decision, statement, party, receipt-key, acknowledgement-key, erasure, void or engine. `at`: RFC 3339, as
    in the record."""

    kind: str
    id: str
    record_sha256: str
    at: str


def entry(kind: str, id: str, record_sha256: str, at: str) -> bytes:  # noqa: A002  the member's name
    """The bytes of an entry: RFC 8785. Raises BadEvidence for a lone surrogate."""
    return canonical_plain({"at": at, "id": id, "kind": kind, "record_sha256": record_sha256})


def read_entry(data: bytes) -> Entry:
    """The entry of these bytes. Raises BadEvidence for bytes that `entry` does not write."""
    value = strict_json(data)
    if not isinstance(value, dict) or set(value) != _MEMBERS or not all(isinstance(one, str) for one in value.values()):
        raise BadEvidence("not an entry of this log")
    read = Entry(value["kind"], value["id"], value["record_sha256"], value["at"])
    if entry(*read) != data:
        raise BadEvidence("an entry that is not in its canonical form")
    return read


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """An entry bundle (c2sp.org/tlog-tiles): each entry after its length in two bytes, big-endian.

    Raises BadEvidence for an entry that is too long for this.
    """
    if any(len(one) > _MAX_ENTRY_BYTES for one in entries):
        raise BadEvidence(f"an entry has at most {_MAX_ENTRY_BYTES} bytes")
    return b"".join(len(one).to_bytes(_LENGTH_BYTES, "big") + one for one in entries)


def unpack_entries(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises BadEvidence."""
    entries, at = [], 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        if at > len(data) or start > len(data):
            raise BadEvidence("an entry bundle that ends in the middle of an entry")
        entries.append(data[start:at])
    return entries
