"""`LogFiles` on S3: the log as it is served, and what is staged. Written with the lean client, read with boto3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duecare.adapters.lean_client import Call, Credentials, WireError
from duecare.adapters.s3.files import client, told
from duecare.adapters.s3.puts import AT_ONCE, Puts
from duecare_core.errors import NotFound, StoreFailed

# As c2sp.org/tlog-tiles has them served, whoever does. A tile never changes; a partial one has a name of its own.
_TILE = ("application/octet-stream", "public, max-age=31536000, immutable")
_CHECKPOINT = ("text/plain; charset=utf-8", "no-cache")
_STAGED = ("application/octet-stream", "no-store")
# What S3 says of a conditional write that did not happen: the condition does not hold; somebody else is writing there.
NOT_MET, MEANWHILE = "PreconditionFailed", "ConditionalRequestConflict"
_TRIES = 3
_ABSENT = "*"


class S3LogFiles:
    def __init__(self, bucket: str, region: str, credentials: Credentials, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._s3 = client("s3", region, endpoint)
        self._puts = Puts(bucket, region, endpoint, credentials)

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
        calls = [Call(name, data, _headers(name)) for name, data in objects.items()]
        for at in range(0, len(calls), AT_ONCE):
            for answer in self._puts.exchange_each(calls[at : at + AT_ONCE]):
                if isinstance(answer, WireError):
                    raise StoreFailed(answer.code) from answer

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
        content_type, cached = _served(name)
        asked: dict[str, Any] = {"Bucket": self._bucket, "Key": name, "Body": data, **condition}
        try:
            with told():
                self._s3.put_object(**asked, ContentType=content_type, CacheControl=cached)
        except NotFound:  # what it was to be written over is gone
            return False
        except StoreFailed as failed:
            if str(failed) in (NOT_MET, MEANWHILE):
                return False
            raise
        return True

    def delete(self, name: str) -> None:
        with told():
            self._s3.delete_object(Bucket=self._bucket, Key=name)


def _headers(name: str) -> tuple[tuple[str, str], ...]:
    return tuple(zip(("content-type", "cache-control"), _served(name), strict=True))


def _served(name: str) -> tuple[str, str]:
    """Content type and caching."""
    if name.startswith("tile/"):
        return _TILE
    return _STAGED if name.startswith("staging/") else _CHECKPOINT
