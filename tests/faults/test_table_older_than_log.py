"""A table that is older than its published log, or of another log: the sequencer signs nothing until an operator has
resumed the log, and then the log extends what was published."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare.ports import LogFiles
from duecare.usecases import table
from duecare.usecases.log import resume
from duecare.usecases.log import sequencer as sequence
from duecare.usecases.log.head import Head, load
from duecare.usecases.log.loggable import loggable
from duecare.usecases.log.resume import LostRecord, ResumeDeps, ResumeLog
from duecare_core.errors import CannotDecide, Conflict, LogDiverged, StoreFailed
from duecare_core.evidence.item_keys import LOGGED_PREFIXES
from duecare_core.evidence.log.entry import read_entry
from duecare_core.evidence.log.merkle import EMPTY_ROOT
from duecare_core.evidence.log.note import Checkpoint, LogKey, parse_checkpoint
from duecare_core.evidence.stored import _KINDS
from tests.faults.test_sequencer import interleaved, watched
from tests.support.logs import LOG_KEY, ORIGIN, RETENTION, TABLE_RETENTION, LoggedWorld
from tests.support.memory import MemoryStream
from tests.support.world import RECIPIENT, stamp


class RestorableWorld(LoggedWorld):
    """Its table can be copied and rolled back. `signed`: every checkpoint that the log's key has signed."""

    def __init__(self) -> None:
        super().__init__()
        self.signed: list[Checkpoint] = []
        self._number = 0

    def sequencer(self, **parts: Any) -> sequence.Sequencer:
        made = super().sequencer(**parts)
        signed = self.signed

        class NotedKey(LogKey):
            def sign(self, text: str) -> str:
                signed.append(Checkpoint(ORIGIN, int(text.split("\n")[1]), b""))
                return super().sign(text)

        made._key = NotedKey(ORIGIN, b"l" * 32)
        return made

    def records(self, count: int = 3) -> None:
        for _ in range(count):
            self._number += 1
            self.now += timedelta(seconds=1)
            self.verify(message_id=f"m-{self._number}")
            self.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="other-bank", received_at=stamp(self.now))

    def snapshot(self) -> Any:
        return copy.copy(self.table._documents), copy.copy(self.table.expires)

    def roll_back(self, snapshot: Any) -> None:
        """The table as it was, with a new stream, as DynamoDB restores a table."""
        documents, expires = snapshot
        self.table._documents, self.table.expires = copy.copy(documents), copy.copy(expires)
        self.stream = MemoryStream(lambda: self.now)
        self.table._stream = self.stream

    def resume(self, size: int | None = None) -> list[LostRecord]:
        """All ranges, one after the other."""
        deps = ResumeDeps(self.table, self.files, self.table, self.clock)
        step = ResumeLog(deps, LOG_KEY.verifier_key, kept_for=RETENTION + TABLE_RETENTION)
        lost: list[LostRecord] = []
        for _ in range(1000):
            report = step(self.checkpoint().size if size is None else size)
            lost += report.lost
            if report.done:
                return lost
        raise AssertionError("it does not end")

    def head(self) -> Head:
        current = load(self.table)
        assert current
        return current.head

    def stopped(self) -> LogDiverged:
        """Assert that a run of the sequencer changes neither log nor head, and signs nothing."""
        before, head, signed = dict(self.files.objects), load(self.table), len(self.signed)
        with pytest.raises(LogDiverged) as raised:
            self.sequenced()
        assert (self.files.objects, load(self.table)) == (before, head)
        assert len(self.signed) == signed
        return raised.value

    def whole(self, earlier: Checkpoint) -> None:
        """Assert that the log extends an earlier checkpoint, and has one entry for each record of the table."""
        self.sequenced()
        self.swept()
        self.grew_from(earlier)
        entries = Counter((one.kind, one.id, one.record_sha256) for one in self.entries())
        assert [one for one, count in entries.items() if count > 1] == []
        found = [one for one in self.table.everything() if one.key.pk.startswith(LOGGED_PREFIXES)]
        stored = {record.identity for one in found if (record := loggable(one, self.now))}
        assert {tuple(one) for one in stored} <= set(entries)
        listed = Counter(one.index for one in self.listed())
        assert [one for one, count in listed.items() if count > 1] == []


