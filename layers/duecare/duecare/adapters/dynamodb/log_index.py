"""`LogIndex` on DynamoDB, over the lean client: hundreds of concurrent writes, and a parallel scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from duecare.adapters.dynamodb.items import decode, item
from duecare.adapters.dynamodb.protocol import encode
from duecare.adapters.dynamodb.table_scan import scan_page
from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.ports import Backoff, Expiry, IndexEntry, ScanPage
from duecare_core.errors import StoreFailed

_MAX_BATCH = 25  # items of a BatchWriteItem
_MAX_CONCURRENT = 32  # requests: more of them only wait for each other
_MAX_ATTEMPTS = 8


class _BatchWriteResponse(msgspec.Struct):
    UnprocessedItems: dict[str, list[Any]] = {}


_BATCH = msgspec.json.Decoder(_BatchWriteResponse)


class DynamoDBLogIndex:
    def __init__(self, wire: Wire, table: str, backoff: Backoff) -> None:
        self._wire = wire
        self._table = table
        self._backoff = backoff

    def put(self, entries: Sequence[IndexEntry]) -> None:
        # DynamoDB rejects a batch with two items of one key.
        by_key = {entry.document.key: entry for entry in entries}
        left: list[Any] = [{"PutRequest": {"Item": _item(entry)}} for entry in by_key.values()]
        for attempt in range(_MAX_ATTEMPTS):
            calls = [self._batch(left[at : at + _MAX_BATCH]) for at in range(0, len(left), _MAX_BATCH)]
            answers = self._wire.exchange_all(calls, _MAX_CONCURRENT)
            left = [write for answer in answers for write in self._unprocessed(answer)]
            if not left:
                return
            self._backoff(attempt)
        raise StoreFailed("UnprocessedItems")

    def _batch(self, writes: list[Any]) -> Call:
        return Call("BatchWriteItem", encode({"RequestItems": {self._table: writes}}))

    def _unprocessed(self, answer: bytes | WireError) -> list[Any]:
        if isinstance(answer, WireError):
            raise StoreFailed(answer.code) from answer
        return list(decode(_BATCH, answer).UnprocessedItems.get(self._table, ()))

    def expire(self, expiries: Sequence[Expiry]) -> None:
        for answer in self._wire.exchange_all([self._update(one) for one in expiries], _MAX_CONCURRENT):
            # A later version will get its own entry, and with it its own TTL; or the document is gone.
            if isinstance(answer, WireError) and answer.code != "ConditionalCheckFailedException":
                raise StoreFailed(answer.code) from answer

    def _update(self, one: Expiry) -> Call:
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
        return Call("UpdateItem", encode(request))

    def scan_unindexed(self, prefixes: Sequence[str], cursors: Mapping[str, str]) -> ScanPage:
        """One page of each segment: 1 MB before the filter."""
        names = {f":p{number}": {"S": prefix} for number, prefix in enumerate(prefixes)}
        begins = " OR ".join(f"begins_with(pk, {name})" for name in names)
        request = {
            "TableName": self._table,
            "FilterExpression": f"attribute_not_exists(expires) AND ({begins})",
            "ExpressionAttributeValues": names,
        }
        return scan_page(self._wire, request, cursors)


def _item(entry: IndexEntry) -> dict[str, Any]:
    return item(entry.document) | ({"expires": _seconds(entry.expires)} if entry.expires else {})


def _seconds(at: datetime) -> dict[str, str]:
    return {"N": str(int(at.timestamp()))}
