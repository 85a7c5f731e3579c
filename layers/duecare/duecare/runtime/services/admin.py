"""The Service of admin."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from duecare.runtime.service import Service
from duecare.runtime.settings import AdminSettings
from duecare.usecases.operator.parties import PartyAdmin

if TYPE_CHECKING:
    from duecare.usecases.operator.erase import Erase
    from duecare.usecases.operator.restore_party import RestoreParty


class AdminService(Service[AdminSettings]):
    settings_type = AdminSettings

    @cached_property
    def party_admin(self) -> PartyAdmin:
        return PartyAdmin(self.documents, self.clock)

    @cached_property
    def erase(self) -> Erase:
        """Raises SecretsFailed, RulesFailed."""
        from duecare.adapters.backups import AwsBackups  # noqa: PLC0415
        from duecare.adapters.s3.archive import S3Archive  # noqa: PLC0415
        from duecare.adapters.s3.files import S3Files  # noqa: PLC0415
        from duecare.usecases.operator.erase import Erase, EraseDeps  # noqa: PLC0415
        from duecare_core.domain.rules.retention import shortest_retention  # noqa: PLC0415

        here, aws = self.settings, self.settings.aws
        archive = S3Archive(here.archive_bucket, aws.region, aws.credentials, aws.override("s3"))
        pseudonyms = self.pseudonyms(here.pepper_secret)
        files = S3Files(here.bucket, aws.region, aws.override("s3"))
        backups = AwsBackups(
            here.table, here.archive_bucket, aws.region, dynamodb=aws.override("dynamodb"), s3=aws.override("s3")
        )
        dependencies = EraseDeps(self.documents, archive, files, backups, pseudonyms, self.clock, self.entropy)
        return Erase(dependencies, self.rules.pack, shortest_retention(self.rules.pack))

    @cached_property
    def restore_party(self) -> RestoreParty:
        from duecare.usecases.operator.restore_party import RestoreParty  # noqa: PLC0415  rarely needed

        return RestoreParty(self.documents)