@pytest.fixture
def world() -> RestorableWorld:
    world = RestorableWorld()
    world.honest()
    world.sequenced()
    return world


# A table that is older


def test_a_table_that_was_rolled_back_behind_the_log_signs_nothing(world: RestorableWorld) -> None:
    old = world.snapshot()
    world.records()
    world.sequenced()
    published = world.checkpoint()
    world.roll_back(old)
    world.records()
    diverged = world.stopped()
    assert diverged.reason == "the table is older than the published log"
    assert (diverged.head_size, diverged.published_size) == (world.head().size, published.size)
    world.now += timedelta(days=2)  # nor does a heartbeat or a sweep move the head
    world.stopped()


def test_a_rolled_back_table_that_has_as_many_entries_again_signs_nothing(world: RestorableWorld) -> None:
    """The attack of a second history of the same size: another head with as many entries as were published."""
    world.records()
    world.sequenced()
    current = load(world.table)
    assert current
    other = table.write(table.LOG_HEAD, current.document, _with(current.head, root=b"x".hex() * 32))
    world.table.commit([other])
    assert world.stopped().reason == "the table has another history than the published log"


def test_a_larger_head_of_another_history_signs_nothing(world: RestorableWorld) -> None:
    """Its staged move is whole, but was made on another tree than the published one."""
    old = world.snapshot()
    world.records(1)
    world.sequenced()
    published = world.files.objects["checkpoint"]
    # The second history is made where the first one is not seen.
    world.roll_back(old)
    first, world.files.objects = world.files.objects, dict(_log_of(world, old))
    world.records(4)

    class Stopped(LogFilesOf):
        def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
            raise StoreFailed("no answer")

    with pytest.raises(StoreFailed):
        world.sequencer(files=Stopped(world.files))(lambda: True)
    staged = {name: data for name, data in world.files.objects.items() if name.startswith("staging/")}
    assert staged
    assert world.head().staged
    world.files.objects = first | staged
    assert world.head().size > world.checkpoint().size
    assert world.stopped().reason == "the table has another history than the published log"
    assert world.files.objects["checkpoint"] == published


class LogFilesOf:
    """A port that passes everything on."""

    def __init__(self, files: LogFiles) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


def _log_of(world: RestorableWorld, snapshot: Any) -> dict[str, bytes]:
    """The published log as it was at this snapshot of the table."""
    head = table.read(snapshot[0][table.LOG_HEAD], Head)
    objects = dict(world.files.objects)
    text = Checkpoint(ORIGIN, head.size, bytes.fromhex(head.root)).text()
    return objects | {"checkpoint": LOG_KEY.sign(text).encode()}


def _with(head: Head, **members: Any) -> Head:
    from msgspec import structs  # noqa: PLC0415

    return structs.replace(head, **members)


def test_a_table_without_a_head_does_not_begin_a_second_log(world: RestorableWorld) -> None:
    world.records()
    world.sequenced()
    size = world.checkpoint().size
    world.roll_back(({}, {}))
    world.honest()
    with pytest.raises(LogDiverged) as raised:
        world.sequenced()
    assert load(world.table) is None
    assert (raised.value.head_size, raised.value.published_size) == (None, size)


def test_a_log_whose_checkpoint_is_gone_is_not_signed_again(world: RestorableWorld) -> None:
    """Only the checkpoint says which history was published."""
    checkpoint = world.files.objects.pop("checkpoint")
    world.records()
    assert world.stopped().reason == "the head has entries, and no checkpoint is published"
    world.files.objects["checkpoint"] = checkpoint
    assert world.sequenced().added > 0


