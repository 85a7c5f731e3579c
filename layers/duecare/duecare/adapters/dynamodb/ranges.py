"""`RangeReader` on DynamoDB, over the lean client: one Query for each page of 1 MB."""

from __future__ import annotations

from collections.abc import Iterator

from duecare.adapters.dynamodb.protocol import QUERY_PAGE, query
from duecare.adapters.lean_client import Wire
from duecare.ports import Document


class DynamoDBRangeReader:
    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table

    def between(self, pk: str, first: str, last: str) -> Iterator[Document]:
        if first > last:  # DynamoDB rejects such a range
            return
        request = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":first": {"S": first}, ":last": {"S": last}},
        }
        yield from (item.document() for item in query(self._wire, request, QUERY_PAGE))
