"""The capacity units of an allow and of a deny, as DynamoDB Local counts them on the handler's own calls.

DynamoDB Local counts as AWS documents it ("DynamoDB read and write operations" in the developer guide), which
`rules_hold` checks: a write rounds up to 1 KiB an item and counts twice in a transaction, a strongly consistent read
rounds up to 4 KiB, per item in a BatchGetItem and once for the whole of a Query. One thing differs: reading an absent
item costs a unit on AWS and nothing here, so `calls` adds that.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import secrets
from typing import Any, NamedTuple

import boto3

from benchmarks.calls import metered
from benchmarks.events import denied_event, event
from benchmarks.fixtures import TABLE
from benchmarks.recipients import Recipients
from tools.steps import ToolError

# The maximum length of a reference. Hexadecimal digits compress worst.
MAX_REFERENCE = 128


class Units(NamedTuple):
    read: float
    write: float


def measure(recipients: Recipients) -> tuple[Units, Units]:
    """The units of an allow and of a deny. Raises ToolError if an event gets another decision."""
    return _asked("allow", event(recipients.one()))[0], _asked("deny", denied_event())[0]


def record_bytes(recipients: Recipients) -> dict[int, int]:
    """The size of an allow's record as an item, by the length of its message_id."""
    ids = {length: secrets.token_hex(MAX_REFERENCE)[:length] for length in (26, 36, 64, MAX_REFERENCE)}
    return {length: _asked("allow", event(recipients.one(), message_id=one))[1] for length, one in ids.items()}


def summary(sizes: dict[int, int]) -> str:
    by_length = ", ".join(f"{size} with a message_id of {length}" for length, size in sizes.items())
    return f"the record of an allow has, of the 1,024 bytes of a unit: {by_length}"


def _asked(expected: str, asked: dict[str, Any]) -> tuple[Units, int]:
    """The units, and the size of the record in bytes."""
    with metered() as metering, contextlib.redirect_stdout(io.StringIO()):
        answer = metering.handler(asked, None)
        units, (write,) = Units(*metering.wire.units.values()), metering.wire.exchanges[-1]
    if json.loads(answer["body"]).get("decision") != expected:
        raise ToolError(f"expected {expected}: {answer}")
    members = json.loads(write.body)
    put = members["TransactItems"][0]["Put"] if "TransactItems" in members else members
    return units, _size(put["Item"])


def _size(item: dict[str, Any]) -> int:
    """The size of an item as DynamoDB counts it: names and texts in UTF-8, binary values, numbers with half their
    digits."""
    size = 0
    for name, value in item.items():
        ((kind, text),) = value.items()
        weights = {"S": len(text.encode()), "B": len(base64.b64decode(text)) if kind == "B" else 0, "N": 2}
        size += len(name) + weights[kind]
    return size


def rules_hold() -> bool:
    """Whether this DynamoDB counts units as AWS documents them, on items of known sizes."""
    client = boto3.client("dynamodb")

    def item(sk: str, size: int) -> dict[str, Any]:
        return {"pk": {"S": "units"}, "sk": {"S": sk}, "fill": {"S": "x" * size}}

    def write(sk: str, size: int) -> float:
        return _units(client.put_item(TableName=TABLE, Item=item(sk, size), ReturnConsumedCapacity="TOTAL"))

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
    together = client.transact_write_items(
        TransactItems=[{"Put": {"TableName": TABLE, "Item": item(sk, 900)}} for sk in ("d", "e")],
        ReturnConsumedCapacity="TOTAL",
    )
    return writes == (1, 2, 4) and reads == (2, 1, 2) and _units(together) == 4


def _units(answer: dict[str, Any]) -> float:
    consumed = answer["ConsumedCapacity"]
    return sum(float(one["CapacityUnits"]) for one in (consumed if isinstance(consumed, list) else [consumed]))
