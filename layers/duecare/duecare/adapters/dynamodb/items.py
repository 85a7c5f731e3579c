"""Items in DynamoDB's JSON protocol, for the lean client."""

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
    """A document as an item. The PynamoDB model in models.py writes the same; the contract tests hold that."""

    pk: _Text
    sk: _Text
    version: _Number
    body: _Text
    sealed: _Bytes | None = None
    open_of: _Text | None = None
    summary: _Bytes | None = None

    def document(self) -> Document:
        """Raises StoreFailed."""
        try:
            key, open_of = Key(self.pk.S, self.sk.S), self.open_of.S if self.open_of else ""
            sealed, summary = _bytes(self.sealed), _bytes(self.summary)
            return Document(key, int(self.version.N), self.body.S.encode(), sealed, open_of, summary)
        except ValueError as error:
            raise StoreFailed("an item cannot be read") from error


class KeyItem(msgspec.Struct):
    """The keys of an item."""

    pk: _Text
    sk: _Text

    def key(self) -> Key:
        return Key(self.pk.S, self.sk.S)


def _bytes(value: _Bytes | None) -> bytes:
    return base64.b64decode(value.B, validate=True) if value else b""


ITEM = msgspec.json.Decoder(Item)
_KEY_ITEM = msgspec.json.Decoder(KeyItem)


def readable_document(data: bytes | msgspec.Raw) -> Document:
    """The document of an item; version 0 without a body if the item cannot be read, so that it does not hold up the
    other items. Raises StoreFailed if it has no key of ours either."""
    try:
        return ITEM.decode(data).document()
    except (msgspec.MsgspecError, ValueError, StoreFailed):
        return Document(decode(_KEY_ITEM, data).key(), 0, b"")


def item(document: Document) -> dict[str, Any]:
    """A document as an item."""
    members: dict[str, Any] = {
        "pk": {"S": document.key.pk},
        "sk": {"S": document.key.sk},
        "version": {"N": str(document.version)},
        "body": {"S": document.body.decode()},
    }
    if document.open_of:
        members["open_of"] = {"S": document.open_of}
    if document.sealed:
        members["sealed"] = {"B": base64.b64encode(document.sealed).decode()}
    if document.summary:
        members["summary"] = {"B": base64.b64encode(document.summary).decode()}
    if document.expires:
        members["expires"] = {"N": str(document.expires)}
    return members


def put(table: str, document: Document) -> dict[str, Any]:
    """A Put of this document that takes effect only over the previous version."""
    request: dict[str, Any] = {
        "TableName": table,
        "Item": item(document),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    # Two threads of a gateway write the same message_id: the first to write version n wins, and the other one gets what
    # it wrote with the rejection.
    if document.version == 1:
        request["ConditionExpression"] = "attribute_not_exists(pk)"
    else:
        request["ConditionExpression"] = "version = :replaced"
        request["ExpressionAttributeValues"] = {":replaced": {"N": str(document.version - 1)}}
    return request


def decode(decoder: msgspec.json.Decoder[Any], body: bytes | msgspec.Raw) -> Any:
    """The decoded response. Raises StoreFailed."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("a response of the table cannot be read") from error
