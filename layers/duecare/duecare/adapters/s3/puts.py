"""A lean signed client for putting many small objects into S3, as wire.py is one for AWS's JSON protocols.

boto3 spends 3 ms of processor time on a put when many go side by side, which is more than all else that the sequencer
spends on a record.
"""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import quote

from duecare.adapters.lean_client import Call, Credentials, Wire, WireRequest

# On the wire at a time: S3 takes tens of milliseconds for each, and is none the slower for many.
AT_ONCE = 64
_CODE = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")


class Puts(Wire):
    """One bucket. A call's operation is the name of an object, its body what the object holds, its headers go along; a
    put that is repeated after a lost answer may meet itself, where it has a condition."""

    def __init__(
        self, bucket: str, region: str, endpoint: str | None, credentials: Credentials, *, timeout: float = 10.0
    ) -> None:
        """`endpoint`: somebody else's, who takes the bucket in the path; AWS takes it in the name of the host."""
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        super().__init__(
            service="s3",
            target="",
            json_version="",
            region=region,
            endpoint=endpoint or f"https://{bucket}.s3.{region}.{suffix}",
            credentials=credentials,
            timeout=timeout,
            deadline=3 * timeout,
        )
        self._base = f"/{bucket}/" if endpoint else "/"

    def _request(self, call: Call) -> WireRequest:
        digest = hashlib.sha256(call.body)
        headers = {
            **dict(call.headers),
            "x-amz-checksum-sha256": base64.b64encode(digest.digest()).decode(),
            "x-amz-content-sha256": digest.hexdigest(),
            "x-amz-sdk-checksum-algorithm": "SHA256",
        }
        path = self._base + quote(call.operation, safe="/-_.~")
        return self._signed("PUT", path, headers, call.body, digest.hexdigest())

    def _error(self, body: bytes) -> str:
        found = _CODE.search(body)
        return found[1].decode() if found else ""
