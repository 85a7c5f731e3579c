"""The composition root: `Service` builds the adapters that several functions share. Each function has a subclass in
`services/` that adds its use cases.

A process builds one Service, when its function starts. Every `cached_property` is built when it is first used and kept
for the life of the process. A test builds its own Service, with its own settings and clock, and may assign any of the
properties before it is used.

Cold starts are measured: a module under `services/` imports only what its function needs, and imports inside a
property what only some requests need.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

from duecare.adapters import secrets_manager as secrets
from duecare.adapters.backoff import backoff
from duecare.adapters.dynamodb.decision_store import DynamoDBDecisionStore
from duecare.adapters.lean_client import Wire
from duecare.runtime import rulebook, settings
from duecare.runtime.party_limit import PartyLimit
from duecare.runtime.settings import Settings

if TYPE_CHECKING:
    from duecare.ports import Clock, Documents, Entropy
    from duecare_core.domain.rules.ruleset import Rules
    from duecare_core.evidence.pseudonyms import Pseudonyms

S = TypeVar("S", bound=Settings)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Service(Generic[S]):
    settings_type: ClassVar[type[Settings]]

    def __init__(
        self,
        settings: S,
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        entropy: Entropy = os.urandom,
        backoff: Callable[[int], None] = backoff,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.monotonic = monotonic
        self.entropy = entropy
        self.backoff = backoff

    @classmethod
    def from_environment(cls) -> Self:
        """Raises SettingsError, naming every variable that is missing."""
        return cls(settings.read(cls.settings_type))  # type: ignore[arg-type]  # of the type that the class names

    @cached_property
    def party_limit(self) -> PartyLimit:
        """Of a function that has one."""
        return PartyLimit(getattr(self.settings, "party_rate", 0), self.monotonic)

    @cached_property
    def rules(self) -> Rules:
        """Raises RulesFailed."""
        return rulebook.rules()

    @cached_property
    def decision_store(self) -> DynamoDBDecisionStore:
        """The table over the lean client: fast reads, and writes of decisions."""
        return DynamoDBDecisionStore(self.dynamodb(), self.settings.table)

    @cached_property
    def documents(self) -> Documents:
        """The table over boto3, for functions whose start nobody waits for."""
        from duecare.adapters.dynamodb.documents import DynamoDBDocuments  # noqa: PLC0415  boto3: not in verify

        aws = self.settings.aws
        return DynamoDBDocuments(self.settings.table, aws.region, aws.override("dynamodb"))

    @cached_property
    def read_secrets(self) -> Callable[[list[str]], list[str]]:
        """Reads the current values of secrets, by their ARNs, in one round trip. Raises SecretsFailed."""
        return partial(secrets.fetch, self.wire("secretsmanager", "secretsmanager", "1.1"))

    def secret(self, arn: str) -> str:
        """Raises SecretsFailed."""
        (value,) = self.read_secrets([arn])
        return value

    def pseudonyms(self, pepper_secret: str) -> Pseudonyms:
        """Raises SecretsFailed."""
        return secrets.pseudonyms(self.secret(pepper_secret))

    def dynamodb(self, *, timeout: float = 1.0, deadline: float = 3.0) -> Wire:
        return self.wire("dynamodb", "DynamoDB_20120810", "1.0", timeout=timeout, deadline=deadline)

    def wire(
        self,
        service: str,
        target: str,
        json_version: str,
        *,
        endpoint: str = "",
        timeout: float = 1.0,
        deadline: float = 3.0,
    ) -> Wire:
        """A lean client. `timeout` is of one call, `deadline` of a call with its retries, both in seconds: by default
        what a gateway that holds a message can wait for."""
        aws = self.settings.aws
        return Wire(
            service=service,
            target=target,
            json_version=json_version,
            region=aws.region,
            endpoint=endpoint or aws.endpoint(service),
            credentials=aws.credentials,
            timeout=timeout,
            deadline=deadline,
        )
