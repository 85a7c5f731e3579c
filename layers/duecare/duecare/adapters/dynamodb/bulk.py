"""`Bulk` on DynamoDB over the lean client: hundreds of documents read and written side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from duecare.adapters.dynamodb.decision_store import DynamoDBDecisionStore
from duecare.adapters.dynamodb.items import decode, put
from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.ports import Document, Key
from duecare_core.errors import StoreFailed, VersionConflict

INDEX = "open"
AT_ONCE = 8  # transactions of a hundred: more only wait for each other
_STALE = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict"})
_ENCODE = msgspec.json.Encoder().encode


class _Named(msgspec.Struct):
    S: str


class _Listed(msgspec.Struct):
    pk: _Named
    sk: _Named


class _Page(msgspec.Struct):
    Items: list[_Listed]
    LastEvaluatedKey: dict[str, Any] | None = None


class _Reason(msgspec.Struct):
    Code: str


class _Cancelled(msgspec.Struct):
    CancellationReasons: list[_Reason] = []


_PAGE = msgspec.json.Decoder(_Page)
_CANCELLED = msgspec.json.Decoder(_Cancelled)


class DynamoDBBulkStore:
    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table
        self._gate = DynamoDBDecisionStore(wire, table)

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        return self._gate.get(keys)

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[VersionConflict | StoreFailed | None]:
        calls = [self._transaction(group) for group in groups]
        answers = [
            answer
            for at in range(0, len(calls), AT_ONCE)
            for answer in self._wire.exchange_each(calls[at : at + AT_ONCE])
        ]
        return [_outcome(answer) for answer in answers]

    def _transaction(self, group: Sequence[Document]) -> Call:
        writes = [{"Put": put(self._table, document)} for document in group]
        return Call("TransactWriteItems", _ENCODE({"TransactItems": writes}))

    def open_debts(self, shard: str) -> Iterator[Key]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": "open_of = :shard",
            "ExpressionAttributeValues": {":shard": {"S": shard}},
        }
        while True:
            try:
                page = decode(_PAGE, self._wire.call("Query", _ENCODE(asked)))
            except WireError as error:
                raise StoreFailed(error.code) from error
            yield from (Key(item.pk.S, item.sk.S) for item in page.Items)
            if not page.LastEvaluatedKey:
                return
            asked["ExclusiveStartKey"] = page.LastEvaluatedKey


def _outcome(answer: bytes | WireError) -> VersionConflict | StoreFailed | None:
    if isinstance(answer, bytes):
        return None
    if answer.code == "TransactionConflictException":
        return VersionConflict(answer.code)
    if answer.code != "TransactionCanceledException":
        return StoreFailed(answer.code)
    try:
        reasons = {reason.Code for reason in decode(_CANCELLED, answer.body).CancellationReasons}
    except StoreFailed as failed:
        return failed
    return (
        VersionConflict(answer.code)
        if reasons and reasons <= _STALE
        else StoreFailed(", ".join(sorted(reasons - _STALE)))
    )
