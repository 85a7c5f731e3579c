"""The sequencer stopped before and after every single write, several at once, over a stream that is split, and cut:
every record has exactly one entry, and every checkpoint that was ever published is consistent with every later one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare.usecases import table
from duecare.usecases.log import sequencer as sequence
from duecare.usecases.log.head import load
from duecare.usecases.log.loggable import loggable
from duecare_core.errors import StoreFailed, VersionConflict
from duecare_core.evidence.item_keys import LOGGED_PREFIXES
from duecare_core.evidence.log.entry import Entry
from duecare_core.evidence.log.note import Checkpoint
from tests.support.logs import LoggedWorld
from tests.support.world import RECIPIENT, stamp

WRITES = ("commit", "write", "publish", "delete", "put_locked", "put", "expire")


class Crash(Exception):
    """The process is gone."""


class Fault:
    """Counts writes, and fails the chosen one before or after it is stored."""

    def __init__(self, at: int = -1, *, stored: bool = False, error: type[Exception] = Crash) -> None:
        self.at, self.stored, self.error = at, stored, error
        self.count = 0

    def on(self, part: Any) -> Any:
        return _Faulty(part, self)


class _Faulty:
    """A port whose writes may fail."""

    def __init__(self, part: Any, fault: Fault) -> None:
        self._part, self._fault = part, fault

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._part, name)
        if name not in WRITES:
            return work

        def done(*args: Any) -> Any:
            fault = self._fault
            number = fault.count
            fault.count += 1
            if number == fault.at and not fault.stored:
                raise fault.error(name)
            result = work(*args)
            if number == fault.at:
                raise fault.error(name)
            return result

        return done


class Watched(LoggedWorld):
    """Remembers every checkpoint that was published."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[Checkpoint] = []

    def sequencer(self, **parts: Any) -> sequence.Sequencer:
        fault = parts.pop("fault", Fault())
        named = {"documents": self.table, "log_index": self.table, "files": self.files, "archive": self.archive}
        return super().sequencer(**{name: fault.on(part) for name, part in named.items()}, **parts)

    def look(self) -> None:
        self.nothing_leaves_too_soon()
        if "checkpoint" in self.files.objects:
            self.published.append(self.checkpoint())

    def some_records(self, number: int = 0) -> None:
        """A few of every kind."""
        self.now += timedelta(seconds=1)
        self.verify(message_id=f"m-{number}")
        self.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="other-bank", received_at=stamp(self.now))

    def settled(self) -> None:
        """Assert the invariants of the log."""
        self.sequencer()(lambda: True)
        self.look()
        self.swept()
        entries = self.entries()
        assert Counter(map(_named, entries)) == Counter(map(_named, self.expected()))
        for earlier in self.published:
            self.grew_from(earlier)
        assert [one.size for one in self.published] == sorted(one.size for one in self.published)
        assert not [name for name in self.files.objects if name.startswith("staging/") and name == self.head().staged]
        assert self.head().staged == ""
        self.everything_is_marked()

    def expected(self) -> Iterator[Entry]:
        """An entry for every version of every record that was ever written."""
        for change in self.changes:
            record = loggable(change, self.now)
            if record:
                yield Entry(*record.identity, record.at)

    @property
    def changes(self) -> list[Any]:
        return self._changes

    def head(self) -> Any:
        standing = load(self.table)
        assert standing
        return standing.head


def _named(entry: Entry) -> tuple[str, str, str]:
    return entry.kind, entry.id, entry.record_sha256


@pytest.fixture
def world() -> Watched:
    return watched()


def watched() -> Watched:
    """Remembers every document written to the table, whatever happens to the stream."""
    world = Watched()
    changes: list[Any] = [one for one in world.table.everything() if one.key.pk.startswith(LOGGED_PREFIXES)]
    add = world.stream.add

    def remembered(key: Any, document: Any) -> None:
        if document is not None and key.pk.startswith(LOGGED_PREFIXES):
            changes.append(document)
        add(key, document)

    world.stream.add = remembered  # type: ignore[method-assign]
    world._changes = changes  # type: ignore[attr-defined]
    world.honest()
    return world


