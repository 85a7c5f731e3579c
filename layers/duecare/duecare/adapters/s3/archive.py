"""`Archive` on S3 with Object Lock. Copies are put with the lean client; everything else uses boto3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from duecare.adapters.boto3_client import client, converted_errors
from duecare.adapters.lean_client import Call, Credentials, WireError
from duecare.adapters.s3.log_files import CONCURRENT_WRITE, CONDITION_FALSE
from duecare.adapters.s3.objects import delete_all, pages
from duecare.adapters.s3.puts import MAX_CONCURRENT, Puts
from duecare_core.errors import StoreFailed

_MAX_ATTEMPTS = 3
# Not COMPLIANCE, which cannot be bypassed: the law may demand that a recipient's copies are erased.
_MODE = "GOVERNANCE"


class S3Archive:
    def __init__(self, bucket: str, region: str, credentials: Credentials, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._s3 = client("s3", region, endpoint)
        self._puts = Puts(bucket, region, endpoint, credentials)

    def put_locked(self, objects: Mapping[str, bytes], until: datetime) -> None:
        only_if_absent = ("if-none-match", "*")
        headers = (
            ("content-type", "application/json"),
            only_if_absent,
            ("x-amz-object-lock-mode", _MODE),
            ("x-amz-object-lock-retain-until-date", f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
        )
        left = [Call(name, data, headers) for name, data in objects.items()]
        for _ in range(_MAX_ATTEMPTS):
            left = self._once(left)
            if not left:
                return
        raise StoreFailed(CONCURRENT_WRITE)

    def _once(self, calls: Sequence[Call]) -> list[Call]:
        """Returns the calls that were rejected because of a concurrent write."""
        rejected = []
        for call, answer in zip(calls, self._puts.exchange_all(calls, MAX_CONCURRENT), strict=True):
            if not isinstance(answer, WireError) or answer.code == CONDITION_FALSE:
                continue  # stored now or before: an object of this name always has this content
            if answer.code != CONCURRENT_WRITE:
                raise StoreFailed(answer.code) from answer
            rejected.append(call)
        return rejected

    def read(self, name: str) -> bytes:
        with converted_errors(), self._s3.get_object(Bucket=self._bucket, Key=name)["Body"] as body:
            return bytes(body.read())

    def names(self, prefix: str) -> Iterator[str]:
        return (name for name, _ in self.names_with_times(prefix))

    def names_with_times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        for page in pages(self._s3, "list_objects_v2", self._bucket, prefix):
            yield from ((str(found["Key"]), found["LastModified"]) for found in page.get("Contents", ()))

    def erase(self, names: Iterable[str]) -> None:
        versions = [version for name in names for version in self._versions(name)]
        delete_all(self._s3, self._bucket, versions, BypassGovernanceRetention=True)

    def _versions(self, name: str) -> list[dict[str, str]]:
        """Every version of this object, and every delete marker."""
        return [
            {"Key": name, "VersionId": str(found["VersionId"])}
            for page in pages(self._s3, "list_object_versions", self._bucket, name)
            for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            if found["Key"] == name
        ]
