"""Scans of the table over the lean client, in segments that are read concurrently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from duecare.adapters.dynamodb.items import decode, readable_document
from duecare.adapters.dynamodb.protocol import encode
from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.ports import ScanFilter, ScanPage
from duecare_core.errors import StoreFailed

# Segments of a scan, read concurrently. A cursor names its segment and the total, so a scan that was begun with another
# total can be continued to its end.
_SEGMENTS = 8
_START = {f"{segment}/{_SEGMENTS}": "" for segment in range(_SEGMENTS)}
# Documents of a segment in one page, before the filter. A void deals with a page as a whole, within seconds.
_MAX_PAGE = 8


class _ScanResponse(msgspec.Struct):
    Items: list[msgspec.Raw]
    LastEvaluatedKey: msgspec.Raw = msgspec.Raw()


_SCAN = msgspec.json.Decoder(_ScanResponse)


class DynamoDBTableScan:
    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table

    def scan(self, filters: Sequence[ScanFilter], cursors: Mapping[str, str]) -> ScanPage:
        conditions: list[str] = []
        values: dict[str, Any] = {}
        for number, one in enumerate(filters):
            tests = {f"begins_with(pk, :p{number})": one.pk}
            # DynamoDB refuses empty operands.
            tests |= {f"begins_with(sk, :s{number})": one.sk} if one.sk else {}
            tests |= {f"contains(body, :t{number})": one.text} if one.text else {}
            conditions.append(f"({' AND '.join(tests)})")
            values |= {test.partition(", ")[2].rstrip(")"): {"S": operand} for test, operand in tests.items()}
        request = {
            "TableName": self._table,
            "ConsistentRead": True,
            "Limit": _MAX_PAGE,
            "FilterExpression": " OR ".join(conditions),
            "ExpressionAttributeValues": values,
        }
        return scan_page(self._wire, request, cursors)


def scan_page(wire: Wire, request: Mapping[str, Any], cursors: Mapping[str, str]) -> ScanPage:
    """The next page of each segment. Raises StoreFailed."""
    cursors = cursors or _START
    calls = [Call("Scan", encode({**request, **_start(*cursor)})) for cursor in cursors.items()]
    try:
        pages = [decode(_SCAN, answer) for answer in wire.exchange(calls)]
    except WireError as error:
        raise StoreFailed(error.code) from error
    return ScanPage(
        [readable_document(found) for page in pages for found in page.Items],
        {
            segment: bytes(page.LastEvaluatedKey).decode()
            for segment, page in zip(cursors, pages, strict=True)
            if bytes(page.LastEvaluatedKey)
        },
    )


def _start(segment: str, last_key: str) -> dict[str, Any]:
    """The members of a Scan that say where it starts. `last_key`: of the previous page, as DynamoDB spelled it."""
    number, _, total = segment.partition("/")
    start = {"ExclusiveStartKey": msgspec.Raw(last_key.encode())} if last_key else {}
    return {"Segment": int(number), "TotalSegments": int(total), **start}
