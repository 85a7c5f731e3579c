"""`Gate` and `Reader` on DynamoDB: the decision path's one read and one write, and look-ups, over the lean client."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
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
        try:
            sealed = base64.b64decode(self.sealed.B, validate=True) if self.sealed else b""
            return Document(Key(self.pk.S, self.sk.S), int(self.version.N), self.body.S.encode(), sealed)
        except ValueError as error:
            raise StoreFailed("an item that cannot be read") from error


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

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        return self._load(None, list(keys)).documents

    def situation(self, pk: str, keys: Sequence[Key]) -> Situation:
        return self._load(pk, keys)

    def _load(self, pk: str | None, keys: Sequence[Key]) -> Situation:
        """The Query and the BatchGetItem go out together: one round-trip time for both."""
        partition: list[Document] = []
        documents: dict[Key, Document] = {}
        query = self._query(pk) if pk is not None else None
        wanted = self._wanted(list(dict.fromkeys(keys)))
        # Once, as a rule. A partition over 1 MiB has more pages, and a batch may come back in parts.
        while query or wanted:
            calls = [Call("Query", _ENCODE(query))] if query else []
            calls += [Call("BatchGetItem", _ENCODE({"RequestItems": wanted}))] if wanted else []
            answers = self._exchange(calls)
            if query:
                page = _decode(_PAGE, answers[0])
                partition.extend(item.document() for item in page.Items)
                query = {**query, "ExclusiveStartKey": page.LastEvaluatedKey} if page.LastEvaluatedKey else None
            if wanted:
                batch = _decode(_BATCH, answers[-1])
                found = [item.document() for item in batch.Responses.get(self._table, ())]
                documents.update((document.key, document) for document in found)
                if batch.UnprocessedKeys == wanted:  # throttled, and asking on at once would make it worse
                    raise StoreFailed("UnprocessedKeys")
                wanted = batch.UnprocessedKeys
        return Situation(partition, documents)

    def _query(self, pk: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
        }

    def _wanted(self, keys: Sequence[Key]) -> dict[str, Any]:
        if not keys:
            return {}
        return {
            self._table: {
                "ConsistentRead": True,
                "Keys": [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in keys],
            }
        }

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
            standing: _Item | None = _decode(_FAILED, error.body).Item
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
