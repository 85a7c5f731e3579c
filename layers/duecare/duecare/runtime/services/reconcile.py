"""The Service of reconcile."""

from __future__ import annotations

from functools import cached_property

from duecare.adapters import secrets_manager as secrets
from duecare.adapters.dynamodb.ranges import DynamoDBRangeReader
from duecare.runtime.service import Service
from duecare.runtime.settings import ReconcileSettings
from duecare.usecases.audit.reconcile import Reconcile
from duecare_core.evidence.receipt import ReceiptKey


class ReconcileService(Service[ReconcileSettings]):
    settings_type = ReconcileSettings

    @cached_property
    def reconcile(self) -> Reconcile:
        # It reads many pages of a megabyte, and no gateway holds a message meanwhile.
        ranges = DynamoDBRangeReader(self.dynamodb(timeout=3.0, deadline=6.0), self.settings.table)
        return Reconcile(
            reader=self.decision_store,
            ranges=ranges,
            receipt_key=self.receipt_key,
            issuer=self.settings.issuer,
            clock=self.clock,
        )

    def receipt_key(self) -> ReceiptKey:
        """Read anew each time, so that a replaced key signs no longer. Raises SecretsFailed."""
        return secrets.receipt_key(self.secret(self.settings.receipt_key_secret))
