"""`Marks` on DynamoDB over the lean client: hundreds of marks, or of times to leave, written side by side, and the scan
that a sweep needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from duecare.adapters.dynamodb.items import decode, item, standing
from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.ports import Expiry, IndexEntry, ScanPage
from duecare_core.errors import StoreFailed

_A_BATCH = 25  # items of a BatchWriteItem
_AT_ONCE = 32  # requests on the wire: more only wait for each other
_TRIES = 8
# Pages of a scan that are read side by side. Each place names its segment of how many, so that what was begun under
# another number is gone through to its end.
_SEGMENTS = 8
_BEGINNING = {f"{segment}/{_SEGMENTS}": "" for segment in range(_SEGMENTS)}
_ENCODE = msgspec.json.Encoder().encode


class _Batch(msgspec.Struct):
    UnprocessedItems: dict[str, list[Any]] = {}


class _Page(msgspec.Struct):
    Items: list[msgspec.Raw]
    LastEvaluatedKey: msgspec.Raw = msgspec.Raw()


_BATCH = msgspec.json.Decoder(_Batch)
_PAGE = msgspec.json.Decoder(_Page)


class DynamoDBLogIndex:
    def __init__(self, wire: Wire, table: str, rest: Callable[[int], None]) -> None:
        """`rest` waits before the next try of what a busy table left undone; its argument counts the tries."""
        self._wire = wire
        self._table = table
        self._rest = rest

    def mark(self, marks: Sequence[IndexEntry]) -> None:
        # No two of one key in a batch: it would be refused.
        written = {mark.document.key: mark for mark in marks}
        left: list[Any] = [{"PutRequest": {"Item": _marked(mark)}} for mark in written.values()]
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

    def leave(self, leaving: Sequence[Expiry]) -> None:
        for answer in self._exchange([self._leaving(one) for one in leaving]):
            # A later version has an entry of its own coming, and with it a time of its own; or the document has left.
            if isinstance(answer, WireError) and answer.code != "ConditionalCheckFailedException":
                raise StoreFailed(answer.code) from answer

    def _leaving(self, one: Expiry) -> Call:
        still_that_version = "version = :version"
        request = {
            "TableName": self._table,
            "Key": {"pk": {"S": one.key.pk}, "sk": {"S": one.key.sk}},
            "UpdateExpression": "SET expires = :expires",
            "ConditionExpression": still_that_version,
            "ExpressionAttributeValues": {
                ":expires": _seconds(one.expires),
                ":version": {"N": str(one.version)},
            },
        }
        return Call("UpdateItem", _ENCODE(request))

    def _exchange(self, calls: Sequence[Call]) -> Iterator[bytes | WireError]:
        for at in range(0, len(calls), _AT_ONCE):
            yield from self._wire.exchange_each(calls[at : at + _AT_ONCE])

    def unmarked(self, prefixes: Sequence[str], places: Mapping[str, str]) -> ScanPage:
        """One page of each segment, of 1 MB before what is not wanted is left out."""
        names = {f":p{number}": {"S": prefix} for number, prefix in enumerate(prefixes)}
        begins = " OR ".join(f"begins_with(pk, {name})" for name in names)
        wanted = {
            "TableName": self._table,
            "FilterExpression": f"attribute_not_exists(expires) AND ({begins})",
            "ExpressionAttributeValues": names,
        }
        after = places or _BEGINNING
        pages = self._scanned([wanted | _from(segment, place) for segment, place in after.items()])
        return ScanPage(
            [standing(found) for page in pages for found in page.Items],
            {
                segment: bytes(page.LastEvaluatedKey).decode()
                for segment, page in zip(after, pages, strict=True)
                if bytes(page.LastEvaluatedKey)
            },
        )

    def _scanned(self, asked: Sequence[dict[str, Any]]) -> list[_Page]:
        try:
            answers = self._wire.exchange([Call("Scan", _ENCODE(one)) for one in asked])
        except WireError as error:
            raise StoreFailed(error.code) from error
        return [decode(_PAGE, answer) for answer in answers]


def _from(segment: str, place: str) -> dict[str, Any]:
    """Where a page of a scan begins: `place` is the key that ended the one before, as DynamoDB spelled it."""
    number, _, of = segment.partition("/")
    begun = {"ExclusiveStartKey": msgspec.Raw(place.encode())} if place else {}
    return {"Segment": int(number), "TotalSegments": int(of), **begun}


def _marked(mark: IndexEntry) -> dict[str, Any]:
    return item(mark.document) | ({"expires": _seconds(mark.expires)} if mark.expires else {})


def _seconds(at: datetime) -> dict[str, str]:
    return {"N": str(int(at.timestamp()))}