def writes_of_a_run() -> list[str]:
    """The number of writes of a run with records to log, from an empty log."""
    world = watched()
    fault = Fault()
    world.sequencer(fault=fault)(lambda: True)
    world.some_records()
    world.sequencer(fault=fault)(lambda: True)
    return [str(number) for number in range(fault.count)]


@pytest.mark.parametrize("stored", [False, True], ids=["not stored", "stored"])
@pytest.mark.parametrize("error", [Crash, StoreFailed, VersionConflict], ids=["crash", "error", "refused"])
@pytest.mark.parametrize("at", writes_of_a_run())
def test_after_a_crash_at_any_write_the_next_run_recovers(
    world: Watched, at: str, error: type[Exception], stored: bool
) -> None:
    # "refused", though stored: the write's answer was lost, it was tried again, and met itself.
    fault = Fault(int(at), stored=stored, error=error)
    for number in range(2):
        try:
            world.sequencer(fault=fault)(lambda: True)
        except (Crash, StoreFailed):
            world.look()
        world.look()
        world.some_records(number)
    assert fault.count > fault.at, "the write was never reached"
    world.settled()


def test_the_crashes_cover_every_kind_of_write(world: Watched) -> None:
    seen: list[str] = []

    class Named(Fault):
        def on(self, part: Any) -> Any:
            outer = super().on(part)

            class Wrapped:
                def __getattr__(self, name: str) -> Any:
                    if name in WRITES:
                        seen.append(name)
                    return getattr(outer, name)

            return Wrapped()

    world.sequencer(fault=Named())(lambda: True)
    assert set(seen) == set(WRITES)


def test_repeated_crashes_are_recovered_from(world: Watched) -> None:
    rng = random.Random(7)
    for number in range(40):
        world.some_records(number)
        fault = Fault(rng.randrange(9), stored=rng.random() < 0.5)
        with suppress(Crash):
            world.sequencer(fault=fault)(lambda: True)
        world.look()
    world.settled()


def interleaved(world: Watched, order: list[int], runs: int) -> None:
    """Sequencers that take turns at every write, in this order."""
    import threading  # noqa: PLC0415

    turns, done = threading.Condition(), [False] * runs
    state = {"turn": -1}
    mine = threading.local()

    def wait() -> None:
        me = getattr(mine, "number", None)
        if me is None:
            return
        with turns:
            state["turn"] = -1
            turns.notify_all()
            turns.wait_for(lambda: state["turn"] == me)

    class Turn(Fault):
        def on(self, part: Any) -> Any:
            return _Turning(part, wait)

    def run(number: int) -> None:
        mine.number = number
        wait()
        try:
            world.sequencer(fault=Turn())(lambda: True)
        finally:
            with turns:
                done[number] = True
                state["turn"] = -1
                turns.notify_all()

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(runs)]
    for thread in threads:
        thread.start()
    pending = iter(order)
    while not all(done):
        number = next(pending, None)
        if number is None:
            number = done.index(False)
        if done[number]:
            continue
        with turns:
            turns.wait_for(lambda: state["turn"] == -1)
            state["turn"] = number
            turns.notify_all()
            turns.wait_for(lambda number=number: state["turn"] != number or done[number])
        world.look()
    for thread in threads:
        thread.join()


class _Turning:
    def __init__(self, part: Any, wait: Callable[[], None]) -> None:
        self._part, self._wait = part, wait

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._part, name)
        if name not in WRITES:
            return work

        def done(*args: Any) -> Any:
            self._wait()
            return work(*args)

        return done


@settings(max_examples=60, deadline=None)
@given(order=st.lists(st.integers(0, 2), max_size=60))
def test_concurrent_sequencers_give_each_record_one_entry(order: list[int]) -> None:
    world = watched()
    world.some_records()
    interleaved(world, order, runs=3)
    world.some_records(1)
    world.settled()


def test_a_split_is_read_parent_first_and_nothing_twice(world: Watched) -> None:
    for number in range(6):
        world.some_records(number)
        if number in (1, 3):
            world.stream.split()
        if number == 4:
            world.sequencer()(lambda: True)
    world.settled()


