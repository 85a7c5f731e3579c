"""Imports on DynamoDB Local: rows race single statements, workers are killed, messages and events are redelivered."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from duecare.ports import Document
from duecare.usecases import table
from duecare.usecases.imports import ingest
from duecare_core.errors import StoreFailed
from tests.races.conftest import Busy, together
from tests.support import tables
from tests.support.imports import Imports, as_csv, debt_row, recipient
from tests.support.world import DAY, consent_members, stamp


@pytest.fixture
def imports(busy: Busy, monkeypatch: pytest.MonkeyPatch) -> Imports:
    """Parts of forty rows, so that several are imported concurrently."""
    monkeypatch.setattr(ingest, "MAX_ROWS_PER_PART", 40)
    busy.register()
    bulk = tables.bulk(busy.endpoint, busy.table, timeout=20.0, deadline=60.0)
    return Imports(busy, bulk=bulk)


def arrived(imports: Imports, rows: Sequence[dict[str, Any]], **changes: Any) -> tuple[str, list[bytes]]:
    """A file that was announced and has arrived: its id, and the messages for its parts."""
    data = as_csv(rows)
    opened = imports.announce(data, len(rows), **changes)
    imports.put(opened.upload_id, data)
    messages = list(imports.queue.messages)
    imports.queue.messages.clear()
    return opened.upload_id, messages


def counts(imports: Imports, upload_id: str) -> tuple[str, int, int, int]:
    upload = imports.look(upload_id).upload
    return upload.state, upload.accepted, upload.unchanged, upload.rejected


def outstanding(busy: Busy) -> dict[str, str]:
    """Of every debt in the table."""
    found = {}
    for item in busy.items("R#"):
        if item["sk"]["S"].startswith("D#"):
            found[item["sk"]["S"].rpartition("#")[2]] = (
                item["body"]["S"].partition('"outstanding":"')[2].partition('"')[0]
            )
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_bulk_row_never_overwrites_a_newer_single_statement(busy: Busy, imports: Imports, seed: int) -> None:
    rng = random.Random(seed)
    rows = [debt_row(busy, n, outstanding="100") for n in range(120)]
    upload_id, messages = arrived(imports, rows)
    newer, older = rng.sample(range(120), 60)[:30], rng.sample(range(120), 30)
    older = [n for n in older if n not in newer]
    statements = [(n, stamp(busy.now), "7") for n in newer] + [(n, stamp(busy.now - 9 * DAY), "9") for n in older]
    rng.shuffle(statements)

    def state(n: int, as_of: str, amount: str) -> Callable[[], Any]:
        members = debt_row(busy, n, outstanding=amount, as_of=as_of)
        return lambda: busy.state("mou-zichan", "debt", **members)

    calls: list[Callable[[], Any]] = [lambda message=message: imports.one(message) for message in messages]  # type: ignore[misc]
    calls += [state(*one) for one in statements[:24]]
    together(rng.sample(calls, len(calls)))
    for one in statements[24:]:
        state(*one)()
    stands = outstanding(busy)
    assert {stands[f"L-{n}"] for n in newer} == {"7"}
    assert {stands[f"L-{n}"] for n in range(120) if n not in newer} == {"100"}
    state_, accepted, unchanged, rejected = counts(imports, upload_id)
    assert (state_, accepted + unchanged, rejected) == ("done", 120, 0)


def test_a_part_imported_by_two_workers_at_once_counts_once(busy: Busy, imports: Imports) -> None:
    upload_id, messages = arrived(imports, [debt_row(busy, n) for n in range(200)])
    together([lambda message=message: imports.one(message) for message in messages * 2])  # type: ignore[misc]
    assert counts(imports, upload_id) == ("done", 200, 0, 0)
    assert len(outstanding(busy)) == 200


def test_concurrent_and_repeated_object_events_count_once(busy: Busy, imports: Imports) -> None:
    rows = [debt_row(busy, n) for n in range(100)]
    data = as_csv(rows)
    opened = imports.announce(data, len(rows))
    together([lambda: imports.put(opened.upload_id, data)] * 4)
    imports.work()
    assert counts(imports, opened.upload_id) == ("done", 100, 0, 0)
    imports.put(opened.upload_id, data)
    imports.work()
    assert counts(imports, opened.upload_id) == ("done", 100, 0, 0)


class Killed(Exception):
    """The worker is gone."""


class Dying:
    """A bulk port that dies before or after its n-th write."""

    def __init__(self, bulk: Any, writes: int, *, stored: bool) -> None:
        self._bulk, self._left, self._stored = bulk, writes, stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bulk, name)

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[Any]:
        outcomes: list[Any] = []
        for group in groups:
            self._left -= 1
            if self._left == 0 and not self._stored:
                raise Killed
            outcomes += self._bulk.commit_each([group])
            if self._left == 0:
                raise Killed
        return outcomes


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "not stored"])
@pytest.mark.parametrize("write", [1, 2, 3])
def test_a_worker_killed_during_a_part_loses_nothing_and_counts_nothing_twice(
    busy: Busy, imports: Imports, monkeypatch: pytest.MonkeyPatch, write: int, stored: bool
) -> None:
    monkeypatch.setattr("duecare.usecases.imports.import_part.MAX_DOCUMENTS_WRITTEN", 15)
    rows = [debt_row(busy, n) for n in range(80)]
    rows[7]["outstanding"] = "?"
    upload_id, messages = arrived(imports, rows)
    whole = imports.rows._deps
    imports.rows._deps = whole._replace(bulk=Dying(whole.bulk, write, stored=stored))
    with pytest.raises(Killed):
        imports.one(messages[0])
    imports.rows._deps = whole
    for message in messages:
        imports.one(message)
    assert counts(imports, upload_id) == ("done", 79, 0, 1)
    assert len(outstanding(busy)) == 79


@pytest.mark.parametrize("where", ["count", "close"])
def test_a_worker_killed_after_its_rows_or_before_closing_is_recovered_from(
    busy: Busy, imports: Imports, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    upload_id, messages = arrived(imports, [debt_row(busy, n) for n in range(80)])

    def dies(*_: object) -> None:
        raise Killed

    imports.one(messages[0])
    with monkeypatch.context() as patch:
        patch.setattr(imports.rows, "_count", dies) if where == "count" else patch.setattr(imports, "close", dies)
        with pytest.raises(Killed):
            imports.one(messages[1])
    assert counts(imports, upload_id)[0] == "importing"
    imports.one(messages[1])
    assert counts(imports, upload_id) == ("done", 80, 0, 0)


@pytest.mark.parametrize("at", ["parts", "change", "send"])
def test_a_crashed_ingest_is_repeated_by_the_redelivered_event(
    busy: Busy, imports: Imports, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    rows = [debt_row(busy, n) for n in range(100)]
    data = as_csv(rows)
    opened = imports.announce(data, len(rows))

    def dies(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if at == "parts":
            write = imports.files.write
            patch.setattr(
                imports.files, "write", lambda name, data: dies() if name.endswith("/00001") else write(name, data)
            )
        else:
            patch.setattr(imports.ingest, f"_{at}", dies)
        with pytest.raises(Killed):
            imports.put(opened.upload_id, data)
    imports.queue.messages.clear()
    imports.put(opened.upload_id, data)
    imports.work()
    assert counts(imports, opened.upload_id) == ("done", 100, 0, 0)


def test_a_store_failure_leaves_the_part_for_redelivery(busy: Busy, imports: Imports) -> None:
    upload_id, messages = arrived(imports, [debt_row(busy, n) for n in range(40)])

    class Failing(Dying):
        def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[Any]:
            return [StoreFailed("ThrottlingException")] * len(groups)

    whole = imports.rows._deps
    imports.rows._deps = whole._replace(bulk=Failing(whole.bulk, 0, stored=False))
    with pytest.raises(StoreFailed):
        imports.one(messages[0])
    imports.rows._deps = whole
    imports.one(messages[0])
    assert counts(imports, upload_id) == ("done", 40, 0, 0)


def test_a_verify_sees_a_row_imported_just_before(busy: Busy, imports: Imports) -> None:
    busy.engage()
    _, messages = arrived(imports, [debt_row(busy, n) for n in range(3)])
    for message in messages:
        imports.one(message)
    busy.accepted("mou-zichan", "consent", **consent_members(busy.now, recipient=recipient(1)))
    assert busy.reasons(recipient=recipient(1), text="【某资产】请按约还款。退订回T") == []


def test_a_snapshot_withdraws_and_keeps_debts_stated_meanwhile(busy: Busy, imports: Imports) -> None:
    for message in arrived(imports, [debt_row(busy, n) for n in range(60)])[1]:
        imports.one(message)
    as_of = stamp(busy.now - timedelta(minutes=1))
    upload_id, messages = arrived(imports, [debt_row(busy, n) for n in range(50)], snapshot=True, as_of=as_of)
    later = debt_row(busy, 55, as_of=stamp(busy.now), outstanding="5")
    together(
        [lambda: busy.state("mou-zichan", "debt", **later)]
        + [lambda message=message: imports.one(message) for message in messages]  # type: ignore[misc]
    )
    upload = imports.look(upload_id).upload
    assert (upload.state, upload.unchanged) == ("done", 50)
    left = {key.sk for shard in table.shards("mou-zichan") for key in imports.close._deps.bulk.open_debts(shard)}
    assert left == {f"D#mou-zichan#L-{n}" for n in (*range(50), 55)}
