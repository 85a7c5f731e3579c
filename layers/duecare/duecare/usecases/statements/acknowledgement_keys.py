"""Stores the public acknowledgement key. It is logged, and published with the receipt keys."""

from __future__ import annotations

from datetime import datetime

from duecare.ports import DecisionStore
from duecare.usecases import table
from duecare.usecases.verify.receipt_keys import store_once
from duecare_core.evidence.acknowledgement import AcknowledgementKey, AcknowledgementKeyRecord


def put_on_file(decisions: DecisionStore, key: AcknowledgementKey, now: datetime) -> None:
    """Store this key, unless it is stored already. A key that is not known to be stored must not sign.

    Raises StoreFailed, Contention.
    """
    record = AcknowledgementKeyRecord(kid=key.kid, jwk=key.public, first_used_at=now)
    store_once(decisions, table.write(table.acknowledgement_key(key.kid), None, record))
