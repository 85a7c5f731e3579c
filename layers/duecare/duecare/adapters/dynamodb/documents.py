"""`Documents` on DynamoDB, with PynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import PutError, PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from duecare.adapters.dynamodb.models import TableModel, bind
from duecare.ports import Document, Key
from duecare_core.errors import StoreFailed, VersionConflict

# Another writer was first, or is writing now.
_CONFLICTS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_PUT_CONFLICTS = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})


class DynamoDBDocuments:
    def __init__(self, table: str, region: str, endpoint: str | None = None) -> None:
        self._items = bind(table, region, endpoint)
        self._connection = Connection(
            region=region, host=endpoint, connect_timeout_seconds=1, read_timeout_seconds=3, max_retry_attempts=1
        )

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        wanted = [tuple(key) for key in dict.fromkeys(keys)]
        try:
            found = [_document(item) for item in self._items.batch_get(wanted, consistent_read=True)]
        except PynamoDBException as error:
            raise StoreFailed(_code(error)) from error
        return {document.key: document for document in found}

    def partition(self, pk: str, prefix: str) -> list[Document]:
        begins = self._items.sk.startswith(prefix) if prefix else None
        try:
            return [_document(item) for item in self._items.query(pk, begins, consistent_read=True)]
        except PynamoDBException as error:
            raise StoreFailed(_code(error)) from error

    def commit(self, documents: Sequence[Document]) -> None:
        try:
            if len(documents) == 1:  # a transaction of one costs twice as much
                self._item(documents[0]).save(condition=self._unchanged(documents[0]))
                return
            with TransactWrite(connection=self._connection) as transaction:
                for document in documents:
                    transaction.save(self._item(document), condition=self._unchanged(document))
        except TransactWriteError as error:
            reasons = {reason.code for reason in error.cancellation_reasons if reason}
            if reasons and reasons <= _CONFLICTS:
                raise VersionConflict(", ".join(sorted(reasons))) from error
            raise StoreFailed(_code(error)) from error
        except PutError as error:
            if _code(error) in _PUT_CONFLICTS:
                raise VersionConflict(_code(error)) from error
            raise StoreFailed(_code(error)) from error
        except PynamoDBException as error:
            raise StoreFailed(_code(error)) from error

    def _unchanged(self, document: Document) -> Condition:
        """The condition that the stored version is the previous one; for version 1, that nothing is stored."""
        if document.version == 1:
            return self._items.pk.does_not_exist()
        replaced: Condition = self._items.version == document.version - 1
        return replaced

    def _item(self, document: Document) -> TableModel:
        return self._items(
            document.key.pk,
            document.key.sk,
            version=document.version,
            body=document.body.decode(),
            sealed=document.sealed or None,
            open_of=document.open_of or None,
            summary=document.summary or None,
            expires=document.expires or None,
        )


def _document(item: Any) -> Document:
    return Document(
        Key(item.pk, item.sk),
        int(item.version),
        item.body.encode(),
        item.sealed or b"",
        item.open_of or "",
        item.summary or b"",
    )


def _code(error: PynamoDBException) -> str:
    try:
        return error.cause_response_code or type(error).__name__
    except AttributeError:  # PynamoDB expects a response, which a broken connection does not have
        return type(error.cause).__name__
