"""The sequencer in unusual conditions: changes delivered twice or late, trimmed shards, idle days, changed objects.
Crashes are tested in tests/faults/test_sequencer.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from duecare.ports import Document, Expiry
from duecare.usecases import table
from duecare.usecases.log import sequencer as sequence
from duecare.usecases.log import sweep
from duecare.usecases.log.head import Head, load
from duecare.usecases.log.loggable import EXPIRING, loggable
from duecare.usecases.log.stream_reader import read_on
from duecare.usecases.verify.stored_decision import summary, unpack
from duecare_core.errors import Contention, StoreFailed, VersionConflict
from duecare_core.evidence.item_keys import LOGGED_PREFIXES, RECIPIENT
from duecare_core.evidence.log.entry import unpack_entries
from duecare_core.evidence.log.merkle import edge, entries_path, leaf_hash
from duecare_core.evidence.record import as_json
from tests.support import memory
from tests.support.logs import RETENTION, TABLE_RETENTION, LoggedWorld

HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> LoggedWorld:
    world = LoggedWorld()
    world.honest()
    return world


def decide(world: LoggedWorld, number: int = 0) -> None:
    world.now += timedelta(seconds=1)
    world.verify(message_id=f"m-{number}")


def decisions(world: LoggedWorld) -> list[Document]:
    return [one for one in world.table.everything() if one.key.pk.startswith("X#")]


def doubled(world: LoggedWorld) -> list[Any]:
    entries = Counter((one.kind, one.id, one.record_sha256) for one in world.entries())
    return [one for one, count in entries.items() if count > 1]


def missing(world: LoggedWorld) -> set[tuple[str, str, str]]:
    """Records of the table without an entry."""
    standing = [loggable(one, world.now) for one in world.table.everything() if one.key.pk.startswith(LOGGED_PREFIXES)]
    named = {(one.identity.kind, one.identity.id, one.identity.record_sha256) for one in standing if one}
    return named - {(one.kind, one.id, one.record_sha256) for one in world.entries()}


def head(world: LoggedWorld) -> Head:
    standing = load(world.table)
    assert standing
    return standing.head


@contextmanager
def withheld(world: LoggedWorld) -> Iterator[list[Any]]:
    """Changes written meanwhile go into this list instead of the stream."""
    held: list[Any] = []
    add = world.stream.add
    world.stream.add = lambda *change: held.append(change)  # type: ignore[method-assign]
    yield held
    world.stream.add = add  # type: ignore[method-assign]


# Changes delivered twice, or late


@pytest.mark.parametrize("logged_before", [True, False], ids=["later", "in one batch"])
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=3)], ids=["at once", "hours later"])
def test_a_record_delivered_twice_gets_one_entry(world: LoggedWorld, logged_before: bool, later: timedelta) -> None:
    decide(world)
    if logged_before:
        world.sequenced()
    world.now += later
    for document in decisions(world):
        world.stream.add(document.key, document)
    world.sequenced()
    assert doubled(world) == []
    assert missing(world) == set()


def test_a_shard_delivered_again_adds_nothing(world: LoggedWorld) -> None:
    """More records than are all looked up: they are older than `caught_up_at`."""
    for number in range(sweep.MAX_KEYS_READ + 20):
        decide(world, number)
    world.stream.split(1)
    world.now += HOUR
    world.sequenced()
    size = world.checkpoint().size
    shards = world.stream.shards
    world.stream.shards = lambda: [one for one in shards() if one.id != "0"]  # type: ignore[method-assign]
    world.now += HOUR
    world.sequenced()
    assert "0" not in head(world).positions
    world.stream.shards = shards  # type: ignore[method-assign]
    world.now += HOUR
    assert world.sequenced().added == 0
    assert world.checkpoint().size == size


def test_a_change_delivered_after_a_sweep_logged_its_record_adds_nothing(world: LoggedWorld) -> None:
    world.sequenced()
    world.now += sequence.SWEEP_EVERY
    with withheld(world) as held:
        decide(world)
    sequencer = world.sequencer()
    sequencer(lambda: True)
    world.now += sequence.SUSPECT_FOR
    assert sequencer(lambda: True).swept > 0
    for change in held:
        world.stream.add(*change)
    assert world.sequenced().added == 0
    assert doubled(world) == []


# Shards, and days without a message


def test_a_day_without_changes_is_not_counted_as_trimmed(world: LoggedWorld) -> None:
    """The stream trims changes older than a day, and the shard with them; its position is in the head."""
    decide(world)
    world.sequenced()
    world.stream.split()
    for _ in range(25):
        world.now += HOUR
        assert world.sequenced().trimmed == 0
    world.stream.trim("0")
    for _ in range(3):
        world.now += HOUR
        assert world.sequenced().trimmed == 0


def test_an_idle_head_moves_once_per_heartbeat(world: LoggedWorld) -> None:
    world.sequenced()
    versions = []
    for _ in range(20):
        world.now += sequence.HEARTBEAT / 5
        for _ in range(3):
            world.sequenced()
        versions.append(load(world.table).document.version)  # type: ignore[union-attr]
    assert len(set(versions)) == 5


def test_a_shard_created_and_trimmed_between_two_runs_is_counted(world: LoggedWorld) -> None:
    world.sequenced()
    world.stream.split(1)
    world.now += HOUR
    world.sequenced()
    assert head(world).positions["0"] == "end"
    world.stream._parents["0.0"] = "never seen"  # as if there had been another shard in between
    del world.stream._shards["0"], world.stream._parents["0"]
    world.now += HOUR
    assert world.sequenced().trimmed == 0  # but that one is known by now
    world.stream.split(1)
    world.stream._parents["0.0.0"] = "never seen either"
    assert world.sequenced().trimmed == 1


def test_changes_trimmed_before_the_log_began_are_not_counted(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence, "MAX_CHANGES", 2)
    world.stream._parents["0"] = "gone"
    world.stream._shards["1"], world.stream._parents["1"] = list(world.stream._shards["0"]), "gone too"
    assert world.sequenced().trimmed == 0


def test_a_run_ends_although_changes_keep_arriving(world: LoggedWorld) -> None:
    world.sequenced()
    read, reads = world.stream.read, 0

    def busy(*asked: Any) -> Any:
        nonlocal reads
        reads += 1
        page = read(*asked)
        world.operate.halt_everything(on=reads % 2 == 0)
        return page

    world.stream.read = busy  # type: ignore[method-assign]
    world.operate.halt_everything(on=True)
    assert world.sequenced().added == 1
    assert reads == 1


def test_the_end_of_a_shard_is_not_the_tip(world: LoggedWorld) -> None:
    """Its children may not have been listed yet."""
    world.stream.split()
    shards = world.stream.shards()[:1]
    world.stream.shards = lambda: shards  # type: ignore[method-assign]
    first = read_on(world.stream, {}, 1000)
    assert (first.tip, first.positions) == (False, {"0": "end"})
    assert read_on(world.stream, first.positions, 1000).tip


def test_occasional_conflicts_on_the_head_are_not_contention(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence, "MAX_CHANGES", 1)
    for number in range(2 * sequence.MAX_ATTEMPTS):
        decide(world, number)
    heads = 0

    class Racing:
        """Every other move of the head that brings entries loses once."""

        def __getattr__(self, name: str) -> Any:
            return getattr(world.table, name)

        def commit(self, documents: Sequence[Document]) -> None:
            nonlocal heads
            if documents[0].key == table.LOG_HEAD and table.read(documents[0], Head).staged:
                heads += 1
                if heads % 2:
                    raise VersionConflict
            world.table.commit(documents)

    assert world.sequencer(documents=Racing())(lambda: True).added > 2 * sequence.MAX_ATTEMPTS
    assert heads > 2 * sequence.MAX_ATTEMPTS


def test_caught_up_at_is_the_time_before_the_stream_was_read(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence, "MAX_CHANGES", 3)
    world.sequencer()(lambda: False)
    assert head(world).caught_up_at is None
    world.sequenced()
    assert head(world).caught_up_at is None or missing(world) == set()
    world.now += HOUR
    world.sequenced()
    assert head(world).caught_up_at == world.now


# Sweeping


def test_a_log_that_begins_late_sweeps_records_older_than_the_stream(world: LoggedWorld) -> None:
    decide(world)
    world.stream.trim("0")
    sequencer = world.sequencer()
    assert sequencer(lambda: True).trimmed == 0
    world.now += sequence.SUSPECT_FOR
    assert sequencer(lambda: True).swept > 0
    assert missing(world) == set()


def test_a_sweep_logs_many_records_in_several_moves(world: LoggedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sequenced()
    for number in range(30):
        decide(world, number)
    world.stream.trim("0")
    staged: list[int] = []
    write = world.files.write

    def weighed(objects: dict[str, bytes]) -> None:
        staged.extend(len(data) for name, data in objects.items() if name.startswith("staging/"))
        write(objects)

    world.files.write = weighed  # type: ignore[method-assign]
    monkeypatch.setattr(sequence, "MAX_CHANGES", 5)
    monkeypatch.setattr(sweep, "MAX_SUSPECTS", 20)
    monkeypatch.setattr(sweep, "MAX_KEYS_READ", 4)
    world.table.page_size = 1
    sequencer, swept = world.sequencer(), []
    for _ in range(4):
        swept.append(sequencer(lambda: True).swept)
        world.now += sequence.SUSPECT_FOR
    assert [bool(some) for some in swept] == [False, True, False, True]
    assert sum(swept) == 30
    assert 20 <= swept[1] < 20 + memory.SEGMENTS
    assert max(staged) < sum(staged) / 4
    assert head(world).swept_trimmed == head(world).trimmed == 1
    assert missing(world) == set()
    assert doubled(world) == []


def test_a_sweep_does_not_log_records_written_after_its_scan(world: LoggedWorld) -> None:
    world.sequenced()
    world.now += sequence.SWEEP_EVERY
    sequencer = world.sequencer()
    with withheld(world):
        world.operate.halt_everything(on=True)
        sequencer(lambda: True)
    with withheld(world) as held:
        world.operate.halt_everything(on=False)
    world.now += sequence.SUSPECT_FOR
    assert sequencer(lambda: True).swept == 0
    for change in held:
        world.stream.add(*change)
    assert world.sequenced().added == 1


def test_every_sweep_counts_unreadable_documents(world: LoggedWorld) -> None:
    world.sequenced()
    broken = decisions(world)[:1] or [Document(table.decision("a" * 26), 1, b"{}", b"junk")]
    world.table.commit(broken)
    assert world.sequenced().unreadable == 1
    assert world.sequenced().unreadable <= 1  # read in vain: again, until the head moves
    world.now += HOUR
    world.sequenced()
    assert world.sequenced().unreadable == 0
    world.now += sequence.SWEEP_EVERY
    assert world.sequenced().unreadable == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'{"a":1e999}', b'{"a":12345678901234567890}', b'"\\ud800"', b"\xff", b"[" * 9999],
)
def test_no_document_in_the_table_can_block_the_log(world: LoggedWorld, body: bytes) -> None:
    decide(world)
    (good,) = decisions(world)
    for at, pk in enumerate(LOGGED_PREFIXES):
        sealed = good.sealed if pk == "X#" else b""
        world.table.commit([Document(good.key._replace(pk=f"{pk}other"), 1, body, sealed)])
        world.table.commit([Document(good.key._replace(pk=f"{pk}cut"), 1, b"{}", good.sealed[: at * 40])])
    decide(world, 1)
    world.sequenced()
    for document in decisions(world):
        entered = document.key.pk[2:] not in ("other", "cut")
        assert (document.key in world.table.expires) == entered


def test_a_sweep_of_a_small_table_moves_the_head_once(world: LoggedWorld) -> None:
    decide(world)
    world.sequenced()
    before = load(world.table).document.version  # type: ignore[union-attr]
    world.now += sequence.SWEEP_EVERY
    began = world.now
    world.sequenced()
    # Once for the sweep, and once because it is a while since it last said that the stream had been read to its tip.
    assert load(world.table).document.version == before + 2  # type: ignore[union-attr]
    assert (head(world).swept_at, head(world).sweep) == (began, None)


def cut_after(pages: int) -> Callable[[], bool]:
    """A run with time for this many pages of a sweep."""
    left = iter([True] * pages)
    return lambda: next(left, False)


def lose_twelve(world: LoggedWorld) -> None:
    """Decisions that the stream never delivers, in a table of many pages, when a sweep is due."""
    world.sequenced()
    with withheld(world):
        for number in range(12):
            decide(world, number)
    world.table.page_size = 1
    world.now += sequence.SWEEP_EVERY


def test_a_sweep_interrupted_after_each_page_has_the_same_result(world: LoggedWorld) -> None:
    """Each page in another process."""
    for number in range(12):
        decide(world, number)
    world.sequenced()
    world.now += sequence.SWEEP_EVERY
    began, before = world.now, head(world)
    clear_record_ttls(world)
    world.table.page_size = 1
    stretches = 0
    while head(world).swept_at != began:
        assert (head(world).swept_at, head(world).swept_trimmed) == (before.swept_at, before.swept_trimmed)
        assert world.sequencer()(cut_after(1)).swept == 0
        world.now += timedelta(minutes=1)
        stretches += 1
        assert stretches < 100, "it does not go on"
    assert head(world).sweep is None
    assert stretches > 3
    world.everything_is_marked()


def test_a_sweep_interrupted_after_each_page_logs_every_lost_record(world: LoggedWorld) -> None:
    lose_twelve(world)
    lost = decisions(world)
    began = world.now
    sequencer, swept = world.sequencer(), 0
    for _ in range(100):
        if head(world).swept_at == began:
            break
        swept += sequencer(cut_after(1)).swept
        world.now += sequence.SUSPECT_FOR
    assert swept == len(lost) == 12
    assert (missing(world), doubled(world)) == (set(), [])
    assert not {one.key for one in lost} & set(world.table.expires)  # the next sweep sees to that
    world.table.page_size = 1000
    world.sequencer()(lambda: True)
    world.swept()
    world.everything_is_marked()


def test_a_segment_is_scanned_again_if_the_process_ends_before_the_second_look(world: LoggedWorld) -> None:
    lose_twelve(world)
    dies = world.sequencer()
    for _ in range(100):
        if dies._segment and head(world).sweep:  # in the middle of the table
            break
        world.now += sequence.SUSPECT_FOR
        dies(cut_after(1))
    assert dies._segment
    place, found = head(world).sweep, dies._segment.suspects
    assert place
    world.now += sequence.SUSPECT_FOR
    lives = world.sequencer()
    assert lives(cut_after(1)).swept == 0  # its first look
    assert head(world).sweep == place
    assert lives._segment
    assert lives._segment.suspects == found
    world.now += sequence.SUSPECT_FOR
    assert lives(cut_after(1)).swept == len(found) > 0
    assert head(world).sweep != place
    assert found.keys() <= {table.decision(one.decision_id) for one in world.listed()}


def test_a_waiting_segment_does_not_undo_the_progress_of_another_sequencer(world: LoggedWorld) -> None:
    """Another process completes a sweep in between."""
    lose_twelve(world)
    slow, fast = world.sequencer(), world.sequencer()
    for _ in range(100):
        if slow._segment:
            break
        slow(cut_after(1))
    fast(lambda: True)
    world.now += sequence.SUSPECT_FOR
    assert fast(lambda: True).swept == 12
    done = head(world)
    assert done.sweep is None
    assert slow(lambda: True).swept == 0
    assert (head(world).swept_at, head(world).sweep) == (done.swept_at, None)
    assert doubled(world) == []


def test_no_sweep_begins_when_the_time_is_up(world: LoggedWorld) -> None:
    world.sequenced()
    world.now += sequence.SWEEP_EVERY
    before = head(world).swept_at
    world.sequencer()(lambda: False)
    assert (head(world).swept_at, head(world).sweep) == (before, None)


def test_a_change_trimmed_during_a_sweep_causes_another_sweep(world: LoggedWorld) -> None:
    for number in range(12):
        decide(world, number)
    world.sequenced()
    world.table.page_size = 1
    world.now += sequence.SWEEP_EVERY
    world.sequencer()(cut_after(1))
    assert head(world).sweep
    decide(world, 12)
    world.stream.trim("0")
    sequencer = world.sequencer()
    sequencer(lambda: True)
    world.now += sequence.SUSPECT_FOR
    sequencer(lambda: True)
    assert (head(world).trimmed, head(world).swept_trimmed) == (1, 0)
    sequencer(lambda: True)
    world.now += sequence.SUSPECT_FOR
    sequencer(lambda: True)
    assert head(world).swept_trimmed == 1
    assert missing(world) == set()


# When logged records expire


def clear_record_ttls(world: LoggedWorld) -> None:
    """Clear the TTLs of all records, but not of the index."""
    for key in [one for one in world.table.expires if one.pk.startswith(EXPIRING)]:
        del world.table.expires[key]


def test_the_daily_sweep_sets_the_ttl_and_a_pass_does_not(world: LoggedWorld) -> None:
    world.sequenced()
    decide(world)
    world.sequenced()
    (decision,) = decisions(world)
    assert decision.key not in world.table.expires
    world.now += sequence.SWEEP_EVERY
    world.sequenced()
    at = summary(decision).at
    assert world.table.expires[decision.key] == at + TABLE_RETENTION
    world.nothing_leaves_too_soon()


def test_a_record_without_entry_has_no_ttl(world: LoggedWorld) -> None:
    world.sequenced()
    with withheld(world):
        decide(world)
    (decision,) = decisions(world)
    world.now += sequence.SWEEP_EVERY
    sequencer = world.sequencer()
    sequencer(lambda: True)
    assert decision.key not in world.table.expires
    world.nothing_leaves_too_soon()


def test_a_newer_version_has_no_ttl_until_it_has_its_own_entry(world: LoggedWorld) -> None:
    """The newer version is written before the scan, or during it."""
    world.sequenced()
    decide(world)
    world.sequenced()
    (first,) = decisions(world)
    leave = world.table.expire

    def overtaken(leaving: Sequence[Expiry]) -> None:
        if any(one.key == first.key for one in leaving):
            world.table.expire = leave  # type: ignore[method-assign]
            world.operate.suspend("keji")
            decide(world)
        leave(leaving)

    world.table.expire = overtaken  # type: ignore[method-assign]
    world.now += sequence.SWEEP_EVERY
    world.sequenced()
    (second,) = decisions(world)
    assert second.version == 2
    assert second.key not in world.table.expires
    world.sequenced()
    assert second.key not in world.table.expires
    world.now += sequence.SWEEP_EVERY
    world.sequenced()
    assert world.table.expires[second.key] == summary(second).at + TABLE_RETENTION


def test_only_the_index_of_decisions_expires_after_the_lock_of_the_copies(world: LoggedWorld) -> None:
    """A party's pointer must not expire: the party stays in the table, and would be logged again without it."""
    decide(world)
    began = world.now
    world.sequenced()
    others = (*EXPIRING, f"{RECIPIENT}#")  # a debt has an end of its own
    until = {key.pk.split("#")[0]: at for key, at in world.table.expires.items() if not key.pk.startswith(others)}
    assert until == dict.fromkeys(("E", "G"), began + RETENTION + TABLE_RETENTION)
    assert {kept for _, kept in world.archive.locks.values()} == {began + RETENTION}
    assert {key.pk.split("#")[1] for key in world.table.expires if key.pk.startswith("E#")} == {"decision"}
    pointed = {one.key.pk.split("#")[1] for one in world.table.everything() if one.key.pk.startswith("E#")}
    assert pointed == {"acknowledgement-key", "decision", "engine", "party", "receipt-key", "statement"}


