"""The recipient's chain in the table: its head is in the recipient's partition, its links are in one of their own.

Head, link, states and statement are written in one transaction. The head is conditional on its version and the link on
its absence, so of two writers one has a conflict and reads again: no `seq` is given twice.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from duecare.ports import Document, Documents
from duecare.usecases import table
from duecare_core.domain.facts.chain import ChainHead, extended
from duecare_core.domain.fields import RecipientKey


class ChainLink(Struct, frozen=True):
    """One statement of a chain; its place is in its sort key."""

    statement: str


class ChainExtension(NamedTuple):
    """The head after a statement, and the documents that must be written with it."""

    head: ChainHead
    documents: list[Document]


def extend(documents: Documents, recipient_key: RecipientKey, of: str, statement_id: str) -> ChainExtension:
    """The chain of `of`, a creditor's id or `*`, with this statement at its end. Writes nothing. Raises StoreFailed."""
    key = table.chain_head(table.recipient(recipient_key), of)
    stored = documents.get([key]).get(key)
    head = extended(table.read(stored, ChainHead) if stored else None, of, statement_id)
    link = table.write(table.chain_link(recipient_key, of, head.seq), None, ChainLink(statement_id))
    return ChainExtension(head, [table.write(key, stored, head), link])
