"""Batches: each message is answered as if it were asked about alone, in order."""

from __future__ import annotations

from typing import Any

import pytest

from duecare.ports import Situation, Write, WriteConflict
from duecare_core.errors import Conflict, NotAllowed, StoreFailed, Unacceptable
from tests.support.memory import MemoryTable
from tests.support.world import CASE_TEXT, DAY, World, message


class Counting(MemoryTable):
    """Counts the partitions and the keys of each load."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[tuple[int, int]] = []

    def load(self, pks: Any, keys: Any, meanwhile: Any = None) -> Situation:
        self.loads.append((len(pks), len(set(keys))))
        return super().load(pks, keys, meanwhile)


def number(n: int) -> str:
    return f"+86138123{n:05}"


@pytest.fixture
def world() -> World:
    table = Counting()
    return World(table, table).honest()


def test_the_order_is_kept_and_each_has_its_own_answer(world: World) -> None:
    messages = [message(message_id=f"m-{n}", recipient=number(45678 + n % 2 * 7 + n)) for n in range(60)]
    results = world.verify_many(*messages)
    assert [result.record.message_id for result in results] == [one.message_id for one in messages]
    assert results[0].record.decision == "allow"
    assert {result.record.decision for result in results[1:]} == {"deny"}


def test_messages_share_round_trips_and_each_wave_reads_the_parties_again(world: World) -> None:
    world.decisions.loads.clear()
    world.verify_many(*(message(message_id=f"m-{n}", recipient=number(n)) for n in range(50)))
    assert world.decisions.loads == [(25, 6), (25, 6)]


def test_a_message_id_twice_in_one_batch_is_answered_as_the_single_route_would(world: World) -> None:
    first, again, other = world.verify_many(
        message(message_id="m"), message(message_id="m"), message(message_id="m", text=CASE_TEXT + "。")
    )
    assert (first.replayed, again.replayed) == (False, True)
    assert again.record == first.record
    assert isinstance(other, Conflict)


def test_an_invalid_message_does_not_affect_the_others(world: World) -> None:
    results = world.verify_many(
        message(message_id="m-1", recipient="+1202555"),
        message(message_id="m-2"),
        message(message_id="m-3", send_at=world.now - DAY),
        message(message_id="m-4", creditor="nobody"),
    )
    assert isinstance(results[0], Unacceptable)
    assert results[1].record.decision == "allow"
    assert isinstance(results[2], Unacceptable)
    assert results[3].record.decision == "deny"


def test_a_record_that_cannot_be_stored_fails_its_message_only(world: World) -> None:
    record = world.decisions.record

    def failing(writes: list[Write]) -> list[WriteConflict | StoreFailed | None]:
        return [StoreFailed("x") if n == 1 else record([one])[0] for n, one in enumerate(writes)]

    world.decisions.record = failing
    results = world.verify_many(*(message(message_id=f"m-{n}", recipient=number(n)) for n in range(3)))
    assert [isinstance(result, StoreFailed) for result in results] == [False, True, False]


def test_a_later_read_failure_keeps_earlier_results(world: World) -> None:
    load, loads = world.decisions.load, iter([None, StoreFailed("x")])

    def failing(pks: Any, keys: Any, **how: Any) -> Situation:
        failed = next(loads)
        if failed:
            raise failed
        return load(pks, keys, **how)

    world.decisions.load = failing
    results = world.verify_many(*(message(message_id=f"m-{n}", recipient=number(n)) for n in range(30)))
    assert [isinstance(result, StoreFailed) for result in results] == [False] * 25 + [True] * 5


def test_a_caller_without_the_role_gets_no_results(world: World) -> None:
    with pytest.raises(NotAllowed):
        world.verify_many(message(), gateway="mou-zichan")