@pytest.mark.parametrize(
    "checkpoint",
    [
        b"",
        b"\xff",
        b"junk",
        LogKey(ORIGIN, b"o" * 32).sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT).text()).encode(),
        LogKey("other.example", b"l" * 32).sign(Checkpoint("other.example", 0, EMPTY_ROOT).text()).encode(),
    ],
    ids=["empty", "bytes", "junk", "another key", "another log"],
)
def test_a_checkpoint_that_the_log_has_not_signed_is_not_replaced(world: RestorableWorld, checkpoint: bytes) -> None:
    world.files.objects["checkpoint"] = checkpoint
    world.records()
    assert world.stopped().reason == "the published checkpoint is not signed by this log's key"


def test_a_published_log_that_is_behind_the_head_is_published_again(world: RestorableWorld) -> None:
    """The bucket's object was put back to an earlier version: signing the head extends it."""
    earlier = world.files.objects["checkpoint"]
    before = world.checkpoint()
    world.records()
    world.sequenced()
    newest = world.checkpoint()
    world.files.objects["checkpoint"] = earlier
    world.sequenced()
    assert world.checkpoint() == newest
    world.whole(before)


# Crashes and concurrent sequencers


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_crash_around_the_publication_is_recovered_from(world: RestorableWorld, at: str) -> None:
    class Crash(Exception):
        pass

    class Stopped(LogFilesOf):
        def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
            if at == "after":
                assert self._files.publish(name, data, replaces)
            raise Crash

    before = world.checkpoint()
    world.records()
    with pytest.raises(Crash):
        world.sequencer(files=Stopped(world.files))(lambda: True)
    assert (world.checkpoint() == before) == (at == "before")
    world.whole(before)


def test_nothing_is_signed_for_a_head_that_was_not_stored(world: RestorableWorld) -> None:
    """Another sequencer moves the head between the staging and the move: a checkpoint of the rejected tree would be a
    second history."""
    world.records(1)
    write = world.files.write
    raced = False

    class Raced(LogFilesOf):
        def write(self, objects: dict[str, bytes]) -> None:
            nonlocal raced
            write(objects)
            if not raced and any(name.startswith("staging/") for name in objects):
                raced = True
                world.records(2)
                world.sequenced()

    before = world.checkpoint()
    world.sequencer(files=Raced(world.files))(lambda: True)
    assert raced
    sizes = {one.size for one in world.signed}
    heads = [before.size, before.size + 6, world.checkpoint().size]
    assert sizes <= {0, *heads}
    world.whole(before)


@settings(max_examples=40, deadline=None)
@given(order=st.lists(st.integers(0, 2), max_size=60))
def test_everything_that_concurrent_sequencers_sign_is_a_part_of_one_history(order: list[int]) -> None:
    """Also what they sign and then do not publish: a signature that leaves the process would prove a second history."""
    signed: list[Checkpoint] = []
    sign = LogKey.sign

    def noted(key: LogKey, text: str) -> str:
        signed.append(parse_checkpoint(text))
        return sign(key, text)

    with patch.object(LogKey, "sign", noted):
        world = watched()
        look, numbers = world.look, count(1)

        def busy() -> None:
            """Records keep coming, so two sequencers do not make the same tree."""
            look()
            if (number := next(numbers)) < len(order):
                world.some_records(number)

        world.look = busy  # type: ignore[method-assign]
        interleaved(world, order, runs=3)
        world.look = look  # type: ignore[method-assign]
        world.settled()
    assert signed
    for one in signed:
        world.grew_from(one)


