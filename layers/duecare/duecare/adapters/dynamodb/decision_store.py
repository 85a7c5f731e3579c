"""`Gate` and `Reader` on DynamoDB: the decision path's one read and one write, and look-ups, over the lean client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from duecare.adapters.dynamodb.items import Item, decode, put
from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.ports import Document, Key, Situation, Write, WriteConflict
from duecare_core.errors import StoreFailed

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


class _CancelledByOther:
    """A write that was cancelled because of another one in its transaction."""


_PAGE = msgspec.json.Decoder(_Page)
_BATCH = msgspec.json.Decoder(_Batch)
_FAILED = msgspec.json.Decoder(_Failed)
_CANCELLED = msgspec.json.Decoder(_Cancelled)
_BATCH_KEYS = 100
_PAIRS = 25  # of at most a hundred documents in a transaction; larger ones only wait longer
# Why a transaction may be cancelled without anything being wrong: somebody else was first, or is writing now.
_IN_THE_WAY = {"None", "ConditionalCheckFailed", "TransactionConflict"}


class DynamoDBDecisionStore:
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

    def record(self, writes: Sequence[Write]) -> list[WriteConflict | StoreFailed | None]:
        """Many writes of two documents each go many to a transaction, which the table takes in at once. Where a few of
        them cannot be written, none of that transaction was: those that were not in the way are written again."""
        outcomes: list[WriteConflict | StoreFailed | None] = [None] * len(writes)
        left = list(range(len(writes)))
        size = _PAIRS
        while left:
            groups = list(_grouped(writes, left, size))
            answers = self._wire.exchange_each([self._call([writes[at] for at in group]) for group in groups])
            left = []
            for group, answer in zip(groups, answers, strict=True):
                for at, outcome in zip(group, self._outcomes(answer, len(group)), strict=True):
                    if not isinstance(outcome, _CancelledByOther):
                        outcomes[at] = outcome
                    elif len(group) > 1:
                        left.append(at)
                    else:
                        outcomes[at] = StoreFailed("TransactionCanceledException")
            size = 1  # and alone, so that nobody's writes stand in anybody's way again
        return outcomes

    def _call(self, group: Sequence[Write]) -> Call:
        """One conditional Put, or several in a transaction (which costs twice as much)."""
        documents = [document for write in group for document in write if document]
        if len(documents) == 1:
            return Call("PutItem", _ENCODE(put(self._table, documents[0])))
        return Call(
            "TransactWriteItems", _ENCODE({"TransactItems": [{"Put": put(self._table, one)} for one in documents]})
        )

    def _outcomes(
        self, answer: bytes | WireError, number: int
    ) -> Sequence[WriteConflict | StoreFailed | _CancelledByOther | None]:
        """What became of each write of a group."""
        if isinstance(answer, bytes):
            return [None] * number
        try:
            if answer.code == "ConditionalCheckFailedException":
                standing = decode(_FAILED, answer.body).Item
                return [WriteConflict(standing.document()) if standing else StoreFailed("a replaced record is gone")]
            if answer.code == "TransactionCanceledException":
                return self._cancelled(answer.body, number)
        except StoreFailed as failed:
            return [failed] * number
        in_the_way = answer.code == "TransactionConflictException"
        return [WriteConflict(None) if in_the_way else StoreFailed(answer.code)] * number

    def _cancelled(self, body: bytes, number: int) -> Sequence[WriteConflict | StoreFailed | _CancelledByOther]:
        """Of two reasons a write the first is the record's, the second that of the document beside it."""
        reasons = decode(_CANCELLED, body).CancellationReasons
        if len(reasons) != 2 * number:
            return [StoreFailed("TransactionCanceledException")] * number
        return [_cancelled(*reasons[at : at + 2]) for at in range(0, 2 * number, 2)]

    def _exchange(self, calls: list[Call]) -> list[bytes]:
        try:
            return self._wire.exchange(calls)
        except WireError as error:
            raise StoreFailed(error.code) from error


def _cancelled(record: _Reason, beside: _Reason) -> WriteConflict | StoreFailed | _CancelledByOther:
    codes = {record.Code, beside.Code}
    if codes == {"None"}:
        return _CancelledByOther()
    if codes - _IN_THE_WAY:
        return StoreFailed("TransactionCanceledException")
    if record.Code == "ConditionalCheckFailed":
        return WriteConflict(record.Item.document()) if record.Item else StoreFailed("a replaced record is gone")
    return WriteConflict(None)


def _grouped(writes: Sequence[Write], places: Iterable[int], size: int) -> Iterator[list[int]]:
    """Writes of two documents so many together, each other one alone: a transaction of one Put would cost double."""
    together: list[int] = []
    for at in places:
        if writes[at].companion is None:
            yield [at]
            continue
        together.append(at)
        if len(together) == size:
            yield together
            together = []
    if together:
        yield together
