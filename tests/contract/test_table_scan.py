"""The contract of TableScan, for every adapter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duecare.ports import Document, Key, ScanFilter
from tests.support import tables
from tests.support.memory import MemoryTable


@pytest.fixture(params=["memory", "dynamodb-local", "moto"])
def ports(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """A table as `Documents` and as `TableScan`."""
    if request.param == "memory":
        memory = MemoryTable()
        memory.page_size = 3
        return memory, memory
    endpoint = request.getfixturevalue("moto" if request.param == "moto" else "dynamodb_local")
    table = tables.create(endpoint)
    return tables.documents(endpoint, table), tables.table_scan(endpoint, table, timeout=20.0, deadline=60.0)


def document(pk: str, sk: str, body: str) -> Document:
    return Document(Key(pk, sk), 1, body.encode())


def scan_all(scan: Any, *filters: ScanFilter) -> list[Document]:
    page = scan.scan(filters, {})
    found = list(page.documents)
    while page.cursors:
        page = scan.scan(filters, json.loads(json.dumps(page.cursors)))
        found += page.documents
    return sorted(found)


def test_a_scan_returns_each_document_that_matches_any_filter_once(ports: tuple[Any, Any]) -> None:
    documents, scan = ports
    mine = [document(f"S#{number:03}", "S", '{"issuer":"rogue"}') for number in range(40)]
    others = [document(f"S#{number:03}", "S", '{"issuer":"rogue-2"}') for number in range(40, 80)]
    rows = [document(f"R#{number}", "D#rogue#1", '{"statement":"sha256:00#1"}') for number in range(9)]
    states = [document(f"R#{number}", "D#rogue#2", '{"statement":"sha256:00"}') for number in range(9)]
    every = [*mine, *others, *rows, *states]
    for at in range(0, len(every), 25):
        documents.commit(every[at : at + 25])
    statements = ScanFilter("S#", "", '"issuer":"rogue"')
    assert scan_all(scan, statements, ScanFilter("R#", "D#rogue#", "#")) == sorted([*mine, *rows])
    assert scan_all(scan, ScanFilter("R#")) == sorted([*rows, *states])
    assert scan_all(scan, ScanFilter("Q#")) == []


def test_a_page_is_small(ports: tuple[Any, Any]) -> None:
    documents, scan = ports
    for at in range(0, 200, 50):
        documents.commit([document(f"S#{number}", "S", "{}") for number in range(at, at + 50)])
    assert len(scan.scan([ScanFilter("S#")], {}).documents) <= 100


def test_a_scan_sees_what_was_written_before_it(ports: tuple[Any, Any]) -> None:
    documents, scan = ports
    documents.commit([document("S#1", "S", "{}")])
    assert scan_all(scan, ScanFilter("S#")) == [document("S#1", "S", "{}")]
