"""`LogFiles` on S3: the published log and staged moves. Written with the lean client, read with boto3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duecare.adapters.boto3_client import client, converted_errors
from duecare.adapters.lean_client import Call, Credentials, WireError
from duecare.adapters.s3.puts import MAX_CONCURRENT, Puts
from duecare_core.errors import NotFound, StoreFailed

# Content type and caching as c2sp.org/tlog-tiles demands. A tile never changes; a partial one has its own name.
_TILE = ("application/octet-stream", "public, max-age=31536000, immutable")
_CHECKPOINT = ("text/plain; charset=utf-8", "no-cache")
_STAGED = ("application/octet-stream", "no-store")
# S3's codes for a rejected conditional write: the condition is false; another request is writing the object.
CONDITION_FALSE, CONCURRENT_WRITE = "PreconditionFailed", "ConditionalRequestConflict"
_MAX_ATTEMPTS = 3
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
        """The object and its entity tag."""
        try:
            with converted_errors():
                answer = self._s3.get_object(Bucket=self._bucket, Key=name)
                with answer["Body"] as body:
                    return bytes(body.read()), str(answer["ETag"])
        except NotFound:
            return None

    def write(self, objects: Mapping[str, bytes]) -> None:
        calls = [Call(name, data, _headers(name)) for name, data in objects.items()]
        for answer in self._puts.exchange_all(calls, MAX_CONCURRENT):
            if isinstance(answer, WireError):
                raise StoreFailed(answer.code) from answer

    def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
        """S3 compares the entity tag, so of two concurrent writers only one replaces the object."""
        for _ in range(_MAX_ATTEMPTS):
            found = self._found(name)
            existing, tag = found or (None, "")
            if existing != replaces:
                # An earlier attempt may have been stored, with its response lost.
                return existing == data
            only_over_what_was_read = {"IfMatch": tag} if found else {"IfNoneMatch": _ABSENT}
            if self._put(name, data, **only_over_what_was_read):
                return True
        return False

    def _put(self, name: str, data: bytes, **condition: str) -> bool:
        """False if the condition is false, or another request is writing the object."""
        content_type, cached = _content_headers(name)
        parameters: dict[str, Any] = {"Bucket": self._bucket, "Key": name, "Body": data, **condition}
        try:
            with converted_errors():
                self._s3.put_object(**parameters, ContentType=content_type, CacheControl=cached)
        except NotFound:  # the object to replace is gone
            return False
        except StoreFailed as failed:
            if str(failed) in (CONDITION_FALSE, CONCURRENT_WRITE):
                return False
            raise
        return True

    def delete(self, name: str) -> None:
        with converted_errors():
            self._s3.delete_object(Bucket=self._bucket, Key=name)


def _headers(name: str) -> tuple[tuple[str, str], ...]:
    return tuple(zip(("content-type", "cache-control"), _content_headers(name), strict=True))


def _content_headers(name: str) -> tuple[str, str]:
    """Content type and caching."""
    if name.startswith("tile/"):
        return _TILE
    return _STAGED if name.startswith("staging/") else _CHECKPOINT
