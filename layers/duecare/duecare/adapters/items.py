"""Items as DynamoDB's JSON protocol spells them, for the lean client."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from duecare.errors import StoreFailed
from duecare.ports import Document, Key


class _Text(msgspec.Struct):
    S: str


class _Number(msgspec.Struct):
    N: str


class _Bytes(msgspec.Struct):
    B: str


class Item(msgspec.Struct):
    """An item as DynamoDB spells it. The PynamoDB model in models.py writes the same; a test holds the two together."""

    pk: _Text
    sk: _Text
    version: _Number
    body: _Text
    sealed: _Bytes | None = None
    open_of: _Text | None = None
    inputs: _Bytes | None = None

    def document(self) -> Document:
        try:
            key, open_of = Key(self.pk.S, self.sk.S), self.open_of.S if self.open_of else ""
            sealed, inputs = _bytes(self.sealed), _bytes(self.inputs)
            return Document(key, int(self.version.N), self.body.S.encode(), sealed, open_of, inputs)
        except ValueError as error:
            raise StoreFailed("an item that cannot be read") from error


def _bytes(value: _Bytes | None) -> bytes:
    return base64.b64decode(value.B, validate=True) if value else b""


def put(table: str, document: Document) -> dict[str, Any]:
    """A Put of this document that takes effect only over the version before its own."""
    item: dict[str, Any] = {
        "pk": {"S": document.key.pk},
        "sk": {"S": document.key.sk},
        "version": {"N": str(document.version)},
        "body": {"S": document.body.decode()},
    }
    if document.open_of:
        item["open_of"] = {"S": document.open_of}
    if document.sealed:
        item["sealed"] = {"B": base64.b64encode(document.sealed).decode()}
    if document.inputs:
        item["inputs"] = {"B": base64.b64encode(document.inputs).decode()}
    request: dict[str, Any] = {
        "TableName": table,
        "Item": item,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    # Two gateways' threads, one message_id: the first to write version n wins, the other meets what it wrote.
    if document.version == 1:
        request["ConditionExpression"] = "attribute_not_exists(pk)"
    else:
        request["ConditionExpression"] = "version = :replaced"
        request["ExpressionAttributeValues"] = {":replaced": {"N": str(document.version - 1)}}
    return request


def decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """What came, typed. Raises StoreFailed."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("an answer that cannot be read") from error
