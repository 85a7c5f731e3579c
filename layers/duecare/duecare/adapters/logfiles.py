"""`LogFiles` on S3, with boto3: the log as it is served, and what is staged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duecare.adapters.files import THREADS, client, side_by_side, told
from duecare.errors import NotFound, StoreFailed

# As c2sp.org/tlog-tiles has them served, whoever does. A tile never changes; a partial one has a name of its own.
_TILE = {"ContentType": "application/octet-stream", "CacheControl": "public, max-age=31536000, immutable"}
_CHECKPOINT = {"ContentType": "text/plain; charset=utf-8", "CacheControl": "no-cache"}
_STAGED = {"ContentType": "application/octet-stream", "CacheControl": "no-store"}
# What S3 says of a conditional write that did not happen: the condition does not hold; somebody else is writing there.
NOT_MET, AT_ONCE = "PreconditionFailed", "ConditionalRequestConflict"
_TRIES = 3
_ABSENT = "*"


class S3LogFiles:
    def __init__(self, bucket: str, region: str, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._s3 = client("s3", region, endpoint, connections=THREADS)

    def read(self, name: str) -> bytes | None:
        found = self._found(name)
        return found[0] if found else None

    def _found(self, name: str) -> tuple[bytes, str] | None:
        """What stands, and its entity tag."""
        try:
            with told():
                answer = self._s3.get_object(Bucket=self._bucket, Key=name)
                with answer["Body"] as body:
                    return bytes(body.read()), str(answer["ETag"])
        except NotFound:
            return None

    def write(self, objects: Mapping[str, bytes]) -> None:
        side_by_side(lambda written: self._put(*written), objects.items())

    def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
        """S3 itself compares: two that publish at once cannot both replace the same."""
        for _ in range(_TRIES):
            found = self._found(name)
            standing, tag = found or (None, "")
            if standing != replaces:
                # An earlier try of our own may have been stored though its answer was lost.
                return standing == data
            only_over_what_was_read = {"IfMatch": tag} if found else {"IfNoneMatch": _ABSENT}
            if self._put(name, data, **only_over_what_was_read):
                return True
        return False

    def _put(self, name: str, data: bytes, **condition: str) -> bool:
        """False where the condition does not hold, or somebody writes at the same time."""
        asked: dict[str, Any] = {"Bucket": self._bucket, "Key": name, "Body": data, **_headers(name), **condition}
        try:
            with told():
                self._s3.put_object(**asked)
        except NotFound:  # what it was to be written over is gone
            return False
        except StoreFailed as failed:
            if condition and str(failed) in (NOT_MET, AT_ONCE):
                return False
            raise
        return True

    def delete(self, name: str) -> None:
        with told():
            self._s3.delete_object(Bucket=self._bucket, Key=name)


def _headers(name: str) -> dict[str, str]:
    if name.startswith("tile/"):
        return _TILE
    return _STAGED if name.startswith("staging/") else _CHECKPOINT
