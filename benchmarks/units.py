"""The capacity units of an allow and of a deny, as DynamoDB Local counts them on the handler's own calls.

DynamoDB Local counts as AWS documents it ("DynamoDB read and write operations" in the developer guide), which
`rules_hold` checks: a write rounds up to 1 KiB an item, a strongly consistent read to 4 KiB, per item in a BatchGetItem
and once for the whole of a Query. In one thing it differs: reading what is not there costs a unit on AWS and nothing
here, so `calls` adds that.
"""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any, NamedTuple

import app
import boto3

from benchmarks.calls import metered
from benchmarks.ground import TABLE, denied_event, event
from tools.steps import Problem


class Units(NamedTuple):
    read: float
    write: float


def measure() -> dict[str, Units]:
    """By decision. Also holds that the two events get the decisions that they are named after."""
    measured = {}
    for expected, asked in (("allow", event()), ("deny", denied_event())):
        with metered() as wire, contextlib.redirect_stdout(io.StringIO()):
            answer = app.handler(asked, None)
            measured[expected] = Units(wire.units["read"], wire.units["write"])
        if json.loads(answer["body"]).get("decision") != expected:
            raise Problem(f"expected {expected}: {answer}")
    return measured


def rules_hold() -> bool:
    """Whether this DynamoDB counts as AWS says it does, on items of known sizes under a partition of their own."""
    client = boto3.client("dynamodb")

    def write(sk: str, size: int) -> float:
        item = {"pk": {"S": "units"}, "sk": {"S": sk}, "fill": {"S": "x" * size}}
        return _units(client.put_item(TableName=TABLE, Item=item, ReturnConsumedCapacity="TOTAL"))

    def batch(*names: str) -> float:
        keys = [{"pk": {"S": "units"}, "sk": {"S": name}} for name in names]
        wanted = {TABLE: {"Keys": keys, "ConsistentRead": True}}
        return _units(client.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity="TOTAL"))

    query = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "units"}},
        "ConsistentRead": True,
        "ReturnConsumedCapacity": "TOTAL",
    }
    writes = write("a", 900), write("b", 1100), write("c", 4000)  # 913, 1113 and 4013 bytes with their names
    reads = batch("a", "b"), batch("c"), _units(client.query(TableName=TABLE, **query))
    return writes == (1, 2, 4) and reads == (2, 1, 2)


def _units(answer: dict[str, Any]) -> float:
    consumed = answer["ConsumedCapacity"]
    return sum(float(one["CapacityUnits"]) for one in (consumed if isinstance(consumed, list) else [consumed]))
