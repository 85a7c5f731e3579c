"""`Archive` on S3 under Object Lock, with boto3."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from duecare.adapters.files import THREADS, client, side_by_side, told
from duecare.adapters.logfiles import AT_ONCE, NOT_MET
from duecare.errors import StoreFailed

_DELETED_A_CALL = 1000
_TRIES = 3
# Not COMPLIANCE, which nobody could end: the law may demand that a recipient's copies are erased.
_MODE = "GOVERNANCE"


class S3Archive:
    def __init__(self, bucket: str, region: str, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._s3 = client("s3", region, endpoint, connections=THREADS)

    def keep(self, objects: Mapping[str, bytes], until: datetime) -> None:
        side_by_side(lambda kept: self._keep(*kept, until), objects.items())

    def _keep(self, name: str, data: bytes, until: datetime) -> None:
        for _ in range(_TRIES):
            try:
                with told():
                    self._put(name, data, until)
                return
            except StoreFailed as failed:
                if str(failed) == NOT_MET:
                    return  # it is kept already, and what a name stands for never changes
                if str(failed) != AT_ONCE:
                    raise
        raise StoreFailed(AT_ONCE)

    def _put(self, name: str, data: bytes, until: datetime) -> None:
        only_where_nothing_stands = "*"
        self._s3.put_object(
            Bucket=self._bucket,
            Key=name,
            Body=data,
            ContentType="application/json",
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=base64.b64encode(hashlib.sha256(data).digest()).decode(),
            ObjectLockMode=_MODE,
            ObjectLockRetainUntilDate=until,
            IfNoneMatch=only_where_nothing_stands,
        )

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
