"""`Marks` on DynamoDB over the lean client: hundreds of pointers and expiries written side by side, and the scan that a
sweep needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from duecare.adapters.items import decode, item, standing
from duecare.adapters.wire import Call, Wire, WireError
from duecare.errors import StoreFailed
from duecare.ports import Document, Mark

_A_BATCH = 25  # items of a BatchWriteItem
_AT_ONCE = 32  # requests on the wire: more only wait for each other
_TRIES = 8
_SEGMENTS = 8  # pages of a scan that are read side by side
_ENCODE = msgspec.json.Encoder().encode


class _Batch(msgspec.Struct):
    UnprocessedItems: dict[str, list[Any]] = {}


class _Page(msgspec.Struct):
    Items: list[msgspec.Raw]
    LastEvaluatedKey: dict[str, Any] | None = None


_BATCH = msgspec.json.Decoder(_Batch)
_PAGE = msgspec.json.Decoder(_Page)


class DynamoDBMarks:
    def __init__(self, wire: Wire, table: str, rest: Callable[[int], None]) -> None:
        """`rest` waits before the next try of what a busy table left undone; its argument counts the tries."""
        self._wire = wire
        self._table = table
        self._rest = rest

    def mark(self, marks: Sequence[Mark]) -> None:
        # No two of one key in a batch: it would be refused.
        pointers = {pointer.key: pointer for mark in marks for pointer in mark.pointers}
        self._put(list(pointers.values()))
        # Only where its pointers stand: what has a time to leave must be found when it has left.
        self._expire([mark for mark in marks if mark.expires])

    def _put(self, pointers: Sequence[Document]) -> None:
        left: list[Any] = [{"PutRequest": {"Item": item(pointer)}} for pointer in pointers]
        for attempt in range(_TRIES):
            calls = [self._batch(left[at : at + _A_BATCH]) for at in range(0, len(left), _A_BATCH)]
            left = [write for answer in self._exchange(calls) for write in self._undone(answer)]
            if not left:
                return
            self._rest(attempt)
        raise StoreFailed("UnprocessedItems")

    def _batch(self, writes: list[Any]) -> Call:
        return Call("BatchWriteItem", _ENCODE({"RequestItems": {self._table: writes}}))

    def _undone(self, answer: bytes | WireError) -> list[Any]:
        if isinstance(answer, WireError):
            raise StoreFailed(answer.code) from answer
        return list(decode(_BATCH, answer).UnprocessedItems.get(self._table, ()))

    def _expire(self, marks: Sequence[Mark]) -> None:
        for answer in self._exchange([self._expiry(mark) for mark in marks]):
            # A later version has a leaf of its own coming, and with it a time of its own; or the document has left.
            if isinstance(answer, WireError) and answer.code != "ConditionalCheckFailedException":
                raise StoreFailed(answer.code) from answer

    def _expiry(self, mark: Mark) -> Call:
        still_that_version = "version = :version"
        request = {
            "TableName": self._table,
            "Key": {"pk": {"S": mark.key.pk}, "sk": {"S": mark.key.sk}},
            "UpdateExpression": "SET expires = :expires",
            "ConditionExpression": still_that_version,
            "ExpressionAttributeValues": {
                ":expires": {"N": str(int(mark.expires.timestamp()) if mark.expires else 0)},
                ":version": {"N": str(mark.version)},
            },
        }
        return Call("UpdateItem", _ENCODE(request))

    def _exchange(self, calls: Sequence[Call]) -> Iterator[bytes | WireError]:
        for at in range(0, len(calls), _AT_ONCE):
            yield from self._wire.exchange_each(calls[at : at + _AT_ONCE])

    def unmarked(self, prefixes: Sequence[str]) -> Iterator[Document]:
        names = {f":p{number}": {"S": prefix} for number, prefix in enumerate(prefixes)}
        begins = " OR ".join(f"begins_with(pk, {name})" for name in names)
        asked: list[dict[str, Any]] = [
            {
                "TableName": self._table,
                "FilterExpression": f"attribute_not_exists(expires) AND ({begins})",
                "ExpressionAttributeValues": names,
                "Segment": segment,
                "TotalSegments": _SEGMENTS,
            }
            for segment in range(_SEGMENTS)
        ]
        while asked:
            left = []
            for one, answer in zip(asked, self._scanned(asked), strict=True):
                page = decode(_PAGE, answer)
                yield from (standing(found) for found in page.Items)
                if page.LastEvaluatedKey:
                    left.append(one | {"ExclusiveStartKey": page.LastEvaluatedKey})
            asked = left

    def _scanned(self, asked: Sequence[dict[str, Any]]) -> list[bytes]:
        try:
            return self._wire.exchange([Call("Scan", _ENCODE(one)) for one in asked])
        except WireError as error:
            raise StoreFailed(error.code) from error
