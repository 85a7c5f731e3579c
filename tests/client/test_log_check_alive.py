"""`duecare log check` beside a service that goes on: what is on its way is no fault; what anybody put there by hand is,
however odd it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from duecare.ports import Document
from duecare.usecases import table
from duecare.usecases.log import pointers
from duecare.usecases.verify.stored_decision import pack, unpack
from duecare_client.checks.log import remember
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.stored import archive_copy
from tests.client.logged_service import KEY, LoggedService
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.memory import MemoryLogFiles
from tests.support.world import RECIPIENT, stamp

ERASABLE = timedelta(days=186)


class Stopped(Exception):
    pass


class FilesThatFail(MemoryLogFiles):
    def __init__(self, real: MemoryLogFiles) -> None:
        super().__init__()
        self.objects = real.objects

    def write(self, objects: Mapping[str, bytes]) -> None:
        raise Stopped


@pytest.fixture
def logged() -> LoggedService:
    return LoggedService()


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "seen.checkpoint"


def archived_only(logged: LoggedWorld) -> None:
    """The sequencer stops between the copies and the move of the head."""
    with pytest.raises(Stopped):
        logged.sequencer(files=FilesThatFail(logged.files))(lambda: True)


def test_a_copy_whose_entry_is_still_to_come_is_on_its_way(logged: LoggedService, memory: Path) -> None:
    logged.verify(message_id="m-2")
    logged.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(logged.now))
    logged.operate.suspend("keji")
    archived_only(logged)
    outcome = logged.check(memory)
    assert (outcome.faults, outcome.pending) == ((), 3)
    logged.sequenced()
    outcome = logged.check(memory)
    assert (outcome.faults, outcome.pending) == ((), 0)


def test_a_record_logged_after_the_log_was_read_is_no_fault(logged: LoggedService, memory: Path) -> None:
    outcome, places = logged.look(memory)
    logged.verify(message_id="m-2")
    logged.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(logged.now))
    logged.sequenced()
    outcome = logged.compare(outcome, places)
    assert (outcome.faults, outcome.pending) == ((), 2)


def test_a_copy_that_stays_without_an_entry_is_named(logged: LoggedService, memory: Path) -> None:
    late = logged.verify(message_id="m-2").record.decision_id
    archived_only(logged)
    logged.now += timedelta(hours=1)
    assert any(
        one.startswith(f"decision {late}: the copy in the archive is not what was") for one in logged.named(memory)
    )


def test_a_copy_of_a_decision_that_the_service_never_made_is_named_at_once(logged: LoggedService, memory: Path) -> None:
    made_up = logged.verify(message_id="m-2").record.decision_id
    archived_only(logged)
    (name,) = (one for one in logged.archive.objects if made_up in one)
    decided = unpack(pointers.document_of(logged.archive.objects[name]), logged.inputs_key)
    unsigned = decided.envelope._replace(signature=bytes(64))
    seal = logged.decision_seal(decided.record)
    document = pack(decided.record, unsigned, decided.inputs, seal, None)
    logged.archive.objects[name] = archive_copy(pointers.stored(document))
    logged.table.remove(table.decision(made_up))
    assert logged.named(memory) == [
        f"decision {made_up}: the copy in the archive is not what was logged (the log has no entry of it)"
    ]


def test_a_copy_from_the_future_is_named(logged: LoggedService, memory: Path) -> None:
    coming = LoggedService()
    coming.now += timedelta(days=1000)
    coming.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(coming.now))
    known = set(coming.archive.objects)
    coming.sequenced()
    (name,) = (one for one in coming.archive.objects if one not in known and "/statement/" in one)
    logged.archive.objects[name] = coming.archive.objects[name]
    assert len(logged.named(memory)) == 1


def test_an_erased_copy_is_no_fault_while_the_erasure_is_not_logged_yet(logged: LoggedService, memory: Path) -> None:
    logged.now += timedelta(days=400)
    logged.left()
    logged.sequenced()
    erased = logged.erase(ERASABLE)(RECIPIENT)
    assert erased.erased > 0
    outcome = logged.check(memory)
    assert (outcome.faults, outcome.pending) == ((), 1)
    logged.sequenced()
    assert logged.named(memory) == []


BODIES = (
    "{",
    "[]",
    "null",
    "{}",
    '{"keys":["x"]}',
    '{"keys":{"a":1}}',
    '{"registered_at":5}',
    '{"at":"2026-11-24T09:00:00"}',
    '{"at":"\\ud800"}',
    '{"at":NaN}',
    '{"at":1e999}',
    "[" * 100_000,
    '{"at":' + "[" * 900 + "]" * 900 + "}",
)


@pytest.mark.parametrize("place", ["party", "statement", "erasure", "receipt-key", "decision"])
def test_any_malformed_item_in_the_table_is_named_and_does_not_stop_the_check(
    logged: LoggedService, memory: Path, place: str
) -> None:
    key = {
        "party": table.party("made-up"),
        "statement": table.statement("sha256:" + "1" * 64),
        "erasure": table.erasure("z" * 26),
        "receipt-key": table.receipt_key("made-up"),
        "decision": table.decision("a" * 26),
    }[place]
    for body in BODIES:
        logged.table._documents[key] = Document(key, 1, body.encode(), sealed=b"x" * 200, summary=b"y")
        (fault,) = logged.named(memory)
        assert fault.startswith(place), body


COPIES = (
    b"",
    b"\xff",
    b"{",
    b"[]",
    b"5",
    canonical({"body": {}, "pk": 5, "sk": "x", "version": 1}),
    canonical({"body": {}, "pk": None, "sk": "x", "version": 1}),
    canonical({"body": {}, "pk": "P#keji", "sk": "x", "version": None}),
    canonical({"body": {"erased": 5}, "pk": "Z#x", "sk": "x", "version": 1}),
    canonical({"body": {"at": 5}, "pk": "K#x", "sk": ["x"], "version": 1}),
    canonical({"body": [], "pk": "S#x", "sk": "x", "version": 1}),
    b"[" * 100_000,
)


def test_any_malformed_object_in_the_archive_is_named_and_does_not_stop_the_check(
    logged: LoggedService, memory: Path
) -> None:
    names = [min(logged.archive.names(folder)) for folder in ("parties/", "receipt-keys/", "r/")]
    for name in (*names, "never/heard/of"):
        whole = logged.archive.objects.get(name)
        for data in COPIES:
            logged.archive.objects[name] = data
            assert any(part in fault for fault in logged.named(memory) for part in name.split("/")[-2:]), (
                name,
                data[:40],
            )
        if whole is not None:
            logged.archive.objects[name] = whole


def test_no_object_of_the_log_can_be_changed_or_taken_away(memory: Path) -> None:
    logged = LoggedService()
    for number in range(300):
        logged.accepted(
            "xinxi", "opt-out", recipient=f"+86139001{number:05}", creditor="*", received_at=stamp(logged.now)
        )
    logged.sequenced()
    assert logged.check(memory, store=False).faults == ()
    size = logged.checkpoint().size
    for name in ("tile/0/000", f"tile/0/001.p/{size - 256}", "tile/1/000.p/1", "tile/entries/000"):
        whole = logged.files.objects.pop(name)
        for data in (None, b"", whole[:-1], whole[:-1] + b"\0", whole + b"\0"):
            if data is not None:
                logged.files.objects[name] = data
            outcome, _ = logged.look(memory)
            assert (outcome.faults == (), outcome.whole) == (False, False), name
        logged.files.objects[name] = whole
    del logged.files.objects["checkpoint"]
    with pytest.raises(BadEvidence):
        logged.look(memory)


def test_a_log_under_the_same_name_with_another_key_is_a_fault(logged: LoggedService, memory: Path) -> None:
    from duecare_core.evidence.log.note import Checkpoint, LogKey  # noqa: PLC0415

    impostor = LogKey(LOG_KEY.name, b"other".ljust(32, b"!"))
    remember(memory, impostor.sign(Checkpoint(LOG_KEY.name, 0, logged.checkpoint().root).text()))
    assert impostor.verifier_key != KEY
    assert "it is another log under the same name" in logged.named(memory)[0]


def test_a_memory_that_cannot_be_read_is_no_new_beginning(logged: LoggedService, memory: Path) -> None:
    for junk in (b"", b"\xff\xfe", b"duecare.example/log\n1\n"):
        memory.write_bytes(junk)
        assert "it is another log" in logged.named(memory)[0]
        assert memory.read_bytes() == junk


def test_the_memory_is_written_as_a_whole_without_temporary_files(logged: LoggedService, memory: Path) -> None:
    logged.check(memory)
    assert [one.name for one in memory.parent.iterdir()] == [memory.name]
    assert memory.read_bytes() == logged.files.objects["checkpoint"]


def test_an_erasure_by_hand_is_reported_as_a_missing_copy(logged: LoggedService, memory: Path) -> None:
    """A made-up erasure in the archive, without an entry, excuses nothing once it is no longer young."""
    (name,) = logged.archive.names(f"r/{logged.tag}/decision/")
    del logged.archive.objects[name]
    told = {"at": stamp(logged.now), "erased": [name.split("/", 2)[2]]}
    made = {"pk": "Z#" + "z" * 26, "sk": "-", "version": 1, "body": told}
    logged.archive.objects["erasures/" + "z" * 26] = canonical(made)
    assert logged.check(memory).pending == 1
    logged.now += timedelta(hours=1)
    assert json.dumps(logged.named(memory)).count("decision") == 1
