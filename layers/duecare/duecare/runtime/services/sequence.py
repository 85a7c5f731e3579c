"""The Service of the sequencer."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

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

# Nobody waits for the log, and it reads and writes much at once. In seconds, of one call and with its retries.
TIMEOUT, DEADLINE = 10.0, 30.0


class SequenceService(Service[SequenceSettings]):
    settings_type = SequenceSettings

    @cached_property
    def sequencer(self) -> Sequencer:
        """Raises SecretsFailed, RulesFailed."""
        here, aws = self.settings, self.settings.aws
        log_key = secrets.log_key(self.secret(here.log_secret), here.log_origin)
        table = self.dynamodb(timeout=TIMEOUT, deadline=DEADLINE)
        stream = self.wire(
            "dynamodb",
            "DynamoDBStreams_20120810",
            "1.0",
            endpoint=aws.streams_endpoint(),
            timeout=TIMEOUT,
            deadline=DEADLINE,
        )
        files = S3LogFiles(here.log_bucket, aws.region, aws.credentials, aws.override("s3"))
        dependencies = SequencerDeps(
            stream=DynamoDBStream(stream, here.stream),
            documents=self.documents,
            files=files,
            archive=S3Archive(here.archive_bucket, aws.region, aws.credentials, aws.override("s3")),
            log_index=DynamoDBLogIndex(table, here.table, self.backoff),
            clock=self.clock,
            entropy=self.entropy,
            cosign=Witnesses(files, configured(here.witnesses), _not_cosigned),
        )
        return Sequencer(
            dependencies,
            log_key,
            self.rules,
            retention=retention(self.rules.pack),
            table_retention=timedelta(days=here.table_days),
        )


def _not_cosigned(witness: str) -> None:
    telemetry.count("NotCosigned", witness=witness)
