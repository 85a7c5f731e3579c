"""`Files` on S3 and `Queue` on SQS, with boto3: bulk work, where its start-up time does not matter."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from duecare.ports import UploadTarget
from duecare_core.errors import NotFound, StoreFailed

PIECE = 256 * 1024
_A_CALL = 10  # messages of SQS; S3 deletes 1,000 objects
_DELETED_A_CALL = 1000
# One part in memory at a time, however long the object.
_TRANSFER = TransferConfig(multipart_threshold=8 * 1024 * 1024, multipart_chunksize=8 * 1024 * 1024, use_threads=False)


def client(service: str, region: str, endpoint: str | None) -> Any:
    # Signature Version 4 everywhere, and the bucket in the path where somebody else's endpoint is used. Left to itself
    # botocore presigns for the global endpoint, which sends a new bucket's callers on to where the signature is wrong.
    style = {"addressing_style": "path" if endpoint else "virtual"}
    config = Config(
        signature_version="s3v4" if service == "s3" else None,
        s3=style,
        connect_timeout=2,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    return boto3.client(service, region_name=region, endpoint_url=endpoint, config=config)


class S3Files:
    def __init__(self, bucket: str, region: str, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._s3 = client("s3", region, endpoint)

    def target(self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int) -> UploadTarget:
        checksum = base64.b64encode(bytes.fromhex(sha256.removeprefix("sha256:"))).decode()
        bound: dict[str, Any] = {"ContentType": content_type, "ChecksumSHA256": checksum}
        headers = {"content-type": content_type, "x-amz-checksum-sha256": checksum}
        if size is not None:
            bound["ContentLength"] = size
            headers["content-length"] = str(size)
        asked = {"Bucket": self._bucket, "Key": name, **bound}
        return UploadTarget(self._s3.generate_presigned_url("put_object", Params=asked, ExpiresIn=seconds), headers)

    def link(self, name: str, seconds: int) -> str:
        asked = {"Bucket": self._bucket, "Key": name}
        return str(self._s3.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))

    def read(self, name: str) -> Iterator[bytes]:
        with told():
            found = self._s3.get_object(Bucket=self._bucket, Key=name)
        return self._pieces(found["Body"])

    def _pieces(self, body: Any) -> Iterator[bytes]:
        with told(), body:
            yield from body.iter_chunks(PIECE)

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        with told():
            self._s3.upload_fileobj(_Stream(pieces), self._bucket, name, Config=_TRANSFER)

    def names(self, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with told():
            for page in pages:
                yield from (str(found["Key"]) for found in page.get("Contents", ()))

    def delete(self, names: Iterable[str]) -> None:
        wanted = [{"Key": name} for name in names]
        for at in range(0, len(wanted), _DELETED_A_CALL):
            these = {"Objects": wanted[at : at + _DELETED_A_CALL], "Quiet": True}
            with told():
                answer = self._s3.delete_objects(Bucket=self._bucket, Delete=these)
            if answer.get("Errors"):
                raise StoreFailed(str(answer["Errors"][0].get("Code")))


class SqsQueue:
    def __init__(self, url: str, region: str, endpoint: str | None = None) -> None:
        self._url = url
        self._sqs = client("sqs", region, endpoint)

    def send(self, messages: Iterable[bytes]) -> None:
        coming = list(messages)
        for at in range(0, len(coming), _A_CALL):
            entries = [
                {"Id": str(number), "MessageBody": message.decode()}
                for number, message in enumerate(coming[at : at + _A_CALL])
            ]
            with told():
                answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                raise StoreFailed(str(answer["Failed"][0].get("Code")))

    def again(self, receipt: str, seconds: int) -> None:
        """Have a message that was received delivered again after so many seconds. Raises StoreFailed."""
        with told():
            self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)


class _Stream(io.RawIOBase):
    """Pieces as a file to read, for boto3: it never holds more than one of them."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end. Everything where `size` is negative."""
        wanted = None if size is None or size < 0 else size
        parts, held = [self._left], len(self._left)
        while wanted is None or held < wanted:
            piece = next(self._pieces, None)
            if piece is None:
                break
            parts.append(piece)
            held += len(piece)
        data = b"".join(parts)
        cut = len(data) if wanted is None else wanted
        self._left = data[cut:]
        return data[:cut]


@contextmanager
def told() -> Iterator[None]:
    """boto3's errors as ours. Raises NotFound, StoreFailed."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if code in ("NoSuchKey", "404"):
            raise NotFound("There is no such object.", name="no-object") from error
        raise StoreFailed(code) from error
    except (BotoCoreError, boto3.exceptions.Boto3Error, OSError) as error:
        raise StoreFailed(type(error).__name__) from error
