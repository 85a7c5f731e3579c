"""The public acknowledgement keys. Verify publishes them with the receipt keys, and has no private one."""

from __future__ import annotations

from duecare.ports import DecisionStore
from duecare.usecases import table
from duecare_core.evidence.acknowledgement import AcknowledgementKeyRecord


def published_keys(decisions: DecisionStore) -> list[AcknowledgementKeyRecord]:
    """Every acknowledgement key, the newest first. Raises StoreFailed."""
    stored = decisions.load([table.ACKNOWLEDGEMENT_KEYS], []).partitions.get(table.ACKNOWLEDGEMENT_KEYS, [])
    records = [table.read(document, AcknowledgementKeyRecord) for document in stored]
    return sorted(records, key=lambda record: record.first_used_at, reverse=True)
