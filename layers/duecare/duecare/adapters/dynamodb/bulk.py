"""`BulkStore` on DynamoDB, over the lean client: hundreds of documents read and written concurrently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from duecare.adapters.dynamodb.decision_store import DynamoDBDecisionStore
from duecare.adapters.dynamodb.items import decode, put
from duecare.adapters.dynamodb.protocol import (
    CONFLICT_CODES,
    KEY_PAGE,
    QUERY_PAGE,
    TRANSACTION_CANCELLED,
    encode,
    query,
)
from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.ports import Document, Key
from duecare_core.errors import StoreFailed, VersionConflict

INDEX = "open"
MAX_CONCURRENT = 8  # transactions of a hundred documents: more of them only wait for each other


class DynamoDBBulkStore:
    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table
        self.get = DynamoDBDecisionStore(wire, table).get

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[VersionConflict | StoreFailed | None]:
        calls = [self._transaction(group) for group in groups]
        return [_outcome(answer) for answer in self._wire.exchange_all(calls, MAX_CONCURRENT)]

    def _transaction(self, group: Sequence[Document]) -> Call:
        writes = [{"Put": put(self._table, document)} for document in group]
        return Call("TransactWriteItems", encode({"TransactItems": writes}))

    def partition(self, pk: str, prefix: str) -> list[Document]:
        request = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {":pk": {"S": pk}, ":prefix": {"S": prefix}},
        }
        return [item.document() for item in query(self._wire, request, QUERY_PAGE)]

    def open_debts(self, shard: str) -> Iterator[Key]:
        request = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": "open_of = :shard",
            "ExpressionAttributeValues": {":shard": {"S": shard}},
        }
        yield from (item.key() for item in query(self._wire, request, KEY_PAGE))


def _outcome(answer: bytes | WireError) -> VersionConflict | StoreFailed | None:
    if isinstance(answer, bytes):
        return None
    if answer.code == "TransactionConflictException":
        return VersionConflict(answer.code)
    if answer.code != "TransactionCanceledException":
        return StoreFailed(answer.code)
    try:
        codes = {reason.Code for reason in decode(TRANSACTION_CANCELLED, answer.body).CancellationReasons}
    except StoreFailed as failed:
        return failed
    if codes and codes <= CONFLICT_CODES:
        return VersionConflict(answer.code)
    return StoreFailed(", ".join(sorted(codes - CONFLICT_CODES)))
