"""`Gate` and `Reader` on DynamoDB: the decision path's one read and one write, and look-ups, over the lean client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from duecare.adapters.items import Item, decode, put
from duecare.adapters.wire import Call, Wire, WireError
from duecare.errors import StoreFailed
from duecare.ports import Document, Key, Met, Situation, Write

_ENCODE = msgspec.json.Encoder().encode


class _Page(msgspec.Struct):
    Items: list[Item]
    LastEvaluatedKey: dict[str, Any] | None = None


class _Batch(msgspec.Struct):
    Responses: dict[str, list[Item]]
    UnprocessedKeys: dict[str, Any] = {}


class _Failed(msgspec.Struct):
    Item: Item | None = None


class _Reason(msgspec.Struct):
    Code: str
    Item: Item | None = None


class _Cancelled(msgspec.Struct):
    CancellationReasons: list[_Reason] = []


_PAGE = msgspec.json.Decoder(_Page)
_BATCH = msgspec.json.Decoder(_Batch)
_FAILED = msgspec.json.Decoder(_Failed)
_CANCELLED = msgspec.json.Decoder(_Cancelled)
_BATCH_KEYS = 100
# Why a transaction may be cancelled without anything being wrong: somebody else was first, or is writing now.
_IN_THE_WAY = {"None", "ConditionalCheckFailed", "TransactionConflict"}


class DynamoDBGate:
    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        return self.load([], list(keys)).documents

    def load(self, pks: Sequence[str], keys: Sequence[Key]) -> Situation:
        """Every Query and every BatchGetItem goes out at once: one round-trip time for all."""
        partitions: dict[str, list[Document]] = {pk: [] for pk in pks}
        documents: dict[Key, Document] = {}
        queries = {pk: self._query(pk) for pk in partitions}
        wanted = list(dict.fromkeys(keys))
        batches = [self._wanted(wanted[at : at + _BATCH_KEYS]) for at in range(0, len(wanted), _BATCH_KEYS)]
        # Once, as a rule. A partition over 1 MiB has more pages, and a batch may come back in parts.
        while queries or batches:
            calls = [Call("Query", _ENCODE(query)) for query in queries.values()]
            calls += [Call("BatchGetItem", _ENCODE({"RequestItems": batch})) for batch in batches]
            answers = self._exchange(calls)
            for pk, answer in zip(list(queries), answers, strict=False):
                page = decode(_PAGE, answer)
                partitions[pk].extend(item.document() for item in page.Items)
                if page.LastEvaluatedKey:
                    queries[pk]["ExclusiveStartKey"] = page.LastEvaluatedKey
                else:
                    del queries[pk]
            batches = self._unprocessed(batches, answers[len(answers) - len(batches) :], documents)
        return Situation(partitions, documents)

    def _unprocessed(
        self, batches: list[dict[str, Any]], answers: list[bytes], documents: dict[Key, Document]
    ) -> list[dict[str, Any]]:
        """Takes in what came; answers what must be asked for again. Raises StoreFailed where nothing came."""
        left = []
        for wanted, answer in zip(batches, answers, strict=True):
            batch = decode(_BATCH, answer)
            found = [item.document() for item in batch.Responses.get(self._table, ())]
            documents.update((document.key, document) for document in found)
            if batch.UnprocessedKeys == wanted:  # throttled, and asking on at once would make it worse
                raise StoreFailed("UnprocessedKeys")
            left += [batch.UnprocessedKeys] if batch.UnprocessedKeys else []
        return left

    def _query(self, pk: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
        }

    def _wanted(self, keys: Sequence[Key]) -> dict[str, Any]:
        return {
            self._table: {
                "ConsistentRead": True,
                "Keys": [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in keys],
            }
        }

    def record(self, writes: Sequence[Write]) -> list[Met | StoreFailed | None]:
        answers = self._wire.exchange_each([self._call(write) for write in writes])
        return [self._outcome(answer) for answer in answers]

    def _call(self, write: Write) -> Call:
        """One conditional Put, or two in a transaction (which costs twice as much)."""
        if write.beside is None:
            return Call("PutItem", _ENCODE(put(self._table, write.document)))
        puts = [{"Put": put(self._table, document)} for document in (write.document, write.beside)]
        return Call("TransactWriteItems", _ENCODE({"TransactItems": puts}))

    def _outcome(self, answer: bytes | WireError) -> Met | StoreFailed | None:
        if isinstance(answer, bytes):
            return None
        try:
            if answer.code == "ConditionalCheckFailedException":
                standing = decode(_FAILED, answer.body).Item
                return Met(standing.document()) if standing else StoreFailed("a replaced record is gone")
            if answer.code == "TransactionCanceledException":
                return self._cancelled(answer.body)
        except StoreFailed as failed:
            return failed
        return Met(None) if answer.code == "TransactionConflictException" else StoreFailed(answer.code)

    def _cancelled(self, body: bytes) -> Met | StoreFailed:
        """The first reason is the record's, the second that of the document beside it."""
        reasons = decode(_CANCELLED, body).CancellationReasons
        if not reasons or {reason.Code for reason in reasons} - _IN_THE_WAY:
            return StoreFailed("TransactionCanceledException")
        first = reasons[0]
        if first.Code == "ConditionalCheckFailed":
            return Met(first.Item.document()) if first.Item else StoreFailed("a replaced record is gone")
        return Met(None)

    def _exchange(self, calls: list[Call]) -> list[bytes]:
        try:
            return self._wire.exchange(calls)
        except WireError as error:
            raise StoreFailed(error.code) from error
