"""Verify's calls to DynamoDB: recorded for the baseline, and metered for the bill."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import app

from duecare.adapters.lean_client import Call, Wire, WireError
from duecare.runtime import service as composition
from duecare.runtime.handler import http_handler
from duecare.runtime.services import verify as composed
from duecare_core.evidence.item_keys import DECISION_PREFIX

READS = ("Query", "BatchGetItem", "GetItem")
_METHODS = {
    "Query": "query",
    "BatchGetItem": "batch_get_item",
    "GetItem": "get_item",
    "PutItem": "put_item",
    "TransactWriteItems": "transact_write_items",
}


class MeteredWire(Wire):
    """The function's client, which also asks for the consumed capacity. Keeps the sums, and the calls of each
    exchange."""

    exchanges: list[list[Call]]
    units: dict[str, float]

    def exchange_each(
        self, calls: Sequence[Call], meanwhile: Callable[[], None] | None = None
    ) -> list[bytes | WireError]:
        asked = [Call(call.operation, _asking(call.body)) for call in calls]
        answers = super().exchange_each(asked, meanwhile)
        if asked[0].operation in _METHODS:
            MeteredWire.exchanges.append(list(calls))
            for call, answer in zip(calls, answers, strict=True):
                if isinstance(answer, WireError):
                    raise answer
                MeteredWire.units["read" if call.operation in READS else "write"] += _consumed(call, answer)
        return answers


class Metering(NamedTuple):
    """Verify's handler over the metered client."""

    handler: Callable[[Mapping[str, Any], Any], dict[str, Any]]
    wire: type[MeteredWire]


@contextmanager
def metered() -> Iterator[Metering]:
    """A handler whose keys have been read already, so that the counts are of the messages alone."""
    service = composed.VerifyService.from_environment()
    with patch.object(composition, "Wire", MeteredWire):
        with patch.object(composed, "put_on_file", lambda *_: None):
            service.decider()
        MeteredWire.exchanges, MeteredWire.units = [], {"read": 0.0, "write": 0.0}
        yield Metering(http_handler(app.ROUTES, service), MeteredWire)


def _asking(body: bytes) -> bytes:
    members = json.loads(body)
    if "SecretId" not in members:
        members["ReturnConsumedCapacity"] = "TOTAL"
    return json.dumps(members, ensure_ascii=False).encode()


def _consumed(call: Call, answer: bytes) -> float:
    """DynamoDB Local's count, plus one unit for each absent item, which AWS charges and DynamoDB Local does not."""
    members = json.loads(answer)
    consumed = members["ConsumedCapacity"]
    if call.operation == "BatchGetItem":
        wanted = sum(len(one["Keys"]) for one in json.loads(call.body)["RequestItems"].values())
        absent = wanted - sum(len(items) for items in members["Responses"].values())
        return absent + sum(float(one["CapacityUnits"]) for one in consumed)
    if call.operation == "TransactWriteItems":
        return sum(float(one["CapacityUnits"]) for one in consumed)
    return max(1.0, float(consumed["CapacityUnits"]))


def with_boto3(client: Any, call: Call) -> Callable[[], Any]:
    """The same call, made by boto3."""
    method = getattr(client, _METHODS[call.operation])
    members = _unpacked(json.loads(call.body))
    return lambda: method(**members)


def _unpacked(value: Any) -> Any:
    """boto3 takes bytes, the protocol base64."""
    if isinstance(value, dict):
        if set(value) == {"B"}:
            return {"B": base64.b64decode(value["B"])}
        return {name: _unpacked(member) for name, member in value.items()}
    return [_unpacked(member) for member in value] if isinstance(value, list) else value


_decisions = itertools.count()


def moved_calls(calls: Sequence[Call], pks: Mapping[str, str]) -> list[Call]:
    """The same calls about other recipients (partition keys by partition keys), each decision under a new key of the
    same length."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: moved(member) for name, member in value.items()}
        if isinstance(value, list):
            return [moved(member) for member in value]
        if isinstance(value, str) and value.startswith(DECISION_PREFIX):
            return f"{value[:-16]}{next(_decisions):016d}"
        return pks.get(value, value) if isinstance(value, str) else value

    return [Call(call.operation, json.dumps(moved(json.loads(call.body))).encode()) for call in calls]
