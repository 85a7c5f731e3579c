"""The Service of void."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

from duecare.adapters.dynamodb.table_scan import DynamoDBTableScan
from duecare.adapters.kms import KmsOpener
from duecare.adapters.s3.archive import S3Archive
from duecare.runtime.service import Service
from duecare.runtime.settings import VoidSettings
from duecare.usecases.operator.void import VoidDeps, VoidStatements
from duecare.usecases.operator.void_sources import StatementSource, StatementSourceDeps
from duecare.usecases.operator.void_states import VoidStatesDeps


class VoidService(Service[VoidSettings]):
    settings_type = VoidSettings

    @cached_property
    def void_statements(self) -> VoidStatements:
        """Raises SecretsFailed, RulesFailed."""
        here, aws = self.settings, self.settings.aws
        archive = S3Archive(here.archive_bucket, aws.region, aws.credentials, aws.override("s3"))
        pseudonyms = self.pseudonyms(here.pepper_secret)
        opener = KmsOpener(here.statement_key)
        # A new source for each invocation is not needed: what it remembers of files never changes.
        source = StatementSource(StatementSourceDeps(self.documents, archive, opener, pseudonyms))
        states = VoidStatesDeps(self.documents, source, pseudonyms, self.rules, self.clock, self.backoff)
        retention = timedelta(days=here.table_days)
        scan = DynamoDBTableScan(self.dynamodb(), here.table)
        return VoidStatements(VoidDeps(self.documents, scan, source, states, self.clock, self.backoff, retention))
