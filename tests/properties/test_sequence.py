"""The sequencer under everything at once, in any order: writers, shards that split and are forgotten, changes that come
late or twice, sequencers that stop in the middle of a write, or are overtaken there by another one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from duecare.ports import Document, Key
from duecare.usecases import table
from duecare.usecases.log import decision_pages as listing
from duecare.usecases.log import sequencer as sequence
from duecare.usecases.log import sweep
from duecare.usecases.log.head import load
from duecare.usecases.log.loggable import loggable
from duecare.usecases.verify.stored_decision import pack, unpack
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.item_keys import LOGGED_PREFIXES
from duecare_core.evidence.log.note import Checkpoint
from tests.support.logs import LoggedWorld

HOUR = timedelta(hours=1)


_WORLD = LoggedWorld()
_WORLD.honest()
_DECISION = _WORLD.verify(message_id="m")
_STATEMENT = next(one for one in _WORLD.table.everything() if one.key.pk.startswith("S#"))


class Crash(Exception):
    """The process is gone."""


class Fate:
    """The faults of one run, by the number of the write and whether they occur before or after it."""

    def __init__(self, at: dict[tuple[int, bool], Callable[[], None]], rng: random.Random) -> None:
        self.at, self.rng, self.count = at, rng, 0

    def write(self, work: Callable[[], Any]) -> Any:
        number, self.count = self.count, self.count + 1
        self.at.get((number, False), _nothing)()
        done = work()
        self.at.get((number, True), _nothing)()
        return done

    def shuffled(self, things: Iterable[Any]) -> list[Any]:
        all_ = list(things)
        self.rng.shuffle(all_)
        return all_


class Fated:
    """One adapter of the world. Parallel writes are made one by one, in any order."""

    def __init__(self, part: Any, fate: Fate) -> None:
        self._part, self._fate = part, fate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    def commit(self, documents: Any) -> None:
        self._fate.write(lambda: self._part.commit(documents))

    def write(self, objects: dict[str, bytes]) -> None:
        for name, data in self._fate.shuffled(objects.items()):
            self._fate.write(lambda name=name, data=data: self._part.write({name: data}))

    def put_locked(self, objects: dict[str, bytes], until: Any) -> None:
        for name, data in self._fate.shuffled(objects.items()):
            self._fate.write(lambda name=name, data=data: self._part.put_locked({name: data}, until))

    def put(self, entries: Sequence[Any]) -> None:
        for entry in self._fate.shuffled(entries):
            self._fate.write(lambda entry=entry: self._part.put([entry]))

    def expire(self, expiries: Sequence[Any]) -> None:
        for one in self._fate.shuffled(expiries):
            self._fate.write(lambda one=one: self._part.expire([one]))

    def publish(self, *asked: Any) -> Any:
        return self._fate.write(lambda: self._part.publish(*asked))

    def delete(self, name: str) -> None:
        self._fate.write(lambda: self._part.delete(name))


class Weather(LoggedWorld):
    """A table that is written to, and the invariants of its log, checked after every step."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = random.Random(seed)
        self.written: dict[tuple[str, str, str], Document] = {}
        self.held: list[tuple[Key, Document | None]] = []
        self.hold = False
        self.lossy = False
        self.ordered = True
        self.published: list[Checkpoint] = []
        self.number = 0
        self.positions: dict[str, str] = {}
        self.table.page_size = self.rng.choice([1, 3, 1000])
        add, shards = self.stream.add, self.stream.shards
        self.stream.shards = lambda: self.rng.sample(shards(), len(shards()))  # type: ignore[method-assign]

        def delivered(key: Key, document: Document | None) -> None:
            record = loggable(document, self.now) if document else None
            if record and document:
                self.written[tuple(record.identity)] = document  # type: ignore[index]
            if self.hold and key != table.LOG_HEAD:
                self.held.append((key, document))
            else:
                add(key, document)

        self._add = add
        self.stream.add = delivered  # type: ignore[method-assign]
        for one in self.table.everything():
            if one.key.pk.startswith(LOGGED_PREFIXES):
                self.written[tuple(loggable(one, self.now).identity)] = one  # type: ignore[union-attr,index]
        self.kept = [self.sequencer(), self.sequencer()]

    # The steps

    def decide(self) -> None:
        self.number += 1
        record = structs.replace(
            _DECISION.record, decision_id=f"{self.number:026}", at=self.now, message_id=str(self.number)
        )
        self.table.commit([pack(record, _DECISION.envelope, _DECISION.inputs, self.decision_seal(record), None)])

    def renew(self) -> None:
        """Another version of a decision."""
        found = [one for one in self.table.everything() if one.key.pk.startswith("X#")]
        if not found:
            return
        old = self.rng.choice(found)
        record, envelope, inputs, _ = unpack(old, self.inputs_key)
        self.number += 1
        again = structs.replace(record, attempt=record.attempt + 1, at=self.now, salt=str(self.number))
        self.table.commit([pack(again, envelope, inputs, self.decision_seal(again), old)])

    def state(self) -> None:
        self.number += 1
        sealed = str(self.number).encode()
        body = table.read(_STATEMENT, dict) | {"sealed_sha256": digest(sealed)}
        noise = Document(Key(f"R#{self.number}", "L"), 1, b"{}")
        self.table.commit([table.write(table.statement(digest(sealed)), None, body, sealed), noise])

    def halt(self) -> None:
        self.number += 1
        self.operate.halt_everything(on=self.number % 2 == 0)

    def split(self) -> None:
        self.stream.split(self.rng.randrange(1, 4) if len(self.stream.shards()) < 100 else 1)

    def withhold(self) -> None:
        """The stream withholds everything that is written from now on, so a sweep may see it first."""
        self.hold, self.ordered = True, False

    def deliver(self) -> None:
        """The withheld changes arrive in order, and some earlier ones arrive again."""
        self.hold = False
        held, self.held = self.held, []
        for change in held:
            self._add(*change)

    def repeat(self) -> None:
        for document in self.rng.sample(list(self.written.values()), min(3, len(self.written))):
            self._add(document.key, document)

    def a_day(self) -> None:
        """The stream deletes older records. DynamoDB closes every shard after about four hours, idle or not."""
        self.deliver()
        for hour in range(26):
            self.now += HOUR
            if hour % 4 == 0:
                self.stream.split(1)
            self.run(to_the_end=True)
        before = self.now - 24 * HOUR
        for shard in [one.id for one in self.stream.shards()]:
            young = sum(change.at >= before for change in self.stream._shards[shard])
            self.stream.trim(shard, young)

    def cut(self) -> None:
        """The stream deletes records that may not have been read."""
        self.lossy = True
        shard = self.rng.choice(self.stream.shards()).id
        self.stream.trim(shard, self.rng.randrange(3))

    def some_minutes(self) -> None:
        self.now += timedelta(minutes=self.rng.randrange(1, 15))

    # Sequencers

    def run(self, *, to_the_end: bool = False, sequencer: sequence.Sequencer | None = None) -> None:
        """Run an existing sequencer or a new one, to its end or until its time runs out."""
        one = sequencer or self.rng.choice([*self.kept, self.sequencer()])
        one(lambda: to_the_end or self.rng.random() < 0.8)
        self.look()

    def stopped(self) -> None:
        self.fated({(self.rng.randrange(25), self.rng.random() < 0.5): _crash})

    def overtaken(self) -> None:
        """At a write another one runs, to its end or until it stops as well."""
        other = (
            self.stopped if self.rng.random() < 0.3 else lambda: self.run(to_the_end=True, sequencer=self.sequencer())
        )
        at = {(self.rng.randrange(20), self.rng.random() < 0.5): other for _ in range(self.rng.randrange(1, 4))}
        if self.rng.random() < 0.3:
            at[(self.rng.randrange(30), self.rng.random() < 0.5)] = _crash
        self.fated(at)

    def another(self) -> None:
        self.run(to_the_end=True, sequencer=self.sequencer())

    def fated(self, at: dict[tuple[int, bool], Callable[[], None]]) -> None:
        fate = Fate(at, self.rng)
        named = {"documents": self.table, "log_index": self.table, "files": self.files, "archive": self.archive}
        with suppress(Crash):
            self.sequencer(**{name: Fated(part, fate) for name, part in named.items()})(lambda: True)
        self.look()

    # The invariants

    def look(self) -> None:
        """After every step: no position moves back, and the published log only grows."""
        self.read_on()
        self.nothing_leaves_too_soon()
        if "checkpoint" not in self.files.objects:
            return
        now = self.checkpoint()
        if self.published and self.published[-1] == now:
            return
        assert not self.published or self.published[-1].size < now.size, "the checkpoint went back"
        for earlier in self.published:
            self.grew_from(earlier)
        self.published.append(now)

    def read_on(self) -> None:
        standing = load(self.table)
        after = standing.head.positions if standing else {}
        for shard, position in self.positions.items():
            if not self.lossy and shard in after:
                assert after[shard] >= position, "a shard is read again"  # "end" is after any number
        self.positions = after

    def settle(self) -> None:
        self.deliver()
        # A sweep that may have been under way, one that finds records without an entry, one that lets these expire.
        for _ in range(3):
            self.now += sequence.SWEEP_EVERY
            for _ in range(3):
                self.now += sequence.SUSPECT_FOR
                for one in self.kept:
                    one(lambda: True)
        self.look()
        standing = load(self.table)
        assert standing
        head = standing.head
        entries = self.entries()
        counted = Counter((one.kind, one.id, one.record_sha256) for one in entries)
        assert [one for one, count in counted.items() if count > 1] == []
        current = [loggable(one, self.now) for one in self.table.everything()]
        stands = {tuple(one.identity) for one in current if one}
        must = stands if self.lossy else set(self.written)
        assert must <= set(counted) <= set(self.written)
        assert self.lossy or head.trimmed == 0
        assert (head.size, head.staged) == (len(entries), "")
        assert head.sweep is None
        self.everything_is_marked()
        if self.ordered and not self.lossy:
            self.in_order(entries)

    def in_order(self, entries: Sequence[Any]) -> None:
        """Versions of one document have their entries in the order in which they were written."""
        versions = [int(one.id.partition("/")[2]) for one in entries if one.id.startswith("*/")]
        assert versions == sorted(versions)


