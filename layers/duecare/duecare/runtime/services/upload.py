"""The Service of upload."""

from __future__ import annotations

from functools import cached_property

from duecare.adapters.kms import ROWS_SEED, KmsSealer
from duecare.adapters.s3.files import S3Files
from duecare.runtime.service import Service
from duecare.runtime.settings import UploadSettings
from duecare.usecases.imports.announce import Uploads


class UploadService(Service[UploadSettings]):
    settings_type = UploadSettings

    @cached_property
    def seed_sealer(self) -> KmsSealer:
        return KmsSealer(self.settings.statement_key, ROWS_SEED)

    @cached_property
    def uploads(self) -> Uploads:
        here = self.settings
        return Uploads(
            documents=self.documents,
            sealer=KmsSealer(here.statement_key),
            seed_sealer=lambda: self.seed_sealer,
            files=S3Files(here.bucket, here.aws.region, here.aws.override("s3")),
            issuer=here.issuer,
            clock=self.clock,
        )
