"""`Gate` on DynamoDB: the decision path's one read and one write, over the lean client."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from duecare.adapters.wire import Call, Wire, WireError
from duecare.errors import StoreFailed
from duecare.ports import Document, Key, Situation

_ENCODE = msgspec.json.Encoder().encode


class _Text(msgspec.Struct):
    S: str


class _Number(msgspec.Struct):
    N: str


class _Bytes(msgspec.Struct):
    B: str


class _Item(msgspec.Struct):
    """An item as DynamoDB spells it. The PynamoDB model in models.py writes the same; a test holds the two together."""

    pk: _Text
    sk: _Text
    version: _Number
    body: _Text
    sealed: _Bytes | None = None

    def document(self) -> Document:
        sealed = base64.b64decode(self.sealed.B) if self.sealed else b""
        return Document(Key(self.pk.S, self.sk.S), int(self.version.N), self.body.S.encode(), sealed)


class _Page(msgspec.Struct):
    Items: list[_Item]
    LastEvaluatedKey: dict[str, Any] | None = None


class _Batch(msgspec.Struct):
    Responses: dict[str, list[_Item]]
    UnprocessedKeys: dict[str, Any] = {}


class _Failed(msgspec.Struct):
    Item: _Item | None = None


_PAGE = msgspec.json.Decoder(_Page)
_BATCH = msgspec.json.Decoder(_Batch)
_FAILED = msgspec.json.Decoder(_Failed)


class DynamoDBGate:
    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table

    def situation(self, pk: str, keys: Sequence[Key]) -> Situation:
        query: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
        }
        wanted: dict[str, Any] = {
            self._table: {
                "ConsistentRead": True,
                "Keys": [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in keys],
            }
        }
        partition: list[Document] = []
        documents: dict[Key, Document] = {}
        more_pages, more_keys = True, bool(keys)
        # Once, as a rule. A partition over 1 MiB has more pages, and a batch may come back in parts.
        while more_pages or more_keys:
            calls = [Call("Query", _ENCODE(query))] if more_pages else []
            calls += [Call("BatchGetItem", _ENCODE({"RequestItems": wanted}))] if more_keys else []
            answers = self._exchange(calls)
            if more_pages:
                page = _decode(_PAGE, answers[0])
                partition.extend(item.document() for item in page.Items)
                more_pages = page.LastEvaluatedKey is not None
                query["ExclusiveStartKey"] = page.LastEvaluatedKey
            if more_keys:
                batch = _decode(_BATCH, answers[-1])
                documents.update(
                    (document.key, document)
                    for document in (item.document() for item in batch.Responses.get(self._table, ()))
                )
                wanted, more_keys = batch.UnprocessedKeys, bool(batch.UnprocessedKeys)
        return Situation(partition, documents)

    def record(self, document: Document) -> Document | None:
        item: dict[str, Any] = {
            "pk": {"S": document.key.pk},
            "sk": {"S": document.key.sk},
            "version": {"N": str(document.version)},
            "body": {"S": document.body.decode()},
        }
        if document.sealed:
            item["sealed"] = {"B": base64.b64encode(document.sealed).decode()}
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": item,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        # Two gateways' threads, one message_id: the first to write version n wins, the other meets what it wrote.
        if document.version == 1:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "version = :replaced"
            put["ExpressionAttributeValues"] = {":replaced": {"N": str(document.version - 1)}}
        try:
            self._wire.call("PutItem", _ENCODE(put))
        except WireError as error:
            if error.code != "ConditionalCheckFailedException":
                raise StoreFailed(error.code) from error
            standing = _decode(_FAILED, error.body).Item
            if standing is None:
                raise StoreFailed("a replaced record is gone") from error
            return standing.document()
        return None

    def _exchange(self, calls: list[Call]) -> list[bytes]:
        try:
            return self._wire.exchange(calls)
        except WireError as error:
            raise StoreFailed(error.code) from error


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("an answer that cannot be read") from error
