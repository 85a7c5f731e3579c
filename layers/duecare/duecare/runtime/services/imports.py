"""The Services of the two steps of an import: ingest checks and splits a file, import_part imports one part.

Only files with a `rows_root` need KMS, so only they load it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from duecare.adapters import secrets_manager as secrets
from duecare.adapters.dynamodb.bulk import DynamoDBBulkStore
from duecare.adapters.s3.files import S3Files
from duecare.adapters.sqs import SqsQueue
from duecare.runtime import telemetry
from duecare.runtime.service import Service
from duecare.runtime.services.acknowledgement_key import HeldAcknowledgementKey
from duecare.runtime.settings import ImportPartSettings, ImportSettings
from duecare.usecases.imports.close import CloseImport
from duecare.usecases.imports.import_part import ImportPart
from duecare.usecases.imports.ingest import Ingest
from duecare.usecases.imports.upload_state import ImportDeps
from duecare_core.evidence.acknowledgement import AcknowledgementKey

if TYPE_CHECKING:
    from duecare.ports import Opener, Sealer

S = TypeVar("S", bound=ImportSettings)


class _ImportService(Service[S]):
    """The adapters of both steps."""

    @cached_property
    def queue(self) -> SqsQueue:
        aws = self.settings.aws
        return SqsQueue(self.settings.queue, aws.region, aws.override("sqs"))

    @cached_property
    def dependencies(self) -> ImportDeps:
        """Raises SecretsFailed."""
        here = self.settings
        # A transaction of a hundred items takes longer than one of two, and no gateway waits for it.
        bulk = DynamoDBBulkStore(self.dynamodb(timeout=10.0, deadline=30.0), here.table)
        files = S3Files(here.bucket, here.aws.region, here.aws.override("s3"))
        pseudonyms = self.pseudonyms(here.pepper_secret)
        return ImportDeps(
            documents=self.documents,
            bulk=bulk,
            files=files,
            pseudonyms=pseudonyms,
            clock=self.clock,
            entropy=self.entropy,
            backoff=self.backoff,
            seed_opener=lambda: self.seed_opener,
            key_sealer=lambda: self.key_sealer,
        )

    @cached_property
    def seed_opener(self) -> Opener:
        from duecare.adapters.kms import ROWS_SEED, KmsOpener  # noqa: PLC0415

        return KmsOpener(self.settings.statement_key, ROWS_SEED)

    @cached_property
    def key_sealer(self) -> Sealer:
        from duecare.adapters.kms import ROWS_KEY, KmsSealer  # noqa: PLC0415

        return KmsSealer(self.settings.statement_key, ROWS_KEY)


class IngestService(_ImportService[ImportSettings]):
    settings_type = ImportSettings

    @cached_property
    def ingest(self) -> Ingest:
        return Ingest(self.dependencies, self.queue)


class ImportPartService(_ImportService[ImportPartSettings]):
    settings_type = ImportPartSettings

    @cached_property
    def import_part(self) -> ImportPart:
        return ImportPart(self.dependencies, self.rules, _count_overshoot)

    @cached_property
    def close_import(self) -> CloseImport:
        key = HeldAcknowledgementKey(self._read_key, self.decision_store, self.clock, self.monotonic)
        return CloseImport(self.dependencies, key)

    def _read_key(self) -> AcknowledgementKey:
        """Raises SecretsFailed."""
        return secrets.acknowledgement_key(self.secret(self.settings.acknowledgement_key_secret))


def _count_overshoot(recipients: int) -> None:
    """Across files the limit of debts is not exact; this shows how often, in the recipients that were looked at."""
    telemetry.measured({}, {"RecipientsOverDebtLimit": recipients})
