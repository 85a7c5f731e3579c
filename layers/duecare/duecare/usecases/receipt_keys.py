"""The keys that sign receipts, on file: with them a receipt is checked when the key has long been replaced."""

from __future__ import annotations

from datetime import datetime

from duecare.errors import StoreFailed
from duecare.evidence.receipt import KeyOnFile, ReceiptKey
from duecare.ports import Gate, Write
from duecare.usecases import table


def put_on_file(gate: Gate, key: ReceiptKey, now: datetime) -> None:
    """Raises StoreFailed: a key that is not on file signs nothing."""
    document = table.write(table.receipt_key(key.kid), None, KeyOnFile(key.kid, key.public, now))
    (outcome,) = gate.record([Write(document)])
    if isinstance(outcome, StoreFailed):
        raise outcome
