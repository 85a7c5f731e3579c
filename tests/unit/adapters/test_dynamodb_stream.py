"""`DynamoDBStream` with responses that only AWS gives: pages of shards, empty pages, trimmed positions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from duecare.adapters.dynamodb.stream import EMPTY_PAGES, DynamoDBStream
from duecare.adapters.lean_client import WireError
from duecare.ports import Change, Document, Key, Shard, StreamPage
from duecare_core.errors import StoreFailed, StreamTrimmed

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026"
AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


class Scripted:
    """A wire with scripted responses, which records the requests."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, operation: str, body: bytes) -> bytes:
        self.asked.append((operation, json.loads(body)))
        answer = self._answers.pop(0)
        if isinstance(answer, WireError):
            raise answer
        return json.dumps(answer).encode()

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]


class Watch:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def stream(*answers: Any, watch: Watch | None = None) -> tuple[DynamoDBStream, Scripted]:
    wire = Scripted(*answers)
    return DynamoDBStream(wire, ARN, watch or Watch()), wire  # type: ignore[arg-type]


def item(version: Any = "1", **members: Any) -> dict[str, Any]:
    return {"pk": {"S": "X#1"}, "sk": {"S": "X"}, "version": {"N": version}, "body": {"S": "{}"}} | members


def record(number: int, **images: Any) -> dict[str, Any]:
    written = {"ApproximateCreationDateTime": AT.timestamp(), "SequenceNumber": str(number), "SizeBytes": 1}
    return {"eventID": "x", "eventName": "INSERT", "dynamodb": written | (images or {"NewImage": item()})}


def page(*records: Any, following: str | None = "i") -> dict[str, Any]:
    return {"Records": list(records)} | ({"NextShardIterator": following} if following else {})


BEGUN = {"ShardIterator": "begun"}
DOCUMENT = Document(Key("X#1", "X"), 1, b"{}")
EMPTY = [page() for _ in range(EMPTY_PAGES)]


def test_shards_are_listed_page_by_page_with_their_parents() -> None:
    one, two = {"ShardId": "a", "SequenceNumberRange": {}}, {"ShardId": "b", "ParentShardId": "a"}
    reads, wire = stream(
        {"StreamDescription": {"Shards": [one], "LastEvaluatedShardId": "a"}}, {"StreamDescription": {"Shards": [two]}}
    )
    assert reads.shards() == [Shard("a", None), Shard("b", "a")]
    assert [asked.get("ExclusiveStartShardId") for _, asked in wire.asked] == [None, "a"]


def test_a_closed_shard_ends() -> None:
    reads, _ = stream(BEGUN, page(record(1), record(2)), page(record(3), following=None))
    read = reads.read("a", "", 1000)
    assert ([change.position for change in read.changes], read.ended) == (["1", "2", "3"], True)
    assert read.changes[0] == Change("1", AT, DOCUMENT)


def test_a_few_empty_pages_are_skipped_and_more_are_the_tip() -> None:
    reads, wire = stream(BEGUN, page(), page(), page(record(1)), *EMPTY)
    assert len(reads.read("a", "", 1000).changes) == 1
    assert wire.operations() == ["GetShardIterator", *["GetRecords"] * (3 + EMPTY_PAGES)]


def test_records_after_many_empty_pages_are_reached_by_later_reads() -> None:
    """Each read continues where the previous one stopped. From a new iterator, no read would reach the records."""
    far = [page(following=f"far-{number}") for number in range(2 * EMPTY_PAGES)]
    reads, wire = stream(BEGUN, *far, page(record(7)), *EMPTY)
    assert reads.read("a", "5", 1000) == reads.read("a", "5", 1000) == StreamPage((), ended=False)
    assert [change.position for change in reads.read("a", "5", 1000).changes] == ["7"]
    assert wire.operations().count("GetShardIterator") == 1
    iterators = [asked["ShardIterator"] for operation, asked in wire.asked if operation == "GetRecords"]
    assert iterators[: 2 * EMPTY_PAGES + 1] == ["begun", *(f"far-{number}" for number in range(2 * EMPTY_PAGES))]


def test_another_position_gets_a_new_iterator() -> None:
    reads, wire = stream(BEGUN, page(record(6)), *EMPTY, BEGUN, *EMPTY)
    reads.read("a", "5", 1000)
    reads.read("a", "5", 1000)
    begun = [asked for operation, asked in wire.asked if operation == "GetShardIterator"]
    assert (
        begun
        == [{"StreamArn": ARN, "ShardId": "a", "ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": "5"}] * 2
    )


def test_an_old_iterator_is_not_used() -> None:
    watch = Watch()
    reads, wire = stream(BEGUN, *EMPTY, BEGUN, *EMPTY, watch=watch)
    reads.read("a", "5", 1000)
    watch.now = 899.0
    reads.read("a", "5", 1000)
    assert wire.operations().count("GetShardIterator") == 2


def test_an_expired_iterator_fails_one_read_only() -> None:
    reads, _ = stream(BEGUN, *EMPTY, WireError("ExpiredIteratorException"), BEGUN, page(record(6)), *EMPTY)
    reads.read("a", "5", 1000)
    with pytest.raises(StoreFailed):
        reads.read("a", "5", 1000)
    assert len(reads.read("a", "5", 1000).changes) == 1


def test_the_limit_is_kept() -> None:
    reads, wire = stream(BEGUN, page(*map(record, range(1000))), page(*map(record, range(500))))
    assert len(reads.read("a", "", 1500).changes) == 1500
    assert [asked["Limit"] for operation, asked in wire.asked if operation == "GetRecords"] == [1000, 500]


@pytest.mark.parametrize("where", ["GetShardIterator", "GetRecords"])
def test_a_position_that_is_too_old_raises_stream_trimmed(where: str) -> None:
    gone = WireError("TrimmedDataAccessException", b"", 400)
    reads, _ = stream(*([gone] if where == "GetShardIterator" else [BEGUN, gone]))
    with pytest.raises(StreamTrimmed):
        reads.read("a", "5", 1000)


def test_any_other_error_raises_store_failed() -> None:
    for answer in (WireError("ResourceNotFoundException"), {"Nothing": 1}, WireError("InternalServerError", b"", 500)):
        reads, _ = stream(answer)
        with pytest.raises(StoreFailed):
            reads.read("a", "5", 1000)
    reads, _ = stream(WireError("ResourceNotFoundException"))
    with pytest.raises(StoreFailed):
        reads.shards()


def test_a_change_without_a_new_version_has_no_document() -> None:
    reads, _ = stream(
        BEGUN,
        page(
            record(1, NewImage=item("2"), OldImage=item("1")),
            record(2, NewImage=item("2", expires={"N": "5"}), OldImage=item("2")),
            record(3, OldImage=item("2")),
            following=None,
        ),
    )
    changes = reads.read("a", "", 1000).changes
    assert [change.document for change in changes] == [DOCUMENT._replace(version=2), None, None]
    assert [change.position for change in changes] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "foreign",
    [
        item("none"),
        item(body={"B": "AAAA"}),
        {"pk": {"S": "X#1"}, "sk": {"S": "X"}},
        item() | {"version": {"S": "1"}},
        item(sealed={"B": "=="}),
    ],
)
def test_an_unreadable_item_does_not_block_the_others(foreign: dict[str, Any]) -> None:
    reads, _ = stream(BEGUN, page(record(1, NewImage=foreign), record(2), following=None))
    unreadable, good = reads.read("a", "", 1000).changes
    assert (unreadable.document, good.document) == (Document(Key("X#1", "X"), 0, b""), DOCUMENT)