def test_two_tables_on_one_bucket_never_publish_two_histories(world: RestorableWorld) -> None:
    """The old table and its restored copy are both written to by a sequencer."""
    other = RestorableWorld()
    other.files, other.archive, other.now, other.tokens = world.files, world.archive, world.now, world.tokens
    other.roll_back(world.snapshot())
    published = [world.checkpoint()]
    for number in range(6):
        one = (world, other)[number % 2]
        one.now = world.now + timedelta(seconds=1)
        one.records(1)
        with suppress(LogDiverged):
            one.sequenced()
        published.append(world.checkpoint())
    for earlier in published:
        world.grew_from(earlier)
    world.entries()
    assert other.stopped().published_size == world.checkpoint().size


# Resuming


def test_after_the_procedure_the_log_goes_on_and_extends_what_was_published(world: RestorableWorld) -> None:
    world.records()
    world.sequenced()
    old = world.snapshot()
    lost_from = world.checkpoint().size
    world.records(2)
    world.sequenced()
    published = world.checkpoint()
    world.roll_back(old)
    world.stopped()
    lost = world.resume()
    assert [one.index for one in lost] == list(range(lost_from, published.size))
    assert {one.kind for one in lost} == {"decision", "statement"}
    assert world.checkpoint() == published  # resuming signs nothing
    world.records(2)
    assert world.sequenced().added == 4
    world.whole(published)


def test_records_in_the_table_that_were_logged_after_its_head_get_no_second_entry(world: RestorableWorld) -> None:
    """A table is restored to a moment between the writing of records and their entries."""
    world.records(4)
    old = world.snapshot()
    world.sequenced()
    published = world.checkpoint()
    world.roll_back(old)
    world.stopped()
    assert world.resume() == []
    world.whole(published)
    world.everything_is_marked()


def test_a_registration_that_the_table_has_lost_is_named(world: RestorableWorld) -> None:
    old = world.snapshot()
    world.operate.suspend("keji")
    world.sequenced()
    world.roll_back(old)
    assert [(one.kind, one.id) for one in world.resume()] == [("party", "keji/2")]


def test_many_entries_are_resumed_in_ranges_that_can_be_repeated(
    world: RestorableWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "MAX_ENTRIES", 7)
    old = world.snapshot()
    for _ in range(40):
        world.records(4)
        world.sequenced()
    published = world.checkpoint()
    assert published.size > 256
    world.roll_back(old)
    deps = ResumeDeps(world.table, world.files, world.table, world.clock)
    step = ResumeLog(deps, LOG_KEY.verifier_key, kept_for=RETENTION + TABLE_RETENTION)
    assert not step(published.size).done
    world.stopped()  # halfway it is still older
    commit, failures = world.table.commit, iter([True, False, True])

    def failing(documents: Any) -> None:
        if next(failures, False):
            raise StoreFailed("no answer")
        commit(documents)

    monkeypatch.setattr(world.table, "commit", failing)
    for _ in range(3):
        with suppress(StoreFailed):
            step(published.size)
    lost = world.resume()
    assert lost
    assert world.head().size == published.size
    assert world.resume() == []
    world.whole(published)


@pytest.mark.parametrize("deleted", [True, False], ids=["staged object deleted", "staged object left"])
def test_a_table_restored_to_the_middle_of_a_move_is_resumed(world: RestorableWorld, deleted: bool) -> None:
    """Its head names a staged object, and the index of that move was not written yet."""
    taken: list[Any] = []

    class Taking(LogFilesOf):
        def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
            taken.append(world.snapshot())
            return bool(self._files.publish(name, data, replaces))

        def delete(self, name: str) -> None:
            if deleted:
                self._files.delete(name)

    world.records(3)
    world.sequencer(files=Taking(world.files))(lambda: True)
    world.records(1)
    world.sequenced()
    published = world.checkpoint()
    world.roll_back(taken[0])
    assert world.head().staged
    world.stopped()
    world.resume()
    world.whole(published)


