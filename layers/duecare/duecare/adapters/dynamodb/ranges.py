"""`Ranges` on DynamoDB over the lean client: one Query a page of 1 MB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from duecare.adapters.dynamodb.items import Item, decode
from duecare.adapters.lean_client import Wire, WireError
from duecare.ports import Document
from duecare_core.errors import StoreFailed

_ENCODE = msgspec.json.Encoder().encode


class _Page(msgspec.Struct):
    Items: list[Item]
    LastEvaluatedKey: dict[str, Any] | None = None


_PAGE = msgspec.json.Decoder(_Page)


class DynamoDBRangeReader:
    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table

    def between(self, pk: str, first: str, last: str) -> Iterator[Document]:
        if first > last:  # which DynamoDB refuses
            return
        asked: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":first": {"S": first}, ":last": {"S": last}},
        }
        while True:
            try:
                page = decode(_PAGE, self._wire.call("Query", _ENCODE(asked)))
            except WireError as error:
                raise StoreFailed(error.code) from error
            yield from (item.document() for item in page.Items)
            if not page.LastEvaluatedKey:
                return
            asked["ExclusiveStartKey"] = page.LastEvaluatedKey
