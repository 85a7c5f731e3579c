"""The public receipt keys and the engines in the table: a receipt is verified, and a decision recomputed, long after
its key and its engine were replaced."""

from __future__ import annotations

from datetime import datetime

from duecare.ports import DecisionStore, Document, Write, WriteConflict
from duecare.usecases import table
from duecare_core.engine import engine
from duecare_core.errors import Contention, StoreFailed
from duecare_core.evidence.receipt import ReceiptKey, ReceiptKeyRecord
from duecare_core.evidence.record import EngineRecord


def put_on_file(decisions: DecisionStore, key: ReceiptKey, now: datetime) -> None:
    """Store this key and the engine, unless they are stored already. A key that is not known to be stored must not
    sign, and an engine that is not must not decide.

    Raises StoreFailed, Contention.
    """
    store_once(
        decisions,
        table.write(table.receipt_key(key.kid), None, ReceiptKeyRecord(key.kid, key.public, now)),
        table.write(table.engine(engine()), None, EngineRecord(engine(), now)),
    )


def store_once(decisions: DecisionStore, *documents: Document) -> None:
    """Store these records, each unless it is stored already. Raises StoreFailed, Contention."""
    for outcome in decisions.record([Write(document) for document in documents]):
        if isinstance(outcome, StoreFailed):
            raise outcome
        if isinstance(outcome, WriteConflict) and outcome.existing is None:
            # Another process is writing it at this moment, and may fail.
            raise Contention("another process is storing the same record")
