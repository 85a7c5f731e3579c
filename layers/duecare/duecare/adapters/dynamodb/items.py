"""Items as DynamoDB's JSON protocol spells them, for the lean client."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from duecare.ports import Document, Key
from duecare_core.errors import StoreFailed


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


class _Keys(msgspec.Struct):
    pk: _Text
    sk: _Text


_ITEM = msgspec.json.Decoder(Item)
_KEYS = msgspec.json.Decoder(_Keys)


def standing(data: bytes | msgspec.Raw) -> Document:
    """The document of an item. One that nobody can read stands for itself, as version 0 without a body: it must not
    keep all others from being read. Raises StoreFailed where it has no key of ours either."""
    try:
        return _ITEM.decode(data).document()
    except (msgspec.MsgspecError, ValueError, StoreFailed):
        keys: _Keys = decode(_KEYS, data)
        return Document(Key(keys.pk.S, keys.sk.S), 0, b"")


def item(document: Document) -> dict[str, Any]:
    """A document as an item."""
    made: dict[str, Any] = {
        "pk": {"S": document.key.pk},
        "sk": {"S": document.key.sk},
        "version": {"N": str(document.version)},
        "body": {"S": document.body.decode()},
    }
    if document.open_of:
        made["open_of"] = {"S": document.open_of}
    if document.sealed:
        made["sealed"] = {"B": base64.b64encode(document.sealed).decode()}
    if document.inputs:
        made["inputs"] = {"B": base64.b64encode(document.inputs).decode()}
    return made


def put(table: str, document: Document) -> dict[str, Any]:
    """A Put of this document that takes effect only over the version before its own."""
    request: dict[str, Any] = {
        "TableName": table,
        "Item": item(document),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    # Two gateways' threads, one message_id: the first to write version n wins, the other meets what it wrote.
    if document.version == 1:
        request["ConditionExpression"] = "attribute_not_exists(pk)"
    else:
        request["ConditionExpression"] = "version = :replaced"
        request["ExpressionAttributeValues"] = {":replaced": {"N": str(document.version - 1)}}
    return request


def decode(decoder: msgspec.json.Decoder[Any], body: bytes | msgspec.Raw) -> Any:
    """What came, typed. Raises StoreFailed."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("an answer that cannot be read") from error
