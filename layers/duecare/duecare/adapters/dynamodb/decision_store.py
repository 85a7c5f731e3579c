"""`DecisionStore` and `DocumentReader` on DynamoDB, over the lean client: one read and one write a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from duecare.adapters.dynamodb.items import ITEM, Item, decode, put
from duecare.adapters.dynamodb.protocol import (
    CONFLICT_CODES,
    QUERY_PAGE,
    TRANSACTION_CANCELLED,
    CancellationReason,
    encode,
)
from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.ports import Document, Key, Situation, Write, WriteConflict
from duecare_core.errors import StoreFailed


class _BatchGetResponse(msgspec.Struct):
    Responses: dict[str, list[Item]]
    UnprocessedKeys: dict[str, Any] = {}


class _ConditionFailed(msgspec.Struct):
    Item: Item | None = None


class _CancelledByOther:
    """A write that was cancelled because of another one in its transaction."""


_BATCH = msgspec.json.Decoder(_BatchGetResponse)
_CONDITION_FAILED = msgspec.json.Decoder(_ConditionFailed)
_MAX_BATCH_KEYS = 100
_MAX_PAIRS = 25  # in a transaction, which may have a hundred documents; larger ones only wait longer


class DynamoDBDecisionStore:
    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        return self.load([], list(keys)).documents

    def load(self, pks: Sequence[str], keys: Sequence[Key], meanwhile: Callable[[], None] | None = None) -> Situation:
        """Sends every Query and every BatchGetItem at once: one round-trip time for all."""
        partitions: dict[str, list[Document]] = {pk: [] for pk in pks}
        documents: dict[Key, Document] = {}
        queries = {pk: self._query(pk) for pk in partitions}
        wanted = list(dict.fromkeys(keys))
        batches = [self._batch_of(wanted[at : at + _MAX_BATCH_KEYS]) for at in range(0, len(wanted), _MAX_BATCH_KEYS)]
        # One iteration, as a rule. A partition over 1 MiB has more pages, and a batch may be answered in parts.
        while queries or batches:
            calls = [Call("Query", encode(query)) for query in queries.values()]
            calls += [Call("BatchGetItem", encode({"RequestItems": batch})) for batch in batches]
            answers = self._exchange(calls, meanwhile)
            meanwhile = None
            for pk, answer in zip(list(queries), answers, strict=False):
                page = decode(QUERY_PAGE, answer)
                partitions[pk].extend(item.document() for item in page.Items)
                if page.LastEvaluatedKey:
                    queries[pk]["ExclusiveStartKey"] = page.LastEvaluatedKey
                else:
                    del queries[pk]
            batches = self._collect(batches, answers[len(answers) - len(batches) :], documents)
        return Situation(partitions, documents)

    def _collect(
        self, batches: list[dict[str, Any]], answers: list[bytes], documents: dict[Key, Document]
    ) -> list[dict[str, Any]]:
        """Adds the documents of the answers. Returns the unprocessed keys; raises StoreFailed if none was processed."""
        left = []
        for wanted, answer in zip(batches, answers, strict=True):
            batch = decode(_BATCH, answer)
            found = [item.document() for item in batch.Responses.get(self._table, ())]
            documents.update((document.key, document) for document in found)
            if batch.UnprocessedKeys == wanted:  # throttled: asking again at once would make it worse
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

    def _batch_of(self, keys: Sequence[Key]) -> dict[str, Any]:
        return {
            self._table: {
                "ConsistentRead": True,
                "Keys": [{"pk": {"S": key.pk}, "sk": {"S": key.sk}} for key in keys],
            }
        }

    def record(self, writes: Sequence[Write]) -> list[WriteConflict | StoreFailed | None]:
        """Writes with a companion are grouped into transactions. If one of them is rejected, none is stored: the writes
        that were not the reason are repeated, each alone."""
        outcomes: list[WriteConflict | StoreFailed | None] = [None] * len(writes)
        left = list(range(len(writes)))
        size = _MAX_PAIRS
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
            size = 1  # so that no other write can cancel them again
        return outcomes

    def _call(self, group: Sequence[Write]) -> Call:
        """One conditional Put, or several in a transaction (which costs twice as much)."""
        documents = [document for write in group for document in write if document]
        if len(documents) == 1:
            return Call("PutItem", encode(put(self._table, documents[0])))
        return Call(
            "TransactWriteItems", encode({"TransactItems": [{"Put": put(self._table, one)} for one in documents]})
        )

    def _outcomes(
        self, answer: bytes | WireError, number: int
    ) -> Sequence[WriteConflict | StoreFailed | _CancelledByOther | None]:
        """The outcome of each write of a group."""
        if isinstance(answer, bytes):
            return [None] * number
        try:
            if answer.code == "ConditionalCheckFailedException":
                existing = decode(_CONDITION_FAILED, answer.body).Item
                return [WriteConflict(existing.document()) if existing else StoreFailed("a replaced record is gone")]
            if answer.code == "TransactionCanceledException":
                return self._cancelled(answer.body, number)
        except StoreFailed as failed:
            return [failed] * number
        conflict = answer.code == "TransactionConflictException"
        return [WriteConflict(None) if conflict else StoreFailed(answer.code)] * number

    def _cancelled(self, body: bytes, number: int) -> Sequence[WriteConflict | StoreFailed | _CancelledByOther]:
        """The reasons come in pairs: that of the record, and that of its companion."""
        reasons = decode(TRANSACTION_CANCELLED, body).CancellationReasons
        if len(reasons) != 2 * number:
            return [StoreFailed("TransactionCanceledException")] * number
        return [_cancelled(*reasons[at : at + 2]) for at in range(0, 2 * number, 2)]

    def _exchange(self, calls: list[Call], meanwhile: Callable[[], None] | None) -> list[bytes]:
        try:
            return self._wire.exchange(calls, meanwhile)
        except WireError as error:
            raise StoreFailed(error.code) from error


def _cancelled(
    record: CancellationReason, companion: CancellationReason
) -> WriteConflict | StoreFailed | _CancelledByOther:
    codes = {record.Code, companion.Code}
    if codes == {"None"}:
        return _CancelledByOther()
    if codes - CONFLICT_CODES:
        return StoreFailed("TransactionCanceledException")
    if record.Code == "ConditionalCheckFailed":
        if not bytes(record.Item):
            return StoreFailed("a replaced record is gone")
        return WriteConflict(decode(ITEM, record.Item).document())
    return WriteConflict(None)


def _grouped(writes: Sequence[Write], places: Iterable[int], size: int) -> Iterator[list[int]]:
    """Groups of writes with a companion, up to this size; every other write alone, as a transaction costs double."""
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
