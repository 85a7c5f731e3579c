"""The contract of BulkStore, for every adapter."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from duecare.ports import Document, Key
from duecare_core.errors import VersionConflict
from tests.contract.conftest import Ports


def debt(number: int, version: int = 1, open_of: str = "bank#0") -> Document:
    return Document(Key(f"R#{number:05}", f"D#bank#{number}"), version, b'{"n":%d}' % number, b"", open_of)


def stored(ports: Ports, *groups: Sequence[Document]) -> None:
    assert ports.bulk.commit_each(groups) == [None] * len(groups)


# moto answers some of many transactions at once with a 500.
AT_ONCE = pytest.mark.parametrize("ports", ["memory", "dynamodb-local"], indirect=True)


@AT_ONCE
def test_groups_of_a_hundred_are_written_side_by_side_and_read_at_once(ports: Ports) -> None:
    groups = [[debt(100 * group + n) for n in range(100)] for group in range(12)]
    stored(ports, *groups)
    every = [document for group in groups for document in group]
    assert ports.bulk.get(document.key for document in every) == {document.key: document for document in every}


def test_a_partition_can_be_read_by_the_beginning_of_its_sort_keys(ports: Ports) -> None:
    documents = [Document(Key("R#one", sk), 1, b"{}") for sk in ("D#bank#1", "D#bank#2", "D#bank2#1", "N")]
    stored(ports, [*documents, debt(1)])
    assert ports.bulk.partition("R#one", "D#bank#") == documents[:2]
    assert ports.bulk.partition("R#none", "D#bank#") == []


def test_one_conflict_rejects_its_group_only(ports: Ports) -> None:
    stored(ports, [debt(1)])
    outcomes = ports.bulk.commit_each([[debt(2), debt(1)], [debt(3)], [debt(1, version=2)]])
    assert isinstance(outcomes[0], VersionConflict)
    assert outcomes[1:] == [None, None]
    found = ports.bulk.get([debt(n).key for n in (1, 2, 3)])
    assert sorted(document.version for document in found.values()) == [1, 2]
    assert debt(2).key not in found


def test_no_groups_write_nothing(ports: Ports) -> None:
    assert ports.bulk.commit_each([]) == []


def test_open_debts_are_listed_by_their_shard(ports: Ports) -> None:
    stored(ports, [debt(1), debt(2), debt(3, open_of="bank#1"), debt(4, open_of=""), debt(5, open_of="other#0")])
    assert set(ports.bulk.open_debts("bank#0")) == {debt(1).key, debt(2).key}
    assert set(ports.bulk.open_debts("bank#1")) == {debt(3).key}
    assert list(ports.bulk.open_debts("nobody#0")) == []


def test_a_debt_that_is_closed_leaves_the_list(ports: Ports) -> None:
    stored(ports, [debt(1), debt(2)])
    stored(ports, [debt(1, version=2, open_of="")])
    assert list(ports.bulk.open_debts("bank#0")) == [debt(2).key]


@AT_ONCE
def test_many_open_debts_are_listed_page_by_page(ports: Ports) -> None:
    reference = "L" * 900
    many = [
        Document(Key(f"R#{n:05}", f"D#bank#{reference}{n}"), 1, b"{}", b"", "bank#0") for n in range(1500)
    ]  # more than the 1 MB of a page
    stored(ports, *(many[at : at + 100] for at in range(0, len(many), 100)))
    assert set(ports.bulk.open_debts("bank#0")) == {document.key for document in many}


def test_documents_and_decision_store_read_what_bulk_wrote(ports: Ports) -> None:
    stored(ports, [debt(1)])
    assert ports.documents.get([debt(1).key]) == ports.decisions.get([debt(1).key]) == {debt(1).key: debt(1)}