# The listing


def test_index_entries_written_again_list_no_decision_twice(world: LoggedWorld) -> None:
    """Every sequencer that finds a staged object applies it, whether or not another one has."""
    for number in range(3):
        decide(world, number)
    mark, calls = world.table.put, 0

    def twice(marks: Sequence[Any]) -> None:
        nonlocal calls
        mark(marks)
        written = {one.key: one for one in world.table.everything()}
        mark(list(reversed(marks)))
        calls += 1
        assert {one.key: one for one in world.table.everything()} == written

    world.table.put = twice  # type: ignore[method-assign]
    world.sequenced()
    assert calls == 1
    assert len(world.listed()) == 3
    decide(world, 3)
    world.sequenced()
    assert [one.message_id for one in world.listed()] == ["m-0", "m-1", "m-2", "m-3"]


def test_decisions_logged_by_a_sweep_are_listed(world: LoggedWorld) -> None:
    decide(world)
    world.sequenced()
    with withheld(world):
        decide(world, 1)
    world.now += sequence.SWEEP_EVERY
    sequencer = world.sequencer()
    sequencer(lambda: True)
    world.now += sequence.SUSPECT_FOR
    assert sequencer(lambda: True).swept > 0
    assert [one.message_id for one in world.listed()] == ["m-0", "m-1"]


