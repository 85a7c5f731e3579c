"""The one table as a PynamoDB model."""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model


class TableModel(Model):
    """A versioned document (ports.Document). `bind` binds it to a table."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    body = UnicodeAttribute()
    sealed = BinaryAttribute(null=True, legacy_encoding=False)
    open_of = UnicodeAttribute(null=True)
    summary = BinaryAttribute(null=True, legacy_encoding=False)
    expires = NumberAttribute(null=True)


def bind(table: str, region: str, endpoint: str | None = None) -> type[TableModel]:
    """The model of this table, with a connection of its own and short time-outs. `endpoint` overrides AWS's own."""

    class BoundTable(TableModel):
        class Meta:
            table_name = table
            host = endpoint
            connect_timeout_seconds = 1
            read_timeout_seconds = 3
            max_retry_attempts = 1

    BoundTable.Meta.region = region  # type: ignore[attr-defined]
    return BoundTable
