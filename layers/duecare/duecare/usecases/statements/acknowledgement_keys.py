"""The public acknowledgement keys in the table. They are logged, and published with the receipt keys."""

from __future__ import annotations

from datetime import datetime

from duecare.ports import DecisionStore
from duecare.usecases import table
from duecare.usecases.verify.receipt_keys import store_key
from duecare_core.evidence.acknowledgement import AcknowledgementKey, AcknowledgementKeyRecord


def put_on_file(decisions: DecisionStore, key: AcknowledgementKey, now: datetime) -> None:
    """Store this key, unless it is stored already. A key that is not known to be stored must not sign.

    Raises StoreFailed, Contention.
    """
    record = AcknowledgementKeyRecord(kid=key.kid, jwk=key.public, first_used_at=now)
    store_key(decisions, table.write(table.acknowledgement_key(key.kid), None, record))


def published_keys(decisions: DecisionStore) -> list[AcknowledgementKeyRecord]:
    """Every acknowledgement key, the newest first. Raises StoreFailed."""
    stored = decisions.load([table.ACKNOWLEDGEMENT_KEYS], []).partitions.get(table.ACKNOWLEDGEMENT_KEYS, [])
    records = [table.read(document, AcknowledgementKeyRecord) for document in stored]
    return sorted(records, key=lambda record: record.first_used_at, reverse=True)
