"""`DynamoDBLogIndex` on a busy DynamoDB: unprocessed items and rejected updates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from duecare.adapters.dynamodb.log_index import DynamoDBLogIndex
from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.ports import Document, Expiry, IndexEntry, Key
from duecare_core.errors import StoreFailed

EXPIRES = datetime(2027, 5, 1, tzinfo=UTC)


class Busy(Wire):
    """A wire that leaves the writes that `undone` selects unprocessed, and answers updates with `updated`."""

    def __init__(self, undone: Callable[[list[Any]], list[Any]] = lambda _: [], updated: bytes | WireError = b"{}"):
        self._undone, self._updated = undone, updated
        self.batches: list[list[Any]] = []
        self.updates: list[dict[str, Any]] = []

    def exchange_each(self, calls: Sequence[Call]) -> list[bytes | WireError]:
        return [self._one(call.operation, json.loads(call.body)) for call in calls]

    def _one(self, operation: str, asked: dict[str, Any]) -> bytes | WireError:
        if operation == "UpdateItem":
            self.updates.append(asked)
            return self._updated
        (writes,) = asked["RequestItems"].values()
        self.batches.append(writes)
        left = self._undone(writes)
        return json.dumps({"UnprocessedItems": {"t": left} if left else {}}).encode()


def pointer(number: int, expires: datetime | None = None) -> IndexEntry:
    return IndexEntry(Document(Key(f"E#decision#{number}", "aa"), 1, b"{}"), expires)


def log_index(wire: Busy) -> tuple[DynamoDBLogIndex, list[int]]:
    waits: list[int] = []
    return DynamoDBLogIndex(wire, "t", waits.append), waits


def expiry(number: int) -> Expiry:
    return Expiry(Key(f"X#{number}", "X"), 3, EXPIRES)


def written(wire: Busy) -> list[dict[str, Any]]:
    return [write["PutRequest"]["Item"] for batch in wire.batches for write in batch]


def test_entries_are_written_in_batches_of_25_and_each_key_once() -> None:
    wire = Busy()
    adapter, waits = log_index(wire)
    adapter.put([pointer(number % 60) for number in range(120)])
    assert [len(batch) for batch in wire.batches] == [25, 25, 10]
    assert len({item["pk"]["S"] for item in written(wire)}) == 60
    assert waits == []


def test_an_entry_is_written_with_its_ttl() -> None:
    wire = Busy()
    log_index(wire)[0].put([pointer(1, EXPIRES), pointer(2)])
    assert [item.get("expires") for item in written(wire)] == [{"N": "1809129600"}, None]
    assert wire.updates == []


def test_unprocessed_items_are_written_again_after_a_backoff() -> None:
    wire = Busy(undone=lambda writes: writes[5:])
    adapter, waits = log_index(wire)
    adapter.put([pointer(number) for number in range(12)])
    assert [len(batch) for batch in wire.batches] == [12, 7, 2]
    assert waits == [0, 1]


def test_items_that_stay_unprocessed_fail_the_write() -> None:
    adapter, waits = log_index(Busy(undone=lambda writes: writes))
    with pytest.raises(StoreFailed):
        adapter.put([pointer(1)])
    assert waits == list(range(8))


def test_only_the_logged_version_gets_a_ttl() -> None:
    wire = Busy()
    log_index(wire)[0].expire([expiry(1)])
    (update,) = wire.updates
    assert update["ConditionExpression"] == "version = :version"
    assert update["ExpressionAttributeValues"] == {":expires": {"N": "1809129600"}, ":version": {"N": "3"}}
    assert update["UpdateExpression"] == "SET expires = :expires"
    assert wire.batches == []


@pytest.mark.parametrize(
    ("answer", "fails"),
    [
        (WireError("ConditionalCheckFailedException", b"", 400), False),
        (WireError("ThrottlingException", b"", 400), True),
        (WireError("ConnectionClosed"), True),
    ],
)
def test_a_newer_version_is_skipped_and_any_other_error_fails(answer: WireError, fails: bool) -> None:
    adapter, _ = log_index(Busy(updated=answer))
    if fails:
        with pytest.raises(StoreFailed):
            adapter.expire([expiry(1)])
    else:
        adapter.expire([expiry(1)])
