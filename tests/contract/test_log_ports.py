"""The contracts of Stream, LogFiles, Archive and LogIndex, for every adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import pytest

from duecare.ports import Change, Document, Expiry, IndexEntry, Key
from duecare_core.errors import NotFound, StoreFailed
from tests.support import tables
from tests.support.memory import MemoryArchive, MemoryLogFiles, MemoryStream, MemoryTable

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=30)


class LogPorts(NamedTuple):
    """One implementation of each port of the log; `documents` writes to the table that the stream is of."""

    name: str
    documents: Any
    stream: Any
    files: Any
    archive: Any
    log_index: Any


@pytest.fixture(params=["memory", "dynamodb-local", "moto"])
def log_ports(request: pytest.FixtureRequest) -> LogPorts:
    if request.param == "memory":
        stream = MemoryStream()
        memory = MemoryTable(stream)
        return LogPorts("memory", memory, stream, MemoryLogFiles(), MemoryArchive(), memory)
    s3 = request.getfixturevalue("moto")
    endpoint = s3 if request.param == "moto" else request.getfixturevalue("dynamodb_local")
    table = tables.create(endpoint, stream=True)
    return LogPorts(
        request.param,
        tables.documents(endpoint, table),
        tables.stream(endpoint, table, timeout=20.0, deadline=60.0),
        tables.log_files(s3, tables.bucket(s3)),
        tables.archive(s3, tables.bucket(s3, locks=True)),
        tables.log_index(endpoint, table, timeout=20.0, deadline=60.0),
    )


# moto is slow with many transactions, or answers some of them with a 500.
AT_ONCE = pytest.mark.parametrize("log_ports", ["memory", "dynamodb-local"], indirect=True)
REAL = pytest.mark.parametrize("log_ports", ["moto"], indirect=True)


def document(number: int = 1, version: int = 1, pk: str = "X#") -> Document:
    return Document(Key(f"{pk}{number:04}", "X"), version, b'{"n":%d}' % number, b"\x00sealed", "", b"\xffinputs")


def changes(ports: LogPorts, limit: int = 100_000) -> list[Change]:
    """Every change of every shard, as far as they go."""
    found: list[Change] = []
    for shard in ports.stream.shards():
        after = ""
        while (page := ports.stream.read(shard.id, after, limit)).changes:
            found += page.changes
            after = page.changes[-1].position
            if page.ended:
                break
    return found


def documents(ports: LogPorts, limit: int = 100_000) -> list[Document]:
    return [change.document for change in changes(ports, limit) if change.document]


# The stream


def test_a_table_without_changes_has_an_empty_stream(log_ports: LogPorts) -> None:
    assert log_ports.stream.shards()
    assert changes(log_ports) == []


def test_changes_come_once_and_in_order_with_the_whole_document(log_ports: LogPorts) -> None:
    for version in (1, 2, 3):
        log_ports.documents.commit([document(7, version)])
    assert documents(log_ports) == [document(7, version) for version in (1, 2, 3)]
    (first, *_) = changes(log_ports)
    assert abs(first.at - NOW) < timedelta(minutes=10)
    assert first.at.utcoffset() == timedelta(0)


def test_a_shard_is_read_on_from_any_position(log_ports: LogPorts) -> None:
    for number in range(5):
        log_ports.documents.commit([document(number)])
    (shard,) = log_ports.stream.shards()
    page = log_ports.stream.read(shard.id, "", 2)
    assert [one.document for one in page.changes] == [document(0), document(1)]
    assert not page.ended
    for _ in range(2):  # from the same position twice
        rest = log_ports.stream.read(shard.id, page.changes[0].position, 100)
        assert [one.document for one in rest.changes] == [document(number) for number in range(1, 5)]
    tip = log_ports.stream.read(shard.id, rest.changes[-1].position, 100)
    assert tip == ((), False)
    log_ports.documents.commit([document(5)])
    (new,) = log_ports.stream.read(shard.id, rest.changes[-1].position, 100).changes
    assert new.document == document(5)


@AT_ONCE
def test_many_changes_are_read_with_any_page_size(log_ports: LogPorts) -> None:
    written = [document(number) for number in range(1_250)]
    for at in range(0, len(written), 50):
        log_ports.documents.commit(written[at : at + 50])
    assert sorted(documents(log_ports)) == written
    assert sorted(documents(log_ports, limit=333)) == written


def test_setting_a_ttl_is_a_change_without_document(log_ports: LogPorts) -> None:
    log_ports.documents.commit([document()])
    log_ports.log_index.expire([Expiry(document().key, 1, LATER)])
    assert documents(log_ports) == [document()]
    assert len(changes(log_ports)) == 2  # and yet a position of the shard


# LogIndex


def pointer(name: str) -> Document:
    return Document(Key(f"E#decision#{name}", "aa"), 1, b'{"index":1}')


def scan_all(ports: LogPorts, *prefixes: str) -> list[Document]:
    """The documents that a whole scan returns."""
    scanned = ports.log_index.scan_unindexed(prefixes, {})
    found = list(scanned.documents)
    while scanned.cursors:
        scanned = ports.log_index.scan_unindexed(prefixes, scanned.cursors)
        found += scanned.documents
    return found


def test_index_entries_can_be_written_again(log_ports: LogPorts) -> None:
    entries = [IndexEntry(pointer("a")), IndexEntry(pointer("b"), LATER)]
    for _ in range(2):
        log_ports.log_index.put([*entries, *entries])
    assert log_ports.documents.get([pointer("a").key, pointer("b").key]) == {
        one.key: one for one in (pointer("a"), pointer("b"))
    }
    assert scan_all(log_ports, "E#") == [pointer("a")]


@AT_ONCE
def test_hundreds_are_written_at_once(log_ports: LogPorts) -> None:
    written = [document(number) for number in range(320)]
    for at in range(0, len(written), 80):
        log_ports.documents.commit(written[at : at + 80])
    pointers = [pointer(str(number)) for number in range(320)]
    log_ports.log_index.put([IndexEntry(one) for one in pointers])
    found = [log_ports.documents.get([one.key for one in pointers[at : at + 80]]) for at in range(0, 320, 80)]
    assert {key: one for some in found for key, one in some.items()} == {one.key: one for one in pointers}
    log_ports.log_index.expire([Expiry(one.key, 1, LATER) for one in written])
    assert scan_all(log_ports, "X#") == []


def test_empty_puts_and_expires_change_nothing(log_ports: LogPorts) -> None:
    log_ports.documents.commit([document()])
    log_ports.log_index.put([])
    log_ports.log_index.expire([])
    assert scan_all(log_ports, document().key.pk[:2]) == [document()]


def test_only_the_logged_version_gets_a_ttl(log_ports: LogPorts) -> None:
    log_ports.documents.commit([document()])
    log_ports.documents.commit([document(version=2)])
    gone = Key("X#gone", "X")
    log_ports.log_index.expire([Expiry(document().key, 1, LATER), Expiry(gone, 1, LATER)])
    assert scan_all(log_ports, "X#") == [document(version=2)]
    log_ports.log_index.expire([Expiry(document().key, 2, LATER)])
    assert scan_all(log_ports, "X#") == []
    assert log_ports.documents.get([gone]) == {}


def test_a_later_version_has_no_ttl_until_it_is_set(log_ports: LogPorts) -> None:
    log_ports.documents.commit([document()])
    log_ports.log_index.expire([Expiry(document().key, 1, LATER)])
    assert scan_all(log_ports, "X#") == []
    log_ports.documents.commit([document(version=2)])
    assert scan_all(log_ports, "X#") == [document(version=2)]


def test_a_scan_returns_only_documents_with_the_prefixes(log_ports: LogPorts) -> None:
    kinds = ("X#", "S#", "P#", "K#", "Z#", "R#", "E#")
    for pk in kinds:
        log_ports.documents.commit([document(pk=pk)])
    assert sorted(scan_all(log_ports, "X#", "S#")) == sorted([document(pk="X#"), document(pk="S#")])
    assert {one.key.pk[:2] for one in scan_all(log_ports, *kinds[:5])} == set(kinds[:5])


def test_a_scan_of_an_empty_table_ends_at_once(log_ports: LogPorts) -> None:
    assert log_ports.log_index.scan_unindexed(["X#"], {}) == ([], {})


def many(ports: LogPorts) -> list[Document]:
    """About nine times the 1 MB of a page; the one in memory has pages of ten."""
    large = [Document(Key(f"S#{number:04}", "S"), 1, b'{"fill":"%s"}' % (b"x" * 60_000)) for number in range(150)]
    for at in range(0, len(large), 10):
        ports.documents.commit(large[at : at + 10])
    if ports.name == "memory":
        ports.documents.page_size = 10
    return large


@AT_ONCE
def test_a_scan_of_many_pages_returns_each_document_once(log_ports: LogPorts) -> None:
    large = many(log_ports)
    assert sorted(scan_all(log_ports, "S#")) == large
    assert len(log_ports.log_index.scan_unindexed(["S#"], {}).documents) < len(large)


@AT_ONCE
def test_a_scan_continues_from_its_cursors_in_another_process(log_ports: LogPorts) -> None:
    """The cursors are saved as JSON. Meanwhile documents are written, get a TTL, and expire."""
    large = many(log_ports)
    first = log_ports.log_index.scan_unindexed(["S#"], {})
    cursors = json.loads(json.dumps(first.cursors))
    assert set(cursors) == set(first.cursors)
    seen = sorted(first.documents)
    log_ports.log_index.expire([Expiry(one.key, 1, LATER) for one in seen])
    log_ports.documents.commit([document(pk="S#new")])
    rest: list[Document] = []
    while cursors:
        found, cursors = log_ports.log_index.scan_unindexed(["S#"], cursors)
        rest += found
    stood = set(large) - set(seen)
    assert stood <= set(rest) <= stood | {document(pk="S#new")}
    assert len(rest) == len(set(rest))


@AT_ONCE
def test_each_segment_can_be_continued_by_itself(log_ports: LogPorts) -> None:
    large = many(log_ports)
    first = log_ports.log_index.scan_unindexed(["S#"], {})
    found = list(first.documents)
    for segment, place in first.cursors.items():
        left = {segment: place}
        while left:
            some, left = log_ports.log_index.scan_unindexed(["S#"], left)
            assert set(left) <= {segment}
            found += some
    assert len(first.cursors) > 1
    assert sorted(found) == large


# The log's objects


def test_written_objects_are_read_and_absent_ones_are_none(log_ports: LogPorts) -> None:
    tiles = {f"tile/0/{number:03}": bytes([number]) * 8192 for number in range(40)} | {"tile/entries/000.p/7": b""}
    log_ports.files.write(tiles)
    log_ports.files.write(tiles)
    log_ports.files.write({})
    assert {name: log_ports.files.read(name) for name in tiles} == tiles
    assert log_ports.files.read("tile/0/040") is None


def test_deleting_an_absent_object_is_no_error(log_ports: LogPorts) -> None:
    log_ports.files.write({"staging/1": b"x"})
    for _ in range(2):
        log_ports.files.delete("staging/1")
    assert log_ports.files.read("staging/1") is None


def test_a_checkpoint_replaces_exactly_what_was_read(log_ports: LogPorts) -> None:
    publish = log_ports.files.publish
    assert publish("checkpoint", b"0", None)
    assert not publish("checkpoint", b"1", None)
    assert publish("checkpoint", b"1", b"0")
    assert not publish("checkpoint", b"2", b"0")
    assert not publish("never", b"2", b"1")
    assert log_ports.files.read("checkpoint") == b"1"


# The archive


def test_copies_can_be_put_again(log_ports: LogPorts) -> None:
    copies = {f"r/-/statement/{number:03}": b'{"n":%d}' % number for number in range(40)}
    for _ in range(2):
        log_ports.archive.put_locked(copies, LATER)
    log_ports.archive.put_locked({}, LATER)
    assert {name: log_ports.archive.read(name) for name in copies} == copies
    assert list(log_ports.archive.names("r/-/")) == sorted(copies)
    kept = dict(log_ports.archive.names_with_times("r/-/statement/00"))
    assert list(kept) == sorted(copies)[:10]
    assert all(abs(at - datetime.now(UTC)) < timedelta(minutes=10) for at in kept.values())


@REAL  # the one in memory calls it a mistake of the caller's
def test_the_first_copy_of_a_name_is_kept(log_ports: LogPorts) -> None:
    log_ports.archive.put_locked({"parties/p/1": b"first"}, LATER)
    log_ports.archive.put_locked({"parties/p/1": b"second"}, LATER)
    assert log_ports.archive.read("parties/p/1") == b"first"


def test_an_absent_copy_is_not_found(log_ports: LogPorts) -> None:
    with pytest.raises(NotFound):
        log_ports.archive.read("nothing")
    assert list(log_ports.archive.names("noth")) == []


def test_erase_deletes_only_the_named_copies(log_ports: LogPorts) -> None:
    log_ports.archive.put_locked({"r/a/1": b"1", "r/a/2": b"2", "r/a/22": b"22"}, LATER)
    log_ports.archive.erase(["r/a/2", "r/a/never"])
    assert list(log_ports.archive.names("r/")) == ["r/a/1", "r/a/22"]
    with pytest.raises(NotFound):
        log_ports.archive.read("r/a/2")
    log_ports.archive.put_locked({"r/a/2": b"again"}, LATER)
    assert log_ports.archive.read("r/a/2") == b"again"


# Only the real adapters


def test_a_writer_can_neither_delete_nor_overwrite_a_copy(moto: str) -> None:
    bucket, s3 = tables.bucket(moto, locks=True), tables.client("s3", moto)
    archive = tables.archive(moto, bucket)
    archive.put_locked({"r/a/1": b"1"}, LATER)
    held = s3.head_object(Bucket=bucket, Key="r/a/1")
    assert held["ObjectLockMode"] == "GOVERNANCE"
    assert abs(held["ObjectLockRetainUntilDate"] - LATER) < timedelta(seconds=1)
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key="r/a/1", VersionId=held["VersionId"])
    # Overwriting or deleting by name adds a version or a marker; erasing deletes all of them.
    s3.put_object(Bucket=bucket, Key="r/a/1", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="r/a/1")
    assert s3.get_object(Bucket=bucket, Key="r/a/1", VersionId=held["VersionId"])["Body"].read() == b"1"
    archive.erase(["r/a/1"])
    assert not {"Versions", "DeleteMarkers"} & set(s3.list_object_versions(Bucket=bucket))


@pytest.mark.parametrize(
    ("name", "kind", "cached"),
    [
        ("tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/entries/x001/234.p/7", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("staging/5-ab", "application/octet-stream", "no-store"),
        ("checkpoint", "text/plain; charset=utf-8", "no-cache"),
    ],
)
def test_objects_have_their_content_type_and_caching(moto: str, name: str, kind: str, cached: str) -> None:
    bucket = tables.bucket(moto)
    files = tables.log_files(moto, bucket)
    assert files.publish(name, b"x", None)
    head = partial(tables.client("s3", moto).head_object, Bucket=bucket, Key=name)
    assert (head()["ContentType"], head()["CacheControl"]) == (kind, cached)
    files.write({name: b"x"})
    assert (head()["ContentType"], head()["CacheControl"]) == (kind, cached)


def test_a_missing_store_raises_store_failed(moto: str) -> None:
    failing: list[Callable[[], object]] = [
        lambda: tables.log_files(moto, "no-such-bucket").write({"tile/0/000": b"x"}),
        lambda: tables.log_files(moto, "no-such-bucket").publish("checkpoint", b"x", None),
        lambda: tables.archive(moto, "no-such-bucket").put_locked({"r/-/x": b"x"}, LATER),
        lambda: list(tables.archive(moto, "no-such-bucket").names("")),
        lambda: tables.log_index(moto, "no-such-table").put([IndexEntry(pointer("a"))]),
        lambda: tables.log_index(moto, "no-such-table").expire([Expiry(document().key, 1, LATER)]),
        lambda: tables.log_index(moto, "no-such-table").scan_unindexed(["X#"], {}),
    ]
    for work in failing:
        with pytest.raises(StoreFailed):
            work()
