"""`FileStore` on S3, with boto3."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from typing import Any

from boto3.s3.transfer import TransferConfig

from duecare.adapters.boto3_client import client, converted_errors
from duecare.adapters.s3.objects import delete_all, pages
from duecare.ports import UploadTarget

PIECE = 256 * 1024
# One part in memory at a time, however large the object is.
_TRANSFER = TransferConfig(multipart_threshold=8 * 1024 * 1024, multipart_chunksize=8 * 1024 * 1024, use_threads=False)


class S3Files:
    def __init__(self, bucket: str, region: str, endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._s3 = client("s3", region, endpoint)

    def upload_target(
        self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int
    ) -> UploadTarget:
        checksum = base64.b64encode(bytes.fromhex(sha256.removeprefix("sha256:"))).decode()
        bound: dict[str, Any] = {"ContentType": content_type, "ChecksumSHA256": checksum}
        headers = {"content-type": content_type, "x-amz-checksum-sha256": checksum}
        if size is not None:
            bound["ContentLength"] = size
            headers["content-length"] = str(size)
        parameters = {"Bucket": self._bucket, "Key": name, **bound}
        return UploadTarget(
            self._s3.generate_presigned_url("put_object", Params=parameters, ExpiresIn=seconds), headers
        )

    def download_url(self, name: str, seconds: int) -> str:
        parameters = {"Bucket": self._bucket, "Key": name}
        return str(self._s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds))

    def read(self, name: str) -> Iterator[bytes]:
        with converted_errors():
            found = self._s3.get_object(Bucket=self._bucket, Key=name)
        return self._pieces(found["Body"])

    def read_range(self, name: str, start: int, count: int) -> bytes:
        wanted = f"bytes={start}-{start + count - 1}"
        with converted_errors():
            body = self._s3.get_object(Bucket=self._bucket, Key=name, Range=wanted)["Body"]
        with converted_errors(), body:
            return bytes(body.read())

    def _pieces(self, body: Any) -> Iterator[bytes]:
        with converted_errors(), body:
            yield from body.iter_chunks(PIECE)

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        with converted_errors():
            self._s3.upload_fileobj(_PieceReader(pieces), self._bucket, name, Config=_TRANSFER)

    def names(self, prefix: str) -> Iterator[str]:
        for page in pages(self._s3, "list_objects_v2", self._bucket, prefix):
            yield from (str(found["Key"]) for found in page.get("Contents", ()))

    def delete(self, names: Iterable[str]) -> None:
        delete_all(self._s3, self._bucket, [{"Key": name} for name in names])


class _PieceReader(io.RawIOBase):
    """Pieces as a readable file for boto3. It holds one piece at a time."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end. All of them if `size` is negative."""
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
