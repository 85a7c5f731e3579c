"""The Service of state."""

from __future__ import annotations

from functools import cached_property

from duecare.adapters.kms import KmsSealer
from duecare.runtime.service import Service
from duecare.runtime.settings import StateSettings
from duecare.usecases.statements.accept import AcceptStatements


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
        )
