"""`Stream` on DynamoDB Streams, over the lean client."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from duecare.adapters.dynamodb.items import decode, readable_document
from duecare.adapters.dynamodb.protocol import encode
from duecare.adapters.lean_client import Wire, WireError
from duecare.ports import Change, Document, Shard, StreamPage
from duecare_core.errors import StoreFailed, StreamTrimmed

MAX_RECORDS = 1000  # of a GetRecords, or 1 MiB, whichever comes first
# An open shard always has a next page, and an empty page may be followed by records: each call covers a part of the
# shard, and does not say how far the end is. This many empty pages in a row are taken for the tip. If that is wrong
# nothing is lost: the next read continues where the last empty page ended.
EMPTY_PAGES = 3
# An iterator expires after 15 minutes.
_MAX_ITERATOR_AGE = 600.0


class _ShardResponse(msgspec.Struct):
    ShardId: str
    ParentShardId: str | None = None


class _StreamDescription(msgspec.Struct):
    Shards: list[_ShardResponse]
    LastEvaluatedShardId: str | None = None


class _DescribeStreamResponse(msgspec.Struct):
    StreamDescription: _StreamDescription


class _IteratorResponse(msgspec.Struct):
    ShardIterator: str


class _VersionImage(msgspec.Struct):
    version: msgspec.Raw = msgspec.Raw()


class _StreamRecord(msgspec.Struct):
    ApproximateCreationDateTime: float
    SequenceNumber: str
    NewImage: msgspec.Raw = msgspec.Raw()
    OldImage: _VersionImage | None = None


class _RecordResponse(msgspec.Struct):
    dynamodb: _StreamRecord


class _GetRecordsResponse(msgspec.Struct):
    Records: list[_RecordResponse]
    NextShardIterator: str | None = None


class _NextIterator(NamedTuple):
    """The iterator that the last page of a read returned: after this position, at this time."""

    position: str
    iterator: str
    since: float


_DESCRIBED = msgspec.json.Decoder(_DescribeStreamResponse)
_ITERATOR = msgspec.json.Decoder(_IteratorResponse)
_RECORDS = msgspec.json.Decoder(_GetRecordsResponse)
_VERSION_IMAGE = msgspec.json.Decoder(_VersionImage)


class DynamoDBStream:
    def __init__(self, wire: Wire, arn: str, elapsed: Callable[[], float] = time.monotonic) -> None:
        """`wire`: to the streams' own endpoint."""
        self._wire = wire
        self._arn = arn
        self._elapsed = elapsed
        self._next: dict[str, _NextIterator] = {}

    def shards(self) -> list[Shard]:
        request: dict[str, Any] = {"StreamArn": self._arn}
        found: list[Shard] = []
        while True:
            described = decode(_DESCRIBED, self._call("DescribeStream", request)).StreamDescription
            found += [Shard(shard.ShardId, shard.ParentShardId) for shard in described.Shards]
            if not described.LastEvaluatedShardId:
                return found
            request["ExclusiveStartShardId"] = described.LastEvaluatedShardId

    def read(self, shard: str, after: str, limit: int) -> StreamPage:
        changes: list[Change] = []
        iterator = self._iterator(shard, after)
        empty = 0
        while len(changes) < limit and empty < EMPTY_PAGES:
            request = {"ShardIterator": iterator, "Limit": min(MAX_RECORDS, limit - len(changes))}
            page = decode(_RECORDS, self._call("GetRecords", request))
            changes += [_change(record.dynamodb) for record in page.Records]
            empty = 0 if page.Records else empty + 1
            if page.NextShardIterator is None:
                self._next.pop(shard, None)
                return StreamPage(tuple(changes), ended=True)
            iterator = page.NextShardIterator
        self._next[shard] = _NextIterator(changes[-1].position if changes else after, iterator, self._elapsed())
        return StreamPage(tuple(changes), ended=False)

    def _iterator(self, shard: str, after: str) -> str:
        """An iterator after this position: the one from the last read, if that ended there and is recent enough."""
        following = self._next.pop(shard, None)
        if following and following.position == after and self._elapsed() - following.since < _MAX_ITERATOR_AGE:
            return following.iterator
        request = {"StreamArn": self._arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if after:
            request |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        return str(decode(_ITERATOR, self._call("GetShardIterator", request)).ShardIterator)

    def _call(self, operation: str, request: dict[str, Any]) -> bytes:
        try:
            return self._wire.call(operation, encode(request))
        except WireError as error:
            if error.code == "TrimmedDataAccessException":
                raise StreamTrimmed(error.code) from error
            raise StoreFailed(error.code) from error


def _change(record: _StreamRecord) -> Change:
    at = datetime.fromtimestamp(record.ApproximateCreationDateTime, UTC)
    return Change(record.SequenceNumber, at, _document(record))


def _document(record: _StreamRecord) -> Document | None:
    """The document written; None for a deletion, or if the version did not change."""
    if not bytes(record.NewImage):
        return None
    if record.OldImage and record.OldImage.version == decode(_VERSION_IMAGE, record.NewImage).version:
        return None
    return readable_document(record.NewImage)