# Published objects that do not match the head


def test_a_tree_with_changed_tiles_is_not_signed(world: LoggedWorld) -> None:
    decide(world)
    world.sequenced()
    before = world.files.objects["checkpoint"]
    for tile in edge(world.checkpoint().size):
        data = world.files.objects[tile.path]
        world.files.objects[tile.path] = bytes([data[0] ^ 1]) + data[1:]
    decide(world, 1)
    with pytest.raises(StoreFailed, match="does not match the head"):
        world.sequenced()
    assert world.files.objects["checkpoint"] == before


@pytest.mark.parametrize("damage", [lambda data: data.replace(b"party", b"parti"), lambda data: data[:-1]])
def test_a_tree_with_changed_entries_is_not_signed(world: LoggedWorld, damage: Any) -> None:
    decide(world)
    world.sequenced()
    name = entries_path(0, world.checkpoint().size)
    world.files.objects[name] = damage(world.files.objects[name])
    decide(world, 1)
    with pytest.raises(StoreFailed, match="does not match the head"):
        world.sequenced()


def test_a_tree_of_another_log_is_not_signed(world: LoggedWorld) -> None:
    """Entries and tiles that agree with each other, but not with the head."""
    decide(world)
    world.sequenced()
    size = world.checkpoint().size
    name = entries_path(0, size)
    other = world.files.objects[name].replace(b"party", b"parti")
    world.files.objects[name] = other
    (tile,) = edge(size)
    world.files.objects[tile.path] = b"".join(leaf_hash(one) for one in unpack_entries(other))
    decide(world, 1)
    with pytest.raises(StoreFailed, match="does not match the head"):
        world.sequenced()


