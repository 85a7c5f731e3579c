"""The public receipt keys in the table: a receipt is verified with them long after its key was replaced."""

from __future__ import annotations

from datetime import datetime

from duecare.ports import DecisionStore, Document, Write, WriteConflict
from duecare.usecases import table
from duecare_core.errors import Contention, StoreFailed
from duecare_core.evidence.receipt import ReceiptKey, ReceiptKeyRecord


def put_on_file(decisions: DecisionStore, key: ReceiptKey, now: datetime) -> None:
    """Store this key, unless it is stored already. A key that is not known to be stored must not sign.

    Raises StoreFailed, Contention.
    """
    store_key(decisions, table.write(table.receipt_key(key.kid), None, ReceiptKeyRecord(key.kid, key.public, now)))


def store_key(decisions: DecisionStore, document: Document) -> None:
    """Store the record of a public key, unless it is stored already. Raises StoreFailed, Contention."""
    (outcome,) = decisions.record([Write(document)])
    if isinstance(outcome, StoreFailed):
        raise outcome
    if isinstance(outcome, WriteConflict) and outcome.existing is None:
        # Another process is writing it at this moment, and may fail.
        raise Contention("another process is storing the same key")