def test_a_table_restored_to_the_middle_of_the_last_move_goes_on_by_itself_or_is_resumed(
    world: RestorableWorld,
) -> None:
    taken: list[Any] = []

    class Taking(LogFilesOf):
        def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
            taken.append(world.snapshot())
            return bool(self._files.publish(name, data, replaces))

    world.records(3)
    world.sequencer(files=Taking(world.files))(lambda: True)
    published = world.checkpoint()
    world.roll_back(taken[0])
    world.stopped()
    assert world.resume() == []
    world.whole(published)
    world.everything_is_marked()


def test_the_document_of_every_kind_of_entry_is_found(world: RestorableWorld) -> None:
    """A new kind of record needs its key in resume.py, or a log with such an entry cannot be resumed."""
    world.verify()
    world.erase(timedelta(0))(RECIPIENT)
    world.table.commit([table.write(table.void("keji", "abc"), None, {"any": 1})])
    found: set[str] = set()
    for document in world.table.everything():
        record = loggable(document, world.now) if document.key.pk.startswith(LOGGED_PREFIXES) else None
        if record:
            found.add(record.identity.kind)
            assert resume._document(read_entry(record.entry)) == (document.key, document.version)
    assert found == {"decision", *_KINDS.values()}


def _another_log(world: RestorableWorld) -> None:
    other = RestorableWorld()
    other.honest()
    other.verify(message_id="another")
    other.sequenced()
    world.table._documents[table.LOG_HEAD] = other.table._documents[table.LOG_HEAD]


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (lambda world: world.roll_back(({}, {})), "no head"),
        (_another_log, "no earlier state"),
        (lambda world: world.files.objects.pop("checkpoint"), "No checkpoint is published"),
        (lambda world: world.files.objects.update(checkpoint=b"junk"), "not signed by this log's key"),
    ],
    ids=["no head", "another log", "no checkpoint", "unsigned checkpoint"],
)
def test_a_table_of_another_log_is_not_resumed(
    world: RestorableWorld, change: Callable[[RestorableWorld], Any], refused: str
) -> None:
    world.records()
    world.sequenced()
    size = world.checkpoint().size
    change(world)
    before = load(world.table)
    with pytest.raises(Conflict, match=refused):
        world.resume(size)
    assert load(world.table) == before


def test_the_log_is_resumed_only_to_the_size_that_the_operator_has_read(world: RestorableWorld) -> None:
    old = world.snapshot()
    world.records()
    world.sequenced()
    size = world.checkpoint().size
    world.roll_back(old)
    for other in (0, size - 1, size + 1):
        with pytest.raises(Conflict, match=f"has {size} entries, not {other}"):
            world.resume(other)
    world.stopped()


def test_a_changed_entry_of_the_published_log_is_not_taken_over(world: RestorableWorld) -> None:
    old = world.snapshot()
    world.records()
    world.sequenced()
    world.roll_back(old)
    (name,) = [one for one in world.files.objects if one.endswith(f"entries/000.p/{world.checkpoint().size}")]
    data = world.files.objects[name]
    world.files.objects[name] = data[:-3] + b"9" + data[-2:]
    with pytest.raises(CannotDecide):
        world.resume()
    world.stopped()


# Objects that were published


def test_an_object_of_the_log_is_never_changed_or_deleted(world: RestorableWorld) -> None:
    """A partial tile, once published, can be fetched for ever: also after its full tile and after a restore."""
    seen: dict[str, bytes] = {}

    def look() -> None:
        now = {name: data for name, data in world.files.objects.items() if name.startswith("tile/")}
        assert {name: now.get(name) for name in seen} == seen
        seen.update(now)

    old = world.snapshot()
    for _ in range(45):
        world.records(3)
        world.sequenced()
        look()
    assert world.checkpoint().size > 256
    assert "tile/0/000" in seen
    assert len([name for name in seen if name.startswith("tile/0/000.p/")]) > 30
    world.roll_back(old)
    world.stopped()
    world.resume()
    world.records()
    world.sequenced()
    look()
