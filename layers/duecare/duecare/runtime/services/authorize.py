"""The Service of the authorizer."""

from __future__ import annotations

from functools import cached_property

from duecare.runtime.service import Service
from duecare.runtime.settings import AuthorizeSettings
from duecare.usecases.access.authorize import Authorize


class AuthorizeService(Service[AuthorizeSettings]):
    settings_type = AuthorizeSettings

    @cached_property
    def authorize(self) -> Authorize:
        return Authorize(self.decision_store, self.settings.issuer)
