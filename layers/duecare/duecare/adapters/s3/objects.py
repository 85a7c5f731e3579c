"""Listing and deleting the objects of a bucket with boto3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from duecare.adapters.boto3_client import converted_errors
from duecare_core.errors import StoreFailed

_MAX_DELETES = 1000


def pages(s3: Any, operation: str, bucket: str, prefix: str) -> Iterator[Any]:
    """The pages of a listing operation. Raises StoreFailed."""
    with converted_errors():
        yield from s3.get_paginator(operation).paginate(Bucket=bucket, Prefix=prefix)


def delete_all(s3: Any, bucket: str, objects: Sequence[dict[str, str]], **options: Any) -> None:
    """Delete these, each given by its `Key` and, optionally, `VersionId`. Raises StoreFailed."""
    for at in range(0, len(objects), _MAX_DELETES):
        batch = {"Objects": objects[at : at + _MAX_DELETES], "Quiet": True}
        with converted_errors():
            answer = s3.delete_objects(Bucket=bucket, Delete=batch, **options)
        if answer.get("Errors"):
            raise StoreFailed(str(answer["Errors"][0].get("Code")))
