"""Requests and responses of DynamoDB's JSON protocol that several adapters use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from duecare.adapters.dynamodb.items import Item, KeyItem, decode
from duecare.adapters.lean_client import Wire, WireError
from duecare_core.errors import StoreFailed

encode = msgspec.json.Encoder().encode


class QueryPage(msgspec.Struct):
    Items: list[Item]
    LastEvaluatedKey: dict[str, Any] | None = None


class KeyPage(msgspec.Struct):
    """A page of an index that has the keys only."""

    Items: list[KeyItem]
    LastEvaluatedKey: dict[str, Any] | None = None


class CancellationReason(msgspec.Struct):
    Code: str
    Item: msgspec.Raw = msgspec.Raw()


class TransactionCancelled(msgspec.Struct):
    CancellationReasons: list[CancellationReason] = []


QUERY_PAGE = msgspec.json.Decoder(QueryPage)
KEY_PAGE = msgspec.json.Decoder(KeyPage)
TRANSACTION_CANCELLED = msgspec.json.Decoder(TransactionCancelled)
# Cancellation codes that other writers cause: they wrote first, or are writing now. "None" is the code of an item that
# was not the reason.
CONFLICT_CODES = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict"})


def query(wire: Wire, request: dict[str, Any], decoder: msgspec.json.Decoder[Any]) -> Iterator[Any]:
    """The items of all pages, read on demand. Raises StoreFailed."""
    request = dict(request)
    while True:
        try:
            page = decode(decoder, wire.call("Query", encode(request)))
        except WireError as error:
            raise StoreFailed(error.code) from error
        yield from page.Items
        if not page.LastEvaluatedKey:
            return
        request["ExclusiveStartKey"] = page.LastEvaluatedKey
