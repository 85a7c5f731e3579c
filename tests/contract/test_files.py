"""The contracts of FileStore and Queue, for every adapter."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from duecare.adapters.s3.files import S3Files
from duecare.adapters.sqs import SqsQueue
from duecare_core.errors import NotFound, StoreFailed
from tests.support import tables
from tests.support.memory import MemoryFiles, MemoryQueue
from tests.support.servers import aws_environment, moto  # noqa: F401


@pytest.fixture(params=["memory", "moto"])
def files(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryFiles()
    endpoint = request.getfixturevalue("moto")
    bucket = f"bucket-{uuid.uuid4().hex}"
    tables.client("s3", endpoint).create_bucket(Bucket=bucket)
    return S3Files(bucket, tables.REGION, endpoint)


def read(files: Any, name: str) -> bytes:
    return b"".join(files.read(name))


def test_a_written_object_is_read_back(files: Any) -> None:
    files.write("a/1", [b"one", b"", b"two"])
    assert read(files, "a/1") == b"onetwo"
    files.write("a/1", [])
    assert read(files, "a/1") == b""


def test_a_long_object_is_written_and_read_in_pieces(files: Any) -> None:
    pieces = [bytes([n]) * 1_000_003 for n in range(20)]
    files.write("long", iter(pieces))
    assert read(files, "long") == b"".join(pieces)
    assert max(len(piece) for piece in files.read("long")) <= 1024 * 1024


def test_an_absent_object_is_not_found(files: Any) -> None:
    with pytest.raises(NotFound):
        read(files, "nothing")
    with pytest.raises(NotFound):
        files.read_range("nothing", 0, 1)


def test_a_range_of_an_object_is_read(files: Any) -> None:
    files.write("a/1", [bytes(range(100))])
    assert files.read_range("a/1", 0, 100) == bytes(range(100))
    assert files.read_range("a/1", 32, 8) == bytes(range(32, 40))
    assert files.read_range("a/1", 96, 32) == bytes(range(96, 100))


def test_names_are_listed_by_their_beginning_and_deleted(files: Any) -> None:
    for name in ("b/2", "a/1", "b/1", "b"):
        files.write(name, [b"x"])
    assert list(files.names("b/")) == ["b/1", "b/2"]
    files.delete(["b/1", "b/2", "never"])
    assert list(files.names("")) == ["a/1", "b"]
    files.delete([])


def test_more_than_a_page_of_names_is_listed_and_deleted(files: Any) -> None:
    names = [f"many/{n:05}" for n in range(1203)]
    for name in names:
        files.write(name, [b"x"])
    assert list(files.names("many/")) == names
    files.delete(files.names("many/"))
    assert list(files.names("many/")) == []


def test_a_missing_bucket_raises_store_failed(moto: str, aws_environment: None) -> None:  # noqa: F811
    nowhere = S3Files(f"none-{uuid.uuid4().hex}", tables.REGION, moto)
    with pytest.raises(StoreFailed):
        nowhere.write("a", [b"x"])
    with pytest.raises(StoreFailed):
        list(nowhere.names(""))


def test_the_memory_queue_keeps_its_messages() -> None:
    queue = MemoryQueue()
    queue.send([b"1", b"2"])
    assert queue.messages == [b"1", b"2"]


def test_every_message_of_many_is_queued(moto: str, aws_environment: None) -> None:  # noqa: F811
    sqs = tables.client("sqs", moto)
    url = sqs.create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
    SqsQueue(url, tables.REGION, moto).send(b"%d" % n for n in range(23))
    came = set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        came |= {message["Body"] for message in messages}
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert came == {str(n) for n in range(23)}