def test_a_missing_staged_object_is_an_error(world: LoggedWorld) -> None:
    world.sequenced()
    decide(world)
    publish = world.files.publish
    world.files.publish = _lost  # type: ignore[method-assign]
    with pytest.raises(StoreFailed):
        world.sequenced()
    world.files.publish = publish  # type: ignore[method-assign]
    world.files.delete(head(world).staged)
    with pytest.raises(StoreFailed, match="does not exist"):
        world.sequenced()


def test_a_staged_object_is_kept_while_its_head_may_still_be_stored(world: LoggedWorld) -> None:
    """The table reported a concurrent write, which may be this very write, sent twice."""
    world.sequenced()
    decide(world)

    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.table, name)

        def commit(self, documents: Any) -> None:
            raise VersionConflict("TransactionConflict")

    with pytest.raises(Contention):
        world.sequencer(documents=Busy())(lambda: True)
    assert [name for name in world.files.objects if name.startswith("staging/")]


def test_the_time_of_an_entry_is_spelled_as_in_the_record(world: LoggedWorld) -> None:
    world.now += timedelta(microseconds=120300)
    decide(world)
    world.sequenced()
    (entry,) = [one for one in world.entries() if one.kind == "decision"]
    (document,) = decisions(world)
    assert entry.at == as_json(unpack(document, world.inputs_key).record)["at"]


def _lost(*_: Any) -> bool:
    raise StoreFailed("no answer")
