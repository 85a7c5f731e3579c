"""`Backups` on AWS: what DynamoDB and S3 keep of table and archive outside of this program."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from duecare.adapters.boto3_client import client, converted_errors

# Of local engines that have no backups, no locks or no replication. AWS answers with none of them.
_UNKNOWN = ("UnknownOperationException", "UnsupportedOperation", "NotImplemented", "InvalidAction", "MethodNotAllowed")
_NOT_CONFIGURED = ("ReplicationConfigurationNotFoundError", "ObjectLockConfigurationNotFoundError")
_DEFAULT_DAYS = 35  # of point-in-time recovery, where the answer does not say
MAX_NAMED = 5


class AwsBackups:
    def __init__(
        self, table: str, archive: str, region: str, *, dynamodb: str | None = None, s3: str | None = None
    ) -> None:
        """`dynamodb`, `s3`: the overriding endpoints."""
        self._table, self._archive = table, archive
        self._dynamodb, self._s3 = client("dynamodb", region, dynamodb), client("s3", region, s3)

    def obstacles(self) -> list[str]:
        named = self._on_demand()
        rest = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
        found = [f"the table has backups that never expire: {', '.join(named[:MAX_NAMED])}{rest}"] if named else []
        lock = _answer(self._s3.get_object_lock_configuration, Bucket=self._archive)
        default = lock.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
        if default.get("Mode") == "COMPLIANCE":
            found.append(f"the bucket {self._archive} locks its objects in COMPLIANCE mode, so nobody can delete them")
        replication = _answer(self._s3.get_bucket_replication, Bucket=self._archive)
        for rule in replication.get("ReplicationConfiguration", {}).get("Rules", ()):
            if rule.get("Status") == "Enabled":
                found.append(f"the bucket {self._archive} is replicated to {rule['Destination']['Bucket']}")
        return found

    def held_for(self) -> timedelta:
        answer = _answer(self._dynamodb.describe_continuous_backups, TableName=self._table)
        recovery = answer.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
        if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            return timedelta(0)
        return timedelta(days=int(recovery.get("RecoveryPeriodInDays") or _DEFAULT_DAYS))

    def _on_demand(self) -> list[str]:
        """The names of the backups that were made on demand or by AWS Backup."""
        names: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = _answer(self._dynamodb.list_backups, TableName=self._table, BackupType="ALL", **more)
            summaries = answer.get("BackupSummaries", ())
            names += [str(one["BackupName"]) for one in summaries if one.get("BackupStatus") != "DELETED"]
            if not answer.get("LastEvaluatedBackupArn"):
                return names
            more = {"ExclusiveStartBackupArn": answer["LastEvaluatedBackupArn"]}


def _answer(call: Any, **members: str) -> dict[str, Any]:
    """The answer, or an empty one if nothing is configured. Raises StoreFailed: what cannot be read may be there."""
    with converted_errors():
        try:
            answer: dict[str, Any] = call(**members)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in (*_UNKNOWN, *_NOT_CONFIGURED):
                return {}
            raise
        return answer
