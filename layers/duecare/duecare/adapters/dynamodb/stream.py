"""`Stream` on DynamoDB Streams over the lean client."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from duecare.adapters.dynamodb.items import decode, standing
from duecare.adapters.lean_client import Wire, WireError
from duecare.ports import Change, Document, Shard, StreamPage
from duecare_core.errors import StoreFailed, StreamTrimmed

A_CALL = 1000  # the most that GetRecords gives; or 1 MiB, whichever comes first
# A shard that has not ended always has a next page, and one without records may have records behind it: DynamoDB looks
# through a stretch of the shard a call, and does not say how far it is from the end. So many empty pages in a row are
# taken for the tip. Where that is wrong nothing is lost: the next read goes on from where the last empty page led.
EMPTY_PAGES = 3
# DynamoDB forgets an iterator after 15 minutes.
_ITERATOR_LASTS = 600.0
_ENCODE = msgspec.json.Encoder().encode


class _Shard(msgspec.Struct):
    ShardId: str
    ParentShardId: str | None = None


class _Description(msgspec.Struct):
    Shards: list[_Shard]
    LastEvaluatedShardId: str | None = None


class _Described(msgspec.Struct):
    StreamDescription: _Description


class _Begun(msgspec.Struct):
    ShardIterator: str


class _Versioned(msgspec.Struct):
    version: msgspec.Raw = msgspec.Raw()


class _What(msgspec.Struct):
    ApproximateCreationDateTime: float
    SequenceNumber: str
    NewImage: msgspec.Raw = msgspec.Raw()
    OldImage: _Versioned | None = None


class _Record(msgspec.Struct):
    dynamodb: _What


class _Records(msgspec.Struct):
    Records: list[_Record]
    NextShardIterator: str | None = None


class _Further(NamedTuple):
    """Where an empty page led: the iterator behind this position, and when it came."""

    position: str
    iterator: str
    since: float


_DESCRIBED = msgspec.json.Decoder(_Described)
_BEGUN = msgspec.json.Decoder(_Begun)
_RECORDS = msgspec.json.Decoder(_Records)
_VERSIONED = msgspec.json.Decoder(_Versioned)


class DynamoDBStream:
    def __init__(self, wire: Wire, arn: str, elapsed: Callable[[], float] = time.monotonic) -> None:
        """`wire`: to the streams' own endpoint."""
        self._wire = wire
        self._arn = arn
        self._elapsed = elapsed
        self._further: dict[str, _Further] = {}

    def shards(self) -> list[Shard]:
        asked: dict[str, Any] = {"StreamArn": self._arn}
        found: list[Shard] = []
        while True:
            described = decode(_DESCRIBED, self._call("DescribeStream", asked)).StreamDescription
            found += [Shard(shard.ShardId, shard.ParentShardId) for shard in described.Shards]
            if not described.LastEvaluatedShardId:
                return found
            asked["ExclusiveStartShardId"] = described.LastEvaluatedShardId

    def read(self, shard: str, after: str, limit: int) -> StreamPage:
        changes: list[Change] = []
        iterator = self._begin(shard, after)
        empty = 0
        while len(changes) < limit and empty < EMPTY_PAGES:
            asked = {"ShardIterator": iterator, "Limit": min(A_CALL, limit - len(changes))}
            page = decode(_RECORDS, self._call("GetRecords", asked))
            changes += [_change(record.dynamodb) for record in page.Records]
            empty = 0 if page.Records else empty + 1
            if page.NextShardIterator is None:
                self._further.pop(shard, None)
                return StreamPage(tuple(changes), ended=True)
            iterator = page.NextShardIterator
        self._further[shard] = _Further(changes[-1].position if changes else after, iterator, self._elapsed())
        return StreamPage(tuple(changes), ended=False)

    def _begin(self, shard: str, after: str) -> str:
        """An iterator behind this position: the one that the last read ended with, where that read ended there."""
        further = self._further.pop(shard, None)
        if further and further.position == after and self._elapsed() - further.since < _ITERATOR_LASTS:
            return further.iterator
        asked = {"StreamArn": self._arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if after:
            asked |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        return str(decode(_BEGUN, self._call("GetShardIterator", asked)).ShardIterator)

    def _call(self, operation: str, asked: dict[str, Any]) -> bytes:
        try:
            return self._wire.call(operation, _ENCODE(asked))
        except WireError as error:
            if error.code == "TrimmedDataAccessException":
                raise StreamTrimmed(error.code) from error
            raise StoreFailed(error.code) from error


def _change(record: _What) -> Change:
    at = datetime.fromtimestamp(record.ApproximateCreationDateTime, UTC)
    return Change(record.SequenceNumber, at, _document(record))


def _document(record: _What) -> Document | None:
    """What was written; None where it was taken away, or has the version that it had."""
    if not bytes(record.NewImage):
        return None
    if record.OldImage and record.OldImage.version == decode(_VERSIONED, record.NewImage).version:
        return None
    return standing(record.NewImage)
