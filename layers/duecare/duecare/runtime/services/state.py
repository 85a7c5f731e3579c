"""The Service of state."""

from __future__ import annotations

from functools import cached_property

from duecare.adapters import secrets_manager as secrets
from duecare.adapters.kms import KmsSealer
from duecare.runtime.service import Service
from duecare.runtime.services.acknowledgement_key import HeldAcknowledgementKey
from duecare.runtime.settings import StateSettings
from duecare.usecases.statements.accept import AcceptStatements
from duecare_core.evidence.acknowledgement import AcknowledgementKey


class StateService(Service[StateSettings]):
    settings_type = StateSettings

    @cached_property
    def accept_statements(self) -> AcceptStatements:
        """Raises SecretsFailed, RulesFailed."""
        return AcceptStatements(
            documents=self.documents,
            sealer=KmsSealer(self.settings.statement_key),
            pseudonyms=self.pseudonyms(self.settings.pepper_secret),
            rules=self.rules,
            issuer=self.settings.issuer,
            clock=self.clock,
            acknowledgement_key=self.acknowledgement_key,
            backoff=self.backoff,
        )

    @cached_property
    def acknowledgement_key(self) -> HeldAcknowledgementKey:
        return HeldAcknowledgementKey(self._read_key, self.decision_store, self.clock, self.monotonic)

    def _read_key(self) -> AcknowledgementKey:
        """Raises SecretsFailed."""
        return secrets.acknowledgement_key(self.secret(self.settings.acknowledgement_key_secret))
