"""The keys that sign receipts, on file: with them a receipt is checked when the key has long been replaced."""

from __future__ import annotations

from datetime import datetime

from duecare.ports import DecisionStore, Write, WriteConflict
from duecare.usecases import table
from duecare_core.errors import Contention, StoreFailed
from duecare_core.evidence.receipt import ReceiptKey, ReceiptKeyRecord


def put_on_file(gate: DecisionStore, key: ReceiptKey, now: datetime) -> None:
    """Raises StoreFailed, Contention: a key that is not known to be on file signs nothing."""
    document = table.write(table.receipt_key(key.kid), None, ReceiptKeyRecord(key.kid, key.public, now))
    (outcome,) = gate.record([Write(document)])
    if isinstance(outcome, StoreFailed):
        raise outcome
    if isinstance(outcome, WriteConflict) and outcome.existing is None:
        # Somebody is writing there at this moment, and what they write may come to nothing.
        raise Contention("the receipt key is being put on file by another")
