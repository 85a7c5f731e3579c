"""`DynamoDBDecisionStore` on a busy or broken DynamoDB: partial batches, unreadable responses, no progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from duecare.adapters.dynamodb.decision_store import DynamoDBDecisionStore
from duecare.adapters.lean_client import Call
from duecare.ports import Document, Key
from duecare_core.errors import StoreFailed

TABLE = "t"
KEYS = [Key("P#a", "P"), Key("P#b", "P"), Key("P#c", "P")]


class Scripted:
    """A wire whose responses a function gives."""

    def __init__(self, answer: Callable[[str, dict[str, Any]], Any]) -> None:
        self._answer = answer
        self.calls: list[str] = []

    def exchange(self, calls: Sequence[Call], meanwhile: Callable[[], None] | None = None) -> list[bytes]:
        if meanwhile:
            meanwhile()
        self.calls += [call.operation for call in calls]
        return [
            answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
            for answer in (self._answer(call.operation, msgspec.json.decode(call.body)) for call in calls)
        ]


def decision_store(wire: Scripted) -> DynamoDBDecisionStore:
    return DynamoDBDecisionStore(wire, TABLE)  # type: ignore[arg-type]


def item(key: dict[str, Any]) -> dict[str, Any]:
    return {**key, "version": {"N": "1"}, "body": {"S": "{}"}}


def one_at_a_time(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """A batch of which only the first key is answered, the others left unprocessed."""
    if operation == "Query":
        return {"Items": []}
    first, *rest = request["RequestItems"][TABLE]["Keys"]
    left = {TABLE: {"Keys": rest, "ConsistentRead": True}} if rest else {}
    return {"Responses": {TABLE: [item(first)]}, "UnprocessedKeys": left}


def test_unprocessed_keys_are_requested_again() -> None:
    wire = Scripted(one_at_a_time)
    found = decision_store(wire).load(["R#one"], KEYS).documents
    assert found == {key: Document(key, 1, b"{}") for key in KEYS}
    assert wire.calls == ["Query", "BatchGetItem", "BatchGetItem", "BatchGetItem"]


def test_unprocessed_keys_are_read_consistently() -> None:
    asked: list[bool] = []

    def answer(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request["RequestItems"][TABLE]["ConsistentRead"])
        return one_at_a_time(operation, request)

    decision_store(Scripted(answer)).get(KEYS)
    assert asked == [True, True, True]


def test_a_batch_without_progress_fails() -> None:
    def nothing(_operation: str, request: dict[str, Any]) -> dict[str, Any]:
        return {"Responses": {TABLE: []}, "UnprocessedKeys": request["RequestItems"]}

    wire = Scripted(nothing)
    with pytest.raises(StoreFailed):
        decision_store(wire).get(KEYS)
    assert len(wire.calls) < 20


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"Items": [{}]}',
        b'{"Items": [{"pk": {"S": "R#one"}, "sk": {"S": "N"}, "body": {"S": "{}"}}]}',
        b'{"Items": [{"pk": {"S": "R#one"}, "sk": {"S": "N"}, "version": {"N": "1.5"}, "body": {"S": "{}"}}]}',
        b'{"Items": [{"pk": {"S": "R#one"}, "sk": {"S": "N"}, "version": {"N": "1"}, "body": {"S": "{}"}, '
        b'"sealed": {"B": "?"}}]}',
    ],
    ids=["empty", "html", "no-items", "no-members", "no-version", "half-a-version", "not-base64"],
)
def test_an_unreadable_response_is_an_error_and_not_an_empty_partition(answer: bytes) -> None:
    with pytest.raises(StoreFailed):
        decision_store(Scripted(lambda *_: answer)).load(["R#one"], [])