def test_versions_of_one_document_keep_their_order_over_a_split(world: Watched) -> None:
    for number in range(5):
        world.operate.suspend("keji") if number % 2 else world.operate.resume("keji")
        world.operate.halt_everything(on=number % 2 == 0)
        world.stream.split()
    world.settled()
    for party in ("keji", "*"):
        versions = [int(entry.id.rpartition("/")[2]) for entry in world.entries() if entry.id.startswith(f"{party}/")]
        assert versions == list(range(1, len(versions) + 1))
        assert len(versions) > 2


def test_a_second_run_over_the_same_stream_adds_nothing(world: Watched) -> None:
    world.sequencer()(lambda: True)
    size = world.checkpoint().size
    for _ in range(3):
        assert world.sequencer()(lambda: True).added == 0
    assert world.checkpoint().size == size
    world.settled()


def test_an_idle_run_writes_nothing(world: Watched) -> None:
    world.sequencer()(lambda: True)
    sequencer = world.sequencer(fault=(fault := Fault()))
    sequencer(lambda: True)
    first = fault.count
    sequencer(lambda: True)
    assert fault.count == first == 1  # a new process puts the rules into the archive


def test_trimmed_changes_are_counted_and_swept(world: Watched) -> None:
    world.sequencer()(lambda: True)
    world.some_records()
    world.stream.trim("0")
    sequencer = world.sequencer()
    passed = sequencer(lambda: True)
    assert (passed.trimmed, passed.swept) == (1, 0)
    world.now += sequence.SUSPECT_FOR
    passed = sequencer(lambda: True)
    assert passed.swept > 0
    assert world.head().trimmed == 1
    world.settled()


def test_a_shard_trimmed_before_it_was_read_is_counted(world: Watched) -> None:
    world.sequencer()(lambda: True)
    world.some_records()
    world.stream.split()
    world.stream.trim("0")
    sequencer = world.sequencer()
    assert sequencer(lambda: True).trimmed == 1
    world.now += sequence.SUSPECT_FOR
    sequencer(lambda: True)
    world.settled()


def test_a_sweep_does_not_log_a_record_whose_change_is_still_in_the_stream(world: Watched) -> None:
    """The scan sees the record without an entry; its change arrives before the second look."""
    world.sequencer()(lambda: True)
    world.now += sequence.SWEEP_EVERY
    held: list[tuple[Any, Any]] = []
    add, world.stream.add = world.stream.add, lambda key, document: held.append((key, document))  # type: ignore[method-assign]
    world.some_records()
    world.stream.add = add  # type: ignore[method-assign]
    sequencer = world.sequencer()
    assert sequencer(lambda: True).swept == 0
    for key, document in held:
        world.stream.add(key, document)
    world.now += sequence.SUSPECT_FOR
    assert sequencer(lambda: True).swept == 0
    world.settled()


def test_two_concurrent_sweeps_give_one_entry(world: Watched) -> None:
    world.sequencer()(lambda: True)
    world.some_records()
    world.stream.trim("0")
    both = [world.sequencer(), world.sequencer()]
    for _ in range(2):
        for one in both:
            one(lambda: True)
        world.now += sequence.SUSPECT_FOR
    world.settled()


def test_an_unreadable_record_does_not_block_the_others(world: Watched) -> None:
    world.sequencer()(lambda: True)
    broken = world.table.everything()[0]._replace(key=table.decision("a" * 26), version=1, sealed=b"junk")
    world.table.commit([broken])
    world.some_records()
    assert world.sequencer()(lambda: True).unreadable == 1
    assert "a" * 26 not in {entry.id for entry in world.entries()}


def test_a_run_stops_when_the_time_is_up_and_the_next_continues(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence, "MAX_CHANGES", 3)
    passed = world.sequencer()(lambda: False)
    assert (passed.added, passed.size) == (3, 3)
    world.look()
    world.settled()


def test_a_sequencer_with_another_key_is_rejected(world: Watched) -> None:
    from duecare_core.errors import SecretsFailed  # noqa: PLC0415
    from duecare_core.evidence.log.note import LogKey  # noqa: PLC0415

    world.sequencer()(lambda: True)
    other = world.sequencer()
    other._key = LogKey("duecare.example/log", b"o" * 32)
    with pytest.raises(SecretsFailed):
        other(lambda: True)
