"""The contract of RangeReader, for every adapter."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import pytest

from duecare.adapters.dynamodb.ranges import DynamoDBRangeReader
from duecare.ports import Document, Key
from duecare_core.errors import StoreFailed
from tests.support import tables
from tests.support.memory import MemoryTable
from tests.support.servers import aws_environment, closed_connections, dynamodb_local, moto  # noqa: F401


class Stretches(NamedTuple):
    """`Ranges`, and `Documents` over the same table to write with."""

    ranges: Any
    documents: Any


@pytest.fixture(params=["memory", "moto", "dynamodb-local"])
def stretches(request: pytest.FixtureRequest) -> Stretches:
    if request.param == "memory":
        table = MemoryTable()
        return Stretches(table, table)
    endpoint = request.getfixturevalue(request.param.replace("-", "_"))
    name = tables.create(endpoint)
    wire = tables.wire(endpoint, timeout=20.0, deadline=60.0)
    return Stretches(DynamoDBRangeReader(wire, name), tables.documents(endpoint, name))


def document(sk: str, pk: str = "G#one#2026-11-24", sealed: bytes = b"") -> Document:
    return Document(Key(pk, sk), 1, b'{"sk":"x"}', sealed)


def between(stretches: Stretches, first: str, last: str, pk: str = "G#one#2026-11-24") -> list[str]:
    return [found.key.sk for found in stretches.ranges.between(pk, first, last)]


def test_a_range_includes_both_ends_and_is_sorted(stretches: Stretches) -> None:
    for sk in ("c", "a", "e", "b", "d"):
        stretches.documents.commit([document(sk)])
    assert between(stretches, "b", "d") == ["b", "c", "d"]
    assert between(stretches, "0", "z") == ["a", "b", "c", "d", "e"]
    assert between(stretches, "c", "c") == ["c"]


def test_documents_come_back_whole(stretches: Stretches) -> None:
    written = [document("a", sealed=b"\x00\xff"), document("b")]
    stretches.documents.commit(written)
    assert list(stretches.ranges.between("G#one#2026-11-24", "a", "b")) == written


def test_the_order_is_that_of_bytes(stretches: Stretches) -> None:
    keys = ["A", "a", "é", "合", "\uffff", "\U0001f4a9"]
    stretches.documents.commit([document(sk) for sk in reversed(keys)])
    assert between(stretches, "A", "\U0010ffff") == keys


def test_a_key_that_begins_with_the_last_one_is_outside(stretches: Stretches) -> None:
    stretches.documents.commit([document("b"), document("b#1")])
    assert between(stretches, "a", "b") == ["b"]
    assert between(stretches, "b", "b~") == ["b", "b#1"]


def test_other_partitions_are_left_out(stretches: Stretches) -> None:
    stretches.documents.commit([document("b"), document("b", "G#one#2026-11-25"), document("b", "G#one")])
    assert between(stretches, "a", "z") == ["b"]


def test_an_empty_range_and_a_reversed_one_have_no_documents(stretches: Stretches) -> None:
    stretches.documents.commit([document("b")])
    assert between(stretches, "c", "z") == []
    assert between(stretches, "z", "a") == []
    assert between(stretches, "a", "z", "G#nobody") == []


def test_a_range_sees_documents_written_just_before(stretches: Stretches) -> None:
    for number in range(10):
        stretches.documents.commit([document(f"{number}")])
        assert len(between(stretches, "0", "9")) == number + 1


# moto puts everything on one page, however large.
@pytest.mark.parametrize("stretches", ["memory", "dynamodb-local"], indirect=True)
def test_a_range_of_several_pages_is_whole_and_sorted(stretches: Stretches) -> None:
    written = [document(f"{number:03}", sealed=os.urandom(300_000)) for number in range(8)]
    for one in written:
        stretches.documents.commit([one])
    assert list(stretches.ranges.between("G#one#2026-11-24", "001", "006")) == written[1:7]


@pytest.mark.parametrize("stretches", ["dynamodb-local"], indirect=True)
def test_pages_are_read_on_demand(stretches: Stretches, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        stretches.documents.commit([document(f"{number:03}", sealed=os.urandom(300_000))])
    asked: list[str] = []
    wire = stretches.ranges._wire
    call = wire.call

    def counted(operation: str, body: bytes) -> bytes:
        asked.append(operation)
        answer: bytes = call(operation, body)
        return answer

    monkeypatch.setattr(wire, "call", counted)
    reading = stretches.ranges.between("G#one#2026-11-24", "000", "999")
    assert asked == []
    next(reading)
    assert len(asked) == 1
    assert len(list(reading)) == 7
    assert len(asked) > 1


def test_a_missing_table_raises_store_failed() -> None:
    ranges = DynamoDBRangeReader(tables.wire("http://127.0.0.1:9", timeout=0.2, deadline=0.2), "none")
    with pytest.raises(StoreFailed):
        list(ranges.between("G#one", "a", "b"))