def _nothing() -> None:
    pass


def _crash() -> None:
    raise Crash


_STEPS = (
    *("decide", "decide", "decide", "renew", "renew", "state", "state", "halt"),
    *("run", "stopped", "stopped", "stopped", "overtaken", "overtaken", "overtaken"),
    *("split", "repeat", "withhold", "deliver", "some_minutes"),
)


_LIMITS = st.sampled_from([3, 20, 2000])


def _go(weather: Weather, steps: list[str], limit: int) -> None:
    small = {
        sequence: {"MAX_CHANGES": limit, "MAX_UNPRODUCTIVE": 2 * limit},
        listing: {"MAX_PAGE": 2},
        sweep: {"MAX_SUSPECTS": limit},
    }
    with ExitStack() as patched:
        for module, numbers in small.items():
            patched.enter_context(patch.multiple(module, **numbers))
        for step in steps:
            getattr(weather, step)()
        weather.settle()


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from((*_STEPS, "a_day")), max_size=40), limit=_LIMITS)
def test_every_record_has_one_entry_in_one_log_under_any_faults(seed: int, steps: list[str], limit: int) -> None:
    _go(Weather(seed), steps, limit)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from((*_STEPS, "cut", "cut")), max_size=40), limit=_LIMITS)
def test_every_stored_record_has_one_entry_even_if_stream_changes_are_lost(
    seed: int, steps: list[str], limit: int
) -> None:
    _go(Weather(seed), steps, limit)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), limit=_LIMITS)
def test_versions_of_one_document_have_their_entries_in_their_order(seed: int, limit: int) -> None:
    """Shards split all the time, and are listed in any order."""
    weather = Weather(seed)
    steps = weather.rng.choices(["halt"] * 6 + ["split", "run", "stopped", "overtaken"], k=50)
    _go(weather, steps, limit)
    assert weather.ordered
