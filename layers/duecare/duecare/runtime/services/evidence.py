"""The Service of evidence. Only case files and acknowledgements need KMS, and only decisions need the key that encrypts
them, so only they load these."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from duecare.adapters import secrets_manager as secrets
from duecare.adapters.s3.archive import S3Archive
from duecare.adapters.s3.log_files import S3LogFiles
from duecare.runtime.service import Service
from duecare.runtime.settings import EvidenceSettings
from duecare.usecases.access.identify import Identify
from duecare.usecases.audit.look_up import LookUp

if TYPE_CHECKING:
    from duecare.adapters.s3.files import S3Files
    from duecare.ports import Opener
    from duecare.usecases.audit.case_file import CaseFiles
    from duecare.usecases.audit.statement_status import LookUpStatement
    from duecare_core.evidence.sealed_decision import InputsKey


class EvidenceService(Service[EvidenceSettings]):
    settings_type = EvidenceSettings

    @cached_property
    def look_up(self) -> LookUp:
        return LookUp(self.decision_store, lambda: self.archive, lambda: self.inputs_key, self.clock)

    @cached_property
    def identify(self) -> Identify:
        return Identify(self.decision_store, self.clock)

    @cached_property
    def case_files(self) -> CaseFiles:
        """Raises SecretsFailed, RulesFailed."""
        from duecare.adapters.witnesses import configured  # noqa: PLC0415
        from duecare.usecases.audit.case_file import CaseFileDeps, CaseFiles  # noqa: PLC0415
        from duecare.usecases.imports.row_evidence import RowEvidence  # noqa: PLC0415

        here = self.settings
        dependencies = CaseFileDeps(
            documents=self.documents,
            archive=self.archive,
            log=self.log_files,
            opener=self.opener,
            row_evidence=RowEvidence(self.documents, self.upload_files, lambda: self.rows_key_opener),
            inputs_key=self.inputs_key,
            witnesses=tuple(one.verifier_key for one in configured(here.witnesses)),
        )
        return CaseFiles(dependencies, self.rules, here.issuer)

    @cached_property
    def look_up_statement(self) -> LookUpStatement:
        from duecare.usecases.audit.statement_status import LookUpStatement, StatementStatusDeps  # noqa: PLC0415

        dependencies = StatementStatusDeps(
            decisions=self.decision_store,
            archive=lambda: self.archive,
            log=self.log_files,
            opener=lambda: self.opener,
            clock=self.clock,
        )
        return LookUpStatement(dependencies)

    @cached_property
    def inputs_key(self) -> InputsKey:
        """Raises SecretsFailed."""
        return secrets.inputs_key(self.secret(self.settings.inputs_secret))

    @cached_property
    def opener(self) -> Opener:
        from duecare.adapters.kms import KmsOpener  # noqa: PLC0415

        return KmsOpener(self.settings.statement_key)

    @cached_property
    def rows_key_opener(self) -> Opener:
        from duecare.adapters.kms import ROWS_KEY, KmsOpener  # noqa: PLC0415

        return KmsOpener(self.settings.statement_key, ROWS_KEY)

    @cached_property
    def upload_files(self) -> S3Files:
        from duecare.adapters.s3.files import S3Files  # noqa: PLC0415

        aws = self.settings.aws
        return S3Files(self.settings.bucket, aws.region, aws.override("s3"))

    @cached_property
    def log_files(self) -> S3LogFiles:
        aws = self.settings.aws
        return S3LogFiles(self.settings.log_bucket, aws.region, aws.credentials, aws.override("s3"))

    @cached_property
    def archive(self) -> S3Archive:
        aws = self.settings.aws
        return S3Archive(self.settings.archive_bucket, aws.region, aws.credentials, aws.override("s3"))
