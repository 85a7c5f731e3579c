"""`Archive` on S3 under Object Lock: copies are put with the lean client, everything else is done with boto3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from duecare.adapters.lean_client import Call, Credentials, WireError
from duecare.adapters.s3.files import client, told
from duecare.adapters.s3.log_files import MEANWHILE, NOT_MET
from duecare.adapters.s3.puts import AT_ONCE, Puts
from duecare_core.errors import StoreFailed

_DELETED_A_CALL = 1000
_TRIES = 3
# Not COMPLIANCE, which nobody could end: the law may demand that a recipient's copies are erased.
_MODE = "GOVERNANCE"


class S3Archive:
    def __init__(self, bucket: str, region: str, credentials: Credentials, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._s3 = client("s3", region, endpoint)
        self._puts = Puts(bucket, region, endpoint, credentials)

    def keep(self, objects: Mapping[str, bytes], until: datetime) -> None:
        only_where_nothing_stands = ("if-none-match", "*")
        headers = (
            ("content-type", "application/json"),
            only_where_nothing_stands,
            ("x-amz-object-lock-mode", _MODE),
            ("x-amz-object-lock-retain-until-date", f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
        )
        left = [Call(name, data, headers) for name, data in objects.items()]
        for _ in range(_TRIES):
            left = [call for at in range(0, len(left), AT_ONCE) for call in self._once(left[at : at + AT_ONCE])]
            if not left:
                return
        raise StoreFailed(MEANWHILE)

    def _once(self, calls: Sequence[Call]) -> list[Call]:
        """Those where somebody else was putting something at the same time."""
        again = []
        for call, answer in zip(calls, self._puts.exchange_each(calls), strict=True):
            if not isinstance(answer, WireError) or answer.code == NOT_MET:
                continue  # it is kept now, or was already, and what a name stands for never changes
            if answer.code != MEANWHILE:
                raise StoreFailed(answer.code) from answer
            again.append(call)
        return again

    def read(self, name: str) -> bytes:
        with told(), self._s3.get_object(Bucket=self._bucket, Key=name)["Body"] as body:
            return bytes(body.read())

    def names(self, prefix: str) -> Iterator[str]:
        return (name for name, _ in self.kept_at(prefix))

    def kept_at(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        for page in self._pages("list_objects_v2", prefix):
            yield from ((str(found["Key"]), found["LastModified"]) for found in page.get("Contents", ()))

    def erase(self, names: Iterable[str]) -> None:
        gone = [version for name in names for version in self._versions(name)]
        for at in range(0, len(gone), _DELETED_A_CALL):
            these = {"Objects": gone[at : at + _DELETED_A_CALL], "Quiet": True}
            with told():
                answer = self._s3.delete_objects(Bucket=self._bucket, Delete=these, BypassGovernanceRetention=True)
            if answer.get("Errors"):
                raise StoreFailed(str(answer["Errors"][0].get("Code")))

    def _versions(self, name: str) -> list[dict[str, str]]:
        """Every version of this object, and every marker that one was deleted."""
        return [
            {"Key": name, "VersionId": str(found["VersionId"])}
            for page in self._pages("list_object_versions", name)
            for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            if found["Key"] == name
        ]

    def _pages(self, operation: str, prefix: str) -> Iterator[Any]:
        pages = self._s3.get_paginator(operation).paginate(Bucket=self._bucket, Prefix=prefix)
        with told():
            yield from pages
