"""Files on their way through the functions: announced, put, checked, imported, with events as AWS sends them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx

from duecare_core.domain.portfolio.portfolio import Manifest
from duecare_core.domain.validation import validate
from duecare_core.evidence.jose import jws
from tests.functional.answers import Answer
from tests.functional.conftest import Stack
from tests.support import events, tables
from tests.support.events import PORTFOLIO
from tests.support.imports import root_of

Json = dict[str, Any]
ANNOUNCED = events.upload_id()


def manifest(stack: Stack, data: bytes = PORTFOLIO, rows: int = 2, party: str = "mou-zichan", **more: Any) -> str:
    file = {"kind": "debt", "format": "csv", "charset": "utf-8", "rows": rows, "size": len(data)}
    return stack.jws(party, "upload", **file | {"sha256": f"sha256:{hashlib.sha256(data).hexdigest()}"} | more)


def announce(stack: Stack, token: str, party: str = "mou-zichan", **more: str) -> Answer:
    return stack.send("upload-announce", {"manifest": token, **more}, requestContext=stack.as_party(party))


def look(stack: Stack, upload_id: str = ANNOUNCED, party: str = "mou-zichan") -> Answer:
    return stack.send("upload-look", pathParameters={"id": upload_id}, requestContext=stack.as_party(party))


def put(opened: Json, data: bytes = PORTFOLIO) -> None:
    assert httpx.put(opened["url"], content=data, headers=opened["headers"]).status_code == 200


def messages(stack: Stack) -> list[Json]:
    """The messages of the queue, which are removed from it."""
    sqs = tables.client("sqs", stack.endpoint)
    found = []
    while got := sqs.receive_message(QueueUrl=stack.queue, MaxNumberOfMessages=10).get("Messages"):
        for message in got:
            sqs.delete_message(QueueUrl=stack.queue, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    return found


def objects(stack: Stack) -> list[str]:
    listed = tables.client("s3", stack.endpoint).list_objects_v2(Bucket=stack.bucket)
    return [found["Key"] for found in listed.get("Contents", [])]


def imported(stack: Stack, data: bytes, rows: int, *, seed: bytes | None = None, **more: Any) -> Json:
    """Announce, put, check and import a file; its report afterwards. With a seed, the manifest has a `rows_root`."""
    with_seed = {}
    if seed is not None:
        claims = jws.read(manifest(stack, data, rows, **more)).payload
        more["rows_root"] = root_of(validate(claims, Manifest), data, seed)
        with_seed = {"rows_seed": seed.hex()}
    opened = announce(stack, manifest(stack, data, rows, **more), **with_seed).body
    put(opened, data)
    stack.invoke("ingest", events.object_created(f"uploads/{opened['upload_id']}"))
    assert stack.invoke("import_part", events.parts(*messages(stack))) == {"batchItemFailures": []}
    return look(stack, opened["upload_id"]).body


def failures(answer: Json) -> list[str]:
    return [one["itemIdentifier"][-1] for one in answer["batchItemFailures"]]
