"""A creditor that states debts without end makes every decision about that number slow and dear for all others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from duecare.ports import Key
from duecare.usecases import table
from duecare.usecases.imports.file_limit import PartLimit
from duecare.usecases.statements.accept import StatementResult
from duecare.usecases.statements.debt_limit import MAX_DEBTS_ON_FILE, MAX_OPEN_DEBTS
from duecare_core.domain.facts.states import DebtState
from duecare_core.errors import StoreFailed
from tests.support.imports import Imports, as_csv, debt_row, recipient
from tests.support.logs import LoggedWorld
from tests.support.memory import MemoryTable
from tests.support.world import CASE_TEXT, DAY, RECIPIENT, World, debt_members, stamp

SECOND = timedelta(seconds=1)


@pytest.fixture
def world() -> World:
    return World().register()


def state(world: World, number: int, **changes: Any) -> StatementResult:
    return world.state("mou-zichan", "debt", **debt_members(world.now, debt_ref=f"L-{number}", **changes))


def fill(world: World, count: int = MAX_OPEN_DEBTS, **changes: Any) -> None:
    for number in range(count):
        assert state(world, number, **changes).status == "accepted", number


def rejected(result: StatementResult) -> bool:
    if result.status == "accepted":
        return False
    assert result.problem is not None
    assert (result.problem.name, result.problem.status) == ("too-many-debts", 409)
    return True


def open_debts(world: World) -> int:
    pk = table.recipient(world.pseudonyms.recipient_key(RECIPIENT))
    return len(world.documents.partition(pk, table.debts("mou-zichan")))


# Single statements


def test_a_creditor_has_at_most_32_open_debts_on_a_number(world: World) -> None:
    fill(world)
    assert all(rejected(state(world, number)) for number in range(32, 40))
    assert open_debts(world) == 32


def test_the_limit_is_of_one_creditor_and_one_number(world: World) -> None:
    fill(world)
    assert not rejected(world.state("other-bank", "debt", **debt_members(world.now)))
    assert not rejected(state(world, 99, recipient="+8613812345679"))


def test_a_debt_on_file_is_restated_settled_and_withdrawn_at_the_limit(world: World) -> None:
    fill(world)
    world.now += SECOND
    assert not rejected(state(world, 1, as_of=stamp(world.now), outstanding="1"))
    assert not rejected(state(world, 2, as_of=stamp(world.now - 3 * DAY), outstanding="2"))  # older: superseded
    assert not rejected(state(world, 3, as_of=stamp(world.now), status="settled"))
    assert not rejected(state(world, 4, as_of=stamp(world.now), status="withdrawn"))
    assert not rejected(state(world, 50))
    assert not rejected(state(world, 51))
    assert rejected(state(world, 52))


def test_a_closed_debt_is_not_a_place_to_be_kept_for_later(world: World) -> None:
    """Otherwise a creditor could state many debts as settled, and open all of them at once."""
    for number in range(40, 60):
        assert not rejected(state(world, number, status="settled"))
    fill(world)
    world.now += SECOND
    assert rejected(state(world, 40, as_of=stamp(world.now)))


def test_a_stale_debt_makes_room_and_needs_room_to_be_stated_anew(world: World) -> None:
    fill(world, valid_until=stamp(world.now + DAY))
    assert rejected(state(world, 99))
    world.now += DAY
    fill(world, MAX_OPEN_DEBTS - 1, as_of=stamp(world.now))
    assert not rejected(state(world, 99, as_of=stamp(world.now)))
    assert rejected(state(world, 31, as_of=stamp(world.now)))


def test_stating_and_settling_without_end_comes_to_an_end_too(world: World) -> None:
    number = 0
    while number < 400:
        if rejected(state(world, number)):
            break
        assert not rejected(state(world, number, as_of=stamp(world.now), status="settled"))
        number += 1
    assert number == MAX_DEBTS_ON_FILE
    assert rejected(state(world, number, status="settled"))  # one that is not on file
    world.now += SECOND
    assert not rejected(state(world, 0, as_of=stamp(world.now)))  # one that is


def test_a_repeated_or_rejected_statement_takes_no_room(world: World) -> None:
    fill(world, MAX_OPEN_DEBTS - 1)
    token = world.jws("mou-zichan", "debt", **debt_members(world.now, debt_ref="L-32"))
    first, again = world.state_all("mou-zichan", [token, token])
    assert (first.status, again.status) == ("accepted", "unchanged")
    assert rejected(state(world, 33))


# Closed debts leave


def key(world: World, debt_ref: str) -> Key:
    return table.debt(table.recipient(world.pseudonyms.recipient_key(RECIPIENT)), "mou-zichan", debt_ref)


def leaving(world: World, debt_ref: str) -> datetime:
    assert isinstance(world.documents, MemoryTable)
    return world.documents.expires[key(world, debt_ref)]


def leave(world: World, debt_ref: str) -> None:
    """The first instant at which the table may delete the debt, and it does."""
    assert isinstance(world.documents, MemoryTable)
    world.now = leaving(world, debt_ref)
    world.documents.remove(key(world, debt_ref))


def test_debts_leave_35_days_after_they_were_closed_or_became_stale(world: World) -> None:
    as_of = world.now - DAY
    state(world, 1)
    state(world, 2, valid_until=stamp(world.now + DAY))
    state(world, 3, status="settled")
    assert leaving(world, "L-1") == as_of + 70 * DAY
    assert leaving(world, "L-2") == world.now + 36 * DAY
    assert leaving(world, "L-3") == as_of + 35 * DAY
    state(world, 3, as_of=stamp(world.now))  # open again
    assert leaving(world, "L-3") == world.now + 70 * DAY


@pytest.mark.parametrize("status", ["open", "settled", "withdrawn"])
def test_no_statement_older_than_a_debt_that_left_turns_a_deny_into_an_allow(world: World, status: str) -> None:
    """The latest instant at which the older one could be valid, and the first at which the newer one can be gone."""
    world.engage()
    world.consent()
    older, newer = world.now - 2 * SECOND, world.now - SECOND
    members = debt_members(world.now, as_of=stamp(newer), status=status)
    until = {"valid_until": stamp(newer + timedelta(microseconds=1))} if status == "open" else {}
    world.accepted("mou-zichan", "debt", **members | until)
    leave(world, "A-1")
    assert "DEBT_MISSING" in world.reasons()
    for as_of in (older, newer - timedelta(microseconds=1)):
        world.state("mou-zichan", "debt", **debt_members(world.now, as_of=stamp(as_of)))
    assert "DEBT_STALE" in world.reasons()


def test_an_expired_debt_that_is_still_there_is_stale(world: World) -> None:
    """DynamoDB deletes some time after the instant of expiry."""
    world.engage()
    world.consent()
    world.debt()
    world.now += 80 * DAY
    assert "DEBT_STALE" in world.reasons()


def test_a_debt_that_left_and_is_stated_again_is_disputed_again(world: World) -> None:
    world.honest()
    disputed = world.accepted(
        "xinxi",
        "dispute",
        recipient=RECIPIENT,
        creditor="mou-zichan",
        debt_ref="A-1",
        claim="paid",
        received_at=stamp(world.now),
    )
    world.now += DAY
    world.debt(as_of=stamp(world.now), answers_dispute=disputed)
    assert world.reasons(text=CASE_TEXT) == []
    leave(world, "A-1")
    world.debt(as_of=stamp(world.now))
    assert world.reasons(text=CASE_TEXT) == ["DEBT_DISPUTED"]


# Files


@pytest.fixture
def imports(world: World) -> Imports:
    return Imports(world)


def rows(world: World, numbers: Iterable[int], **changes: Any) -> list[dict[str, Any]]:
    return [debt_members(world.now, debt_ref=f"L-{number}", **changes) for number in numbers]


def others(world: World, count: int) -> list[dict[str, Any]]:
    return [debt_row(world, number) for number in range(count)]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duecare.usecases.imports.ingest.MAX_ROWS_PER_PART", 10)


def test_rows_beyond_32_open_debts_are_rejected_alone(world: World, imports: Imports) -> None:
    view = imports.debts([*others(world, 5), *rows(world, range(40)), *rows(world, [90], status="settled")])
    upload = view.upload
    assert (upload.state, upload.accepted, upload.rejected) == ("done", 5 + 32 + 1, 8)
    found = imports.rejects(view.upload_id)
    assert [row[0] for row in found] == [str(5 + 32 + number) for number in range(1, 9)]
    assert {row[2] for row in found} == {"too-many-debts"}
    assert open_debts(world) == 33


@pytest.mark.usefixtures("small_parts")
def test_the_first_32_by_row_number_count_whatever_parts_they_are_in(world: World, imports: Imports) -> None:
    """One debt in every part, and the parts imported last to first."""
    mixed = [row for n, one in enumerate(rows(world, range(50))) for row in (one, debt_row(world, n))]
    data = as_csv(mixed)
    opened = imports.announce(data, len(mixed))
    imports.put(opened.upload_id, data)
    imports.queue.messages.reverse()
    imports.work()
    view = imports.look(opened.upload_id)
    upload = view.upload
    assert (upload.accepted, upload.rejected) == (32 + 50, 18)
    pk = table.recipient(world.pseudonyms.recipient_key(RECIPIENT))
    stored = {document.key.sk for document in world.documents.partition(pk, "D#")}
    assert stored == {f"D#mou-zichan#L-{number}" for number in range(32)}


@pytest.mark.usefixtures("small_parts")
def test_several_rows_about_one_debt_count_once_and_a_bad_row_does_not(world: World, imports: Imports) -> None:
    again = rows(world, range(20), as_of=stamp(world.now), outstanding="5")
    bad = rows(world, range(60, 70), currency="yuan")
    view = imports.debts([*bad, *rows(world, range(30)), *again, *rows(world, [30, 31, 32])])
    upload = view.upload
    assert {row[2] for row in imports.rejects(view.upload_id)} == {"wrong-type-or-form", "too-many-debts"}
    assert upload.rejected == 10 + 1
    assert open_debts(world) == 32


def test_the_newest_row_of_a_debt_on_file_is_never_rejected(world: World, imports: Imports) -> None:
    imports.debts(rows(world, range(32)))
    world.now += DAY
    view = imports.debts([*rows(world, range(100, 140)), *rows(world, range(32))])
    upload = view.upload
    assert upload.rejected == 40
    pk = table.recipient(world.pseudonyms.recipient_key(RECIPIENT))
    states = [table.read(document, DebtState) for document in world.documents.partition(pk, "D#")]
    assert len(states) == 32
    assert {state.newest.at for state in states} == {world.now - DAY}


def test_many_small_files_do_not_get_past_the_limit(world: World, imports: Imports) -> None:
    for number in range(40):
        imports.debts(rows(world, [number]))
    assert open_debts(world) == 32
    assert rejected(state(world, 99))


def test_many_closed_rows_are_limited_too(world: World, imports: Imports) -> None:
    view = imports.debts(rows(world, range(300), status="settled"))
    upload = view.upload
    assert upload.rejected == 300 - MAX_DEBTS_ON_FILE
    world.now += SECOND
    imports.debts(rows(world, range(300, 310), status="withdrawn"))
    assert open_debts(world) == MAX_DEBTS_ON_FILE


def test_what_files_overshoot_is_counted(world: World) -> None:
    """Two files at once: neither sees what the other one adds."""
    seen: list[int] = []
    imports = Imports(world, on_overshoot=seen.append)
    first, second = rows(world, range(32)), rows(world, range(100, 132))
    plain = PartLimit.sample
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartLimit, "sample", lambda *_: None)
        imports.debts(first)
        imports.debts(second)
    assert PartLimit.sample is plain
    assert open_debts(world) == 64
    assert seen == []
    assert imports.debts(rows(world, [200])).upload.rejected == 1
    assert seen == [1]


def test_a_part_that_is_imported_again_counts_the_same(world: World, imports: Imports) -> None:
    data = as_csv(rows(world, range(40)))
    opened = imports.announce(data, 40)
    imports.put(opened.upload_id, data)
    (message,) = imports.queue.messages
    commit = world.documents.commit

    def crash(documents: Any) -> None:
        if any(document.key.sk.startswith("W#") for document in documents):
            raise StoreFailed("the worker dies")
        commit(documents)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.documents, "commit", crash)
        with pytest.raises(StoreFailed):
            imports.one(message)
    imports.one(message)
    view = imports.look(opened.upload_id)
    upload = view.upload
    assert (upload.accepted, upload.rejected) == (32, 8)


def test_a_file_with_too_many_such_recipients_is_refused(
    world: World, imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duecare.usecases.imports.ingest.MAX_CROWDED", 2)
    crowd = [row for n in range(3) for row in rows(world, range(33), recipient=recipient(n))]
    view = imports.debts(crowd)
    upload = view.upload
    assert upload.state == "refused"
    assert upload.problem is not None
    assert upload.problem.name == "too-many-debts"


def test_a_debt_that_leaves_is_nothing_to_the_log() -> None:
    """The table deletes it, which the stream tells. No record is missing then, and none is added."""
    world = LoggedWorld().honest()
    decided = world.verify(message_id="m")
    world.sequenced()
    before = world.entries()
    world.now = world.table.expires[key(world, "A-1")]
    world.table.remove(key(world, "A-1"))
    world.sequenced()
    world.swept()
    assert [entry for entry in world.entries() if entry.kind in ("statement", "decision")] == [
        entry for entry in before if entry.kind in ("statement", "decision")
    ]
    assert world.case_file(decided)
