"""The lean client for S3: its signatures, compared with botocore's, and its error codes."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from duecare.adapters.lean_client import Call, Credentials
from duecare.adapters.s3.puts import Puts

NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_./~ +=#%&?*合", min_size=1, max_size=60)
LOCKED = (("if-none-match", "*"), ("x-amz-object-lock-mode", "GOVERNANCE"), ("content-type", "application/json"))


def puts(endpoint: str | None = None, region: str = "us-east-1", token: str | None = None) -> Puts:
    return Puts("bucket", region, endpoint, Credentials("AKID", "secret", token))


@given(
    name=NAMES,
    body=st.binary(max_size=500),
    endpoint=st.sampled_from([None, "http://127.0.0.1:4566"]),
    region=st.sampled_from(["us-east-1", "cn-north-1"]),
    token=st.none() | st.just("token/with+signs="),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_puts_are_signed_as_botocore_signs_them(
    name: str, body: bytes, endpoint: str | None, region: str, token: str | None, now: datetime
) -> None:
    ours = puts(endpoint, region, token)
    ours._clock = lambda: now
    method, path, headers, sent = ours._request(Call(name, body, LOCKED))
    assert (method, sent) == ("PUT", body)
    assert headers["x-amz-checksum-sha256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
    url = f"{'http' if endpoint else 'https'}://{headers['host']}{path}"
    unsigned = {name: value for name, value in headers.items() if name not in ("authorization", "x-amz-date")}
    theirs = AWSRequest(method, url, unsigned, body)
    theirs.context["client_config"] = Config(s3={"payload_signing_enabled": True})
    theirs.context["signing"] = {}
    with patch("botocore.auth.get_current_datetime", return_value=now.replace(tzinfo=None)):
        S3SigV4Auth(BotocoreCredentials("AKID", "secret", token), "s3", region).add_auth(theirs)
    assert headers["authorization"] == theirs.headers["Authorization"]


@pytest.mark.parametrize(
    ("endpoint", "region", "host", "path"),
    [
        (None, "us-east-1", "bucket.s3.us-east-1.amazonaws.com", "/r/-/a%20b"),
        (None, "cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn", "/r/-/a%20b"),
        ("http://127.0.0.1:4566", "us-east-1", "127.0.0.1:4566", "/bucket/r/-/a%20b"),
    ],
)
def test_the_bucket_is_in_awss_host_name_and_in_another_endpoints_path(
    endpoint: str | None, region: str, host: str, path: str
) -> None:
    request = puts(endpoint, region)._request(Call("r/-/a b", b""))
    assert (request.headers["host"], request.path) == (host, path)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (412, b"<Error><Code>PreconditionFailed</Code><Message>x</Message></Error>", "PreconditionFailed"),
        (
            409,
            b"<?xml version='1.0'?><Error><Code>OperationAborted</Code></Error>",
            "OperationAborted",
        ),
        (503, b"<Error><Code>SlowDown</Code></Error>", "SlowDown"),
        (503, b"", "ServiceUnavailable"),
        (403, b"<html>no", "Status403"),
        (400, b"\xff<Code>a b</Code>", "Status400"),
    ],
)
def test_errors_have_the_codes_of_s3(status: int, body: bytes, code: str) -> None:
    assert puts()._code(status, body) == code
