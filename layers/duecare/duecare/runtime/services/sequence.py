"""The Service of the sequencer."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from duecare.adapters import secrets_manager as secrets
from duecare.adapters.dynamodb.log_index import DynamoDBLogIndex
from duecare.adapters.dynamodb.stream import DynamoDBStream
from duecare.adapters.s3.archive import S3Archive
from duecare.adapters.s3.log_files import S3LogFiles
from duecare.adapters.witnesses import Witnesses, configured
from duecare.runtime import telemetry
from duecare.runtime.service import Service
from duecare.runtime.settings import SequenceSettings
from duecare.usecases.log.sequencer import Sequencer, SequencerDeps
from duecare_core.domain.rules.retention import retention
from duecare_core.evidence.log.note import LogKey

if TYPE_CHECKING:
    from duecare.usecases.log.resume import ResumeLog

# Nobody waits for the log, and it reads and writes much at once. In seconds, of one call and with its retries.
TIMEOUT, DEADLINE = 10.0, 30.0


class SequenceService(Service[SequenceSettings]):
    settings_type = SequenceSettings

    @cached_property
    def sequencer(self) -> Sequencer:
        """Raises SecretsFailed, RulesFailed."""
        here, aws = self.settings, self.settings.aws
        stream = self.wire(
            "dynamodb",
            "DynamoDBStreams_20120810",
            "1.0",
            endpoint=aws.streams_endpoint(),
            timeout=TIMEOUT,
            deadline=DEADLINE,
        )
        dependencies = SequencerDeps(
            stream=DynamoDBStream(stream, here.stream),
            documents=self.documents,
            files=self.log_files,
            archive=S3Archive(here.archive_bucket, aws.region, aws.credentials, aws.override("s3")),
            log_index=self.log_index,
            clock=self.clock,
            entropy=self.entropy,
            cosign=Witnesses(self.log_files, configured(here.witnesses), _not_cosigned),
        )
        return Sequencer(
            dependencies,
            self.log_key,
            self.rules,
            retention=retention(self.rules.pack),
            table_retention=timedelta(days=here.table_days),
        )

    @cached_property
    def resume_log(self) -> ResumeLog:
        """Raises SecretsFailed, RulesFailed."""
        from duecare.usecases.log.resume import ResumeDeps, ResumeLog  # noqa: PLC0415  rarely needed

        dependencies = ResumeDeps(self.documents, self.log_files, self.log_index, self.clock)
        kept_for = retention(self.rules.pack) + timedelta(days=self.settings.table_days)
        return ResumeLog(dependencies, self.log_key.verifier_key, kept_for=kept_for)

    @cached_property
    def log_key(self) -> LogKey:
        """Raises SecretsFailed."""
        here = self.settings
        return secrets.log_key(self.secret(here.log_secret), here.log_origin)

    @cached_property
    def log_files(self) -> S3LogFiles:
        aws = self.settings.aws
        return S3LogFiles(self.settings.log_bucket, aws.region, aws.credentials, aws.override("s3"))

    @cached_property
    def log_index(self) -> DynamoDBLogIndex:
        table = self.dynamodb(timeout=TIMEOUT, deadline=DEADLINE)
        return DynamoDBLogIndex(table, self.settings.table, self.backoff)


def _not_cosigned(witness: str) -> None:
    telemetry.count("NotCosigned", witness=witness)
