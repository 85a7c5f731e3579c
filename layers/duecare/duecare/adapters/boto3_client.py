"""boto3 clients and their errors, for the adapters whose start-up time does not matter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from duecare_core.errors import NotFound, StoreFailed


def client(service: str, region: str, endpoint: str | None) -> Any:
    # Signature Version 4, because botocore's default presigns S3 URLs for the global endpoint, which redirects requests
    # for a new bucket to a host for which the signature is wrong. Another endpoint takes the bucket in the path.
    style = {"addressing_style": "path" if endpoint else "virtual"}
    config = Config(
        signature_version="s3v4" if service == "s3" else None,
        s3=style,
        connect_timeout=2,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    return boto3.client(service, region_name=region, endpoint_url=endpoint, config=config)


@contextmanager
def converted_errors() -> Iterator[None]:
    """Converts boto3's errors. Raises NotFound, StoreFailed."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        if code in ("NoSuchKey", "404"):
            raise NotFound("There is no such object.", name="no-object") from error
        raise StoreFailed(code) from error
    except (BotoCoreError, boto3.exceptions.Boto3Error, OSError) as error:
        raise StoreFailed(type(error).__name__) from error
