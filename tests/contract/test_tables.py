"""The contracts of DecisionStore, DocumentReader and Documents, for every adapter."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from duecare.ports import Document, Key, Write, WriteConflict
from duecare_core.errors import VersionConflict
from tests.contract.conftest import Ports

KEY = Key("R#one", "D#bank#A-1")
OTHER = Key("R#one", "N")
# moto puts everything on one page, however large.
SPLITS_BY_SIZE = pytest.mark.parametrize("ports", ["memory", "dynamodb-local"], indirect=True)


def document(key: Key = KEY, version: int = 1, body: bytes = b'{"n":1}', sealed: bytes = b"") -> Document:
    return Document(key, version, body, sealed)


def record(ports: Ports, written: Document, beside: Document | None = None) -> Any:
    """The outcome of one write."""
    (outcome,) = ports.decisions.record([Write(written, beside)])
    return outcome


# Reading


def test_absent_keys_are_left_out(reader: Any) -> None:
    assert reader.get([KEY, OTHER]) == {}


def test_asking_for_no_keys_finds_nothing(reader: Any) -> None:
    assert reader.get([]) == {}


def test_a_key_asked_for_twice_is_found_once(ports: Ports, reader: Any) -> None:
    ports.documents.commit([document()])
    assert reader.get([KEY, KEY]) == {KEY: document()}


def test_stored_documents_are_found_among_absent_ones(ports: Ports, reader: Any) -> None:
    ports.documents.commit([document()])
    assert reader.get([OTHER, KEY]) == {KEY: document()}


def test_a_hundred_keys_are_read_at_once(ports: Ports, reader: Any) -> None:
    written = [document(Key("P#many", f"M#{n:03}"), body=b'{"n":%d}' % n) for n in range(100)]
    ports.documents.commit(written)
    assert reader.get([one.key for one in written]) == {one.key: one for one in written}


def test_a_body_keeps_every_byte(ports: Ports, reader: Any) -> None:
    body = '{"text":"退订回“T” \\u0000 \U0001f4a9 \\" \\\\ é"}'.encode()
    ports.documents.commit([document(body=body)])
    assert reader.get([KEY])[KEY].body == body


@pytest.mark.parametrize("sealed", [b"", b"\x00", bytes(range(256)), b"\xff" * 5000], ids=len)
def test_sealed_bytes_come_back_as_they_were(ports: Ports, reader: Any, sealed: bytes) -> None:
    ports.documents.commit([document(sealed=sealed)])
    assert reader.get([KEY])[KEY].sealed == sealed


def test_a_key_may_contain_any_reference(ports: Ports, reader: Any) -> None:
    key = Key("R#one", "D#bank#合同 #1/'\"\\: \U0001f4a9" + "\U00020000" * 100)
    ports.documents.commit([document(key)])
    assert reader.get([key]) == {key: document(key)}
    assert ports.decisions.load(["R#one"], []).partitions["R#one"] == [document(key)]


# A situation: whole partitions, and documents by key


def test_the_situation_of_an_unknown_recipient_is_empty(ports: Ports) -> None:
    situation = ports.decisions.load(["R#nobody"], [KEY])
    assert situation == ({"R#nobody": []}, {})


def test_the_work_of_the_caller_is_done_once_while_a_situation_is_read(ports: Ports) -> None:
    ports.documents.commit([document(KEY)])
    waits: list[str] = []
    situation = ports.decisions.load([KEY.pk], [KEY], meanwhile=lambda: waits.append("once"))
    assert (waits, situation.documents) == (["once"], {KEY: document(KEY)})


def test_a_situation_holds_the_whole_partition_and_nothing_of_another(ports: Ports) -> None:
    mine = [document(KEY), document(OTHER)]
    ports.documents.commit([*mine, document(Key("R#one2", "N")), document(Key("R#on", "N"))])
    assert sorted(ports.decisions.load(["R#one"], []).partitions["R#one"]) == sorted(mine)


def test_a_situation_holds_the_documents_asked_for_and_no_others(ports: Ports) -> None:
    party, mandate = document(Key("P#bank", "P")), document(Key("P#bank", "M#keji"))
    ports.documents.commit([party, mandate, document(Key("P#other", "P"))])
    situation = ports.decisions.load(["R#one"], [party.key, Key("P#absent", "P")])
    assert situation.documents == {party.key: party}


@SPLITS_BY_SIZE
def test_a_partition_of_more_than_a_mebibyte_is_read_whole(ports: Ports) -> None:
    written = [document(Key("R#big", f"Q#bank#{n:03}"), sealed=os.urandom(300_000)) for n in range(8)]
    for one in written:
        ports.documents.commit([one])
    asked = document(Key("P#bank", "P"))
    ports.documents.commit([asked])
    waits: list[str] = []
    situation = ports.decisions.load(["R#big"], [asked.key], meanwhile=lambda: waits.append("once"))
    assert waits == ["once"]
    assert sorted(situation.partitions["R#big"]) == written
    assert situation.documents == {asked.key: asked}
    assert ports.documents.partition("R#big", "Q#bank#") == written


@SPLITS_BY_SIZE
def test_many_documents_larger_than_one_answer_are_all_found(ports: Ports, reader: Any) -> None:
    """A BatchGetItem returns at most 16 MiB; the other keys are unprocessed."""
    written = [document(Key("P#big", f"M#{n:03}"), sealed=os.urandom(390_000)) for n in range(45)]
    for n in range(0, 45, 9):
        ports.documents.commit(written[n : n + 9])
    assert reader.get([one.key for one in written]) == {one.key: one for one in written}


def test_a_partition_can_be_read_by_the_beginning_of_its_sort_keys(ports: Ports) -> None:
    disputes = [document(Key("R#one", "Q#bank#a")), document(Key("R#one", "Q#bank#b"))]
    others = [document(Key("R#one", "Q#bank2#a")), document(Key("R#one", "Q")), document(Key("R#two", "Q#bank#a"))]
    ports.documents.commit([*others, *disputes])
    assert sorted(ports.documents.partition("R#one", "Q#bank#")) == disputes
    assert len(ports.documents.partition("R#one", "")) == 4


# Every read sees every write that was acknowledged before it began


def test_each_write_is_seen_by_the_very_next_read_of_either_port(ports: Ports) -> None:
    for version in range(1, 11):
        written = document(version=version, body=b'{"n":%d}' % version)
        if version % 2:
            assert record(ports, written) is None
        else:
            ports.documents.commit([written])
        assert ports.decisions.get([KEY]) == ports.documents.get([KEY]) == {KEY: written}
        assert ports.decisions.load([KEY.pk], [KEY]) == ({KEY.pk: [written]}, {KEY: written})
        assert ports.documents.partition(KEY.pk, "D#") == [written]


# Recording one document under its version


def test_a_first_record_is_stored(ports: Ports) -> None:
    written = document(sealed=b"\x00packed")
    assert record(ports, written) is None
    assert ports.documents.get([KEY]) == {KEY: written}


def test_a_second_first_record_conflicts_with_the_stored_one(ports: Ports) -> None:
    first = document(sealed=b"first")
    record(ports, first)
    assert record(ports, document(body=b'{"n":2}', sealed=b"second")) == WriteConflict(first)
    assert ports.decisions.get([KEY]) == {KEY: first}


def test_a_repeated_write_conflicts_with_an_equal_document(ports: Ports) -> None:
    written = document(body='{"text":"余敏"}'.encode(), sealed=bytes(range(256)))
    record(ports, written)
    assert record(ports, written) == WriteConflict(written)


def test_a_record_replaces_the_version_before_it(ports: Ports) -> None:
    record(ports, document())
    second = document(version=2, body=b"{}", sealed=b"2")
    assert record(ports, second) is None
    assert ports.decisions.get([KEY]) == {KEY: second}


def test_a_record_without_sealed_bytes_leaves_none_of_the_one_before(ports: Ports) -> None:
    record(ports, document(sealed=b"before"))
    record(ports, document(version=2))
    assert ports.decisions.get([KEY]) == {KEY: document(version=2)}


@pytest.mark.parametrize("version", [1, 2, 4, 10])
def test_a_record_over_another_version_changes_nothing(ports: Ports, version: int) -> None:
    record(ports, document())
    second = document(version=2, sealed=b"2")
    record(ports, second)
    assert record(ports, document(version=version, body=b"{}", sealed=b"other")) == WriteConflict(second)
    assert ports.decisions.get([KEY]) == {KEY: second}


# Recording a document with a companion


def test_two_documents_are_recorded_both_or_neither(ports: Ports) -> None:
    first, ledger = document(sealed=b"1"), document(OTHER)
    assert record(ports, first, ledger) is None
    assert ports.decisions.get([KEY, OTHER]) == {KEY: first, OTHER: ledger}
    second = document(version=2)
    assert record(ports, second, document(OTHER, version=2, body=b"{}")) is None
    assert ports.decisions.get([KEY, OTHER]) == {KEY: second, OTHER: document(OTHER, version=2, body=b"{}")}


def test_if_the_record_conflicts_its_companion_is_not_written(ports: Ports) -> None:
    standing = document(sealed=b"1")
    record(ports, standing)
    assert record(ports, document(body=b"{}"), document(OTHER)) == WriteConflict(standing)
    assert ports.decisions.get([KEY, OTHER]) == {KEY: standing}


def test_if_the_companion_conflicts_the_record_is_not_written(ports: Ports) -> None:
    ports.documents.commit([document(OTHER)])
    assert record(ports, document(), document(OTHER, body=b"{}")) == WriteConflict(None)
    assert ports.decisions.get([KEY, OTHER]) == {OTHER: document(OTHER)}


def test_if_both_conflict_the_existing_record_is_returned(ports: Ports) -> None:
    ports.documents.commit([document(OTHER), document()])
    assert record(ports, document(body=b"{}"), document(OTHER, body=b"{}")) == WriteConflict(document())


def test_a_repeated_pair_conflicts_with_an_equal_record(ports: Ports) -> None:
    assert record(ports, document(), document(OTHER)) is None
    assert record(ports, document(), document(OTHER)) == WriteConflict(document())


def test_many_partitions_are_loaded_and_many_writes_recorded_side_by_side(ports: Ports) -> None:
    keys = [Key(f"R#{n}", "N") for n in range(30)]
    ports.documents.commit([document(keys[7])])
    outcomes = ports.decisions.record([Write(document(key, body=b"[]")) for key in keys])
    assert outcomes == [WriteConflict(document(key)) if key == keys[7] else None for key in keys]
    situation = ports.decisions.load([key.pk for key in keys], [])
    assert situation.partitions == {
        key.pk: [document(key, body=b'{"n":1}' if key == keys[7] else b"[]")] for key in keys
    }


# Committing several, all or none


def test_documents_of_several_partitions_are_committed_together(ports: Ports) -> None:
    written = [document(Key(f"R#{n}", "N")) for n in range(5)]
    ports.documents.commit(written)
    assert ports.documents.get([one.key for one in written]) == {one.key: one for one in written}


@pytest.mark.parametrize("stale_at", [0, 1, 2])
def test_one_conflict_rejects_the_whole_commit(ports: Ports, stale_at: int) -> None:
    ports.documents.commit([document()])
    others = [document(Key("S#x", "S")), document(OTHER)]
    with pytest.raises(VersionConflict):
        ports.documents.commit([*others[:stale_at], document(body=b"{}"), *others[stale_at:]])
    assert ports.decisions.get([KEY, OTHER, Key("S#x", "S")]) == {KEY: document()}


def test_a_single_document_conflicts_with_a_stored_one(ports: Ports) -> None:
    ports.documents.commit([document()])
    with pytest.raises(VersionConflict):
        ports.documents.commit([document(body=b"{}")])
    assert ports.decisions.get([KEY]) == {KEY: document()}


@pytest.mark.parametrize("version", [2, 7])
def test_replacing_an_absent_document_is_a_conflict(ports: Ports, version: int) -> None:
    with pytest.raises(VersionConflict):
        ports.documents.commit([document(version=version)])
    with pytest.raises(VersionConflict):
        ports.documents.commit([document(OTHER), document(version=version)])
    assert ports.decisions.get([KEY, OTHER]) == {}


def test_replacing_an_outdated_version_is_a_conflict(ports: Ports) -> None:
    for version in (1, 2, 3):
        ports.documents.commit([document(version=version)])
    with pytest.raises(VersionConflict):
        ports.documents.commit([document(version=2), document(OTHER)])
    assert ports.decisions.get([KEY, OTHER]) == {KEY: document(version=3)}


def test_a_commit_replaces_and_adds_at_once(ports: Ports) -> None:
    ports.documents.commit([document(sealed=b"1")])
    ports.documents.commit([document(version=2), document(OTHER, sealed=b"\x01")])
    assert ports.decisions.get([KEY, OTHER]) == {KEY: document(version=2), OTHER: document(OTHER, sealed=b"\x01")}


def test_a_hundred_documents_are_committed_or_none(ports: Ports) -> None:
    written = [document(Key(f"S#{n}", "S")) for n in range(100)]
    ports.documents.commit([document(written[-1].key, body=b"{}")])
    with pytest.raises(VersionConflict):
        ports.documents.commit(written)
    assert len(ports.decisions.get([one.key for one in written])) == 1
    ports.documents.commit([document(Key(f"X#{n}", "X")) for n in range(100)])
    assert len(ports.decisions.get([Key(f"X#{n}", "X") for n in range(100)])) == 100


# One writer wins


def test_exactly_one_of_many_writers_wins_and_the_others_get_its_document(ports: Ports) -> None:
    candidates = [document(body=b'{"n":%d}' % n, sealed=b"%d" % n) for n in range(12)]
    with ThreadPoolExecutor(12) as threads:
        met = list(threads.map(lambda one: record(ports, one), candidates))
    winners = [one for one, standing in zip(candidates, met, strict=True) if standing is None]
    assert len(winners) == 1
    assert [one for one in met if one is not None] == [WriteConflict(winners[0])] * 11
    assert ports.documents.get([KEY]) == {KEY: winners[0]}


def test_exactly_one_of_many_commits_wins_with_all_its_documents(ports: Ports) -> None:
    def commit(n: int) -> bool:
        try:
            ports.documents.commit([document(body=b'{"n":%d}' % n), document(Key(f"S#{n}", "S"))])
        except VersionConflict:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        won = list(threads.map(commit, range(12)))
    assert won.count(True) <= 1  # a transaction conflict may reject all of them; none may succeed by half
    stood = ports.decisions.get([KEY, *(Key(f"S#{n}", "S") for n in range(12))])
    assert len(stood) == 2 * won.count(True)


# moto answers some of many transactions at once with a 500.
@pytest.mark.parametrize("ports", ["memory", "dynamodb-local"], indirect=True)
def test_conflicting_pairs_do_not_affect_the_others_written_with_them(ports: Ports) -> None:
    def pair(n: int, version: int = 1) -> Write:
        return Write(document(Key(f"X#{n}", "X")), document(Key(f"R#{n}", "L"), version))

    ports.documents.commit([document(Key("X#3", "X"), body=b'{"n":3}')])
    ports.documents.commit([document(Key("R#7", "L"))])
    outcomes = ports.decisions.record([pair(n) for n in range(60)])
    assert outcomes[3] == WriteConflict(document(Key("X#3", "X"), body=b'{"n":3}'))
    assert outcomes[7] == WriteConflict(None)
    assert [outcome for n, outcome in enumerate(outcomes) if n not in (3, 7)] == [None] * 58
    found = ports.decisions.get([Key(f"X#{n}", "X") for n in range(60)])
    assert len(found) == 59
    assert Key("X#7", "X") not in found
    assert ports.decisions.record([pair(n) for n in range(60)])[:3] == [
        WriteConflict(document(Key(f"X#{n}", "X"))) for n in range(3)
    ]
