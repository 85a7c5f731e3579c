"""`duecare log check`: whatever was changed by hand, in the log, the table or the archive, is found, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from duecare.ports import Document
from duecare.usecases import table
from duecare.usecases.log.resume import ResumeDeps, ResumeLog
from duecare.usecases.operator.restore_party import RestoreParty
from duecare.usecases.verify.stored_decision import unpack
from duecare_client.checks.log import check_log
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.log.entry import pack_entries, unpack_entries
from duecare_core.evidence.stored import archive_copy, read_archive_copy
from tests.client.logged_service import LoggedService
from tests.support.logs import LOG_KEY
from tests.support.voids import voiding
from tests.support.world import RECIPIENT, stamp


@pytest.fixture
def logged() -> LoggedService:
    return LoggedService()


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "seen.checkpoint"


def test_an_unchanged_log_and_store_have_no_faults(logged: LoggedService, memory: Path) -> None:
    outcome = logged.check(memory)
    assert outcome.faults == ()
    assert outcome.compared is not None
    assert outcome.compared > 20
    assert outcome.checkpoint == logged.checkpoint()


def test_without_a_store_the_log_alone_is_checked(logged: LoggedService, memory: Path) -> None:
    outcome = logged.check(memory, store=False)
    assert (outcome.faults, outcome.compared) == ((), None)


def test_a_decision_that_was_changed_in_the_table_is_named(logged: LoggedService, memory: Path) -> None:
    from msgspec import structs  # noqa: PLC0415

    from duecare.usecases.verify.stored_decision import pack  # noqa: PLC0415

    def denied(document: Document) -> Document:
        decided = unpack(document, logged.inputs_key)
        record = structs.replace(decided.record, decision="deny", reasons=("OPTED_OUT",))
        return pack(record, decided.envelope, decided.inputs, logged.decision_seal(record), None)

    logged.edit(table.decision(logged.id), denied)
    (fault,) = logged.named(memory)
    assert fault.startswith(f"decision {logged.id}: the record in the table is not what was logged (entry ")


def test_one_that_was_changed_under_a_new_version_is_named_though_it_is_young(
    logged: LoggedService, memory: Path
) -> None:
    from msgspec import structs  # noqa: PLC0415

    from duecare.usecases.verify.stored_decision import pack  # noqa: PLC0415

    def denied(document: Document) -> Document:
        decided = unpack(document, logged.inputs_key)
        record = structs.replace(decided.record, decision="deny", attempt=2)
        return pack(record, decided.envelope, decided.inputs, logged.decision_seal(record), document)

    logged.edit(table.decision(logged.id), denied)
    assert any(f"decision {logged.id}" in fault for fault in logged.named(memory))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one._replace(sealed=one.sealed[:40] + b"\0" + one.sealed[41:]),
        lambda one: one._replace(sealed=one.sealed[:100] + b"\0" + one.sealed[101:]),
        lambda one: one._replace(sealed=b""),
        lambda one: one._replace(summary=one.summary[:-1] + b"\0"),
        lambda one: one._replace(summary=b""),
        lambda one: one._replace(body=b'{"note":1}'),
    ],
    ids=["nonce and signature", "record", "record gone", "summary", "summary gone", "body"],
)
def test_the_parts_of_a_decision_must_not_be_changed_either(
    logged: LoggedService, memory: Path, change: Callable[[Document], Document]
) -> None:
    logged.edit(table.decision(logged.id), change)
    assert [fault.partition(":")[0] for fault in logged.named(memory)] == [f"decision {logged.id}"]


def test_a_statement_that_was_changed_is_named(logged: LoggedService, memory: Path) -> None:
    name = logged.decided.record.relied_on[0]
    logged.edit(table.statement(name), lambda one: one._replace(body=one.body.replace(b"mou-zichan", b"other-bank")))
    assert [fault.partition(":")[0] for fault in logged.named(memory)] == ["statement sha256"]
    logged.edit(table.statement(name), lambda one: one._replace(sealed=b"other"))
    assert name in logged.named(memory)[0]


def test_a_registration_that_was_changed_is_named(logged: LoggedService, memory: Path) -> None:
    logged.edit(table.party("keji"), lambda one: one._replace(body=one.body.replace("科技公司".encode(), b"Other")))
    (fault,) = logged.named(memory)
    assert fault.startswith("party keji: ")


def test_a_record_that_was_never_logged_is_named(logged: LoggedService, memory: Path) -> None:
    other = LoggedService()
    key = table.decision(other.id)
    logged.table._documents[table.decision("a" * 26)] = other.table._documents[key]._replace(
        key=table.decision("a" * 26)
    )
    assert any("a" * 26 in fault for fault in logged.named(memory))


def test_a_copy_that_was_changed_in_the_archive_is_named(logged: LoggedService, memory: Path) -> None:
    (name,) = logged.archive.names(f"r/{logged.tag}/decision/")
    copy = json.loads(logged.archive.objects[name])
    logged.archive.objects[name] = canonical(copy | {"body": {"note": 1}})
    assert any(f"decision {logged.id}: " in fault for fault in logged.named(memory))
    for junk in (b"", b"{}", logged.archive.objects[name] + b" "):
        logged.archive.objects[name] = junk
        assert any(
            f"decision {logged.id}: the copy in the archive cannot be read" in one for one in logged.named(memory)
        )


@pytest.mark.parametrize("member", ["version", "sealed", "summary", "body"])
def test_the_document_of_an_archived_record_must_not_be_changed_either(
    logged: LoggedService, memory: Path, member: str
) -> None:
    (name,) = logged.archive.names(f"r/{logged.tag}/decision/")
    copy = json.loads(logged.archive.objects[name])
    changed = {"version": 2, "sealed": "AAAA", "summary": "AAAA", "body": {"note": 1}}
    logged.archive.objects[name] = canonical(copy | {member: changed[member]})
    assert [fault.partition(":")[0] for fault in logged.named(memory)] == [f"decision {logged.id}"]


def test_a_copy_that_is_gone_is_named(logged: LoggedService, memory: Path) -> None:
    (name,) = logged.archive.names(f"r/{logged.tag}/decision/")
    del logged.archive.objects[name]
    assert logged.named(memory) == [f"decision {logged.id}: its copy is no longer in the archive"]


def test_two_copies_that_changed_places_are_named(logged: LoggedService, memory: Path) -> None:
    one, other = list(logged.archive.names("parties/"))[:2]
    objects = logged.archive.objects
    objects[one], objects[other] = objects[other], objects[one]
    assert len(logged.named(memory)) >= 2


def test_rules_that_were_changed_in_the_archive_are_named(logged: LoggedService, memory: Path) -> None:
    (name,) = logged.archive.names("rules/")
    logged.archive.objects[name] += b" "
    assert logged.named(memory) == [f"{name}: the copy in the archive does not have the digest in its name"]


def test_a_logged_erasure_is_no_fault(logged: LoggedService, memory: Path) -> None:
    logged.now += timedelta(days=400)
    erased = logged.erase(timedelta(days=186))(RECIPIENT)
    assert erased.erased > 0
    assert erased.kept == 0
    logged.left()
    logged.sequenced()
    assert logged.named(memory) == []
    assert not list(logged.archive.names(f"r/{logged.tag}/"))


def test_nothing_is_erased_before_its_time(logged: LoggedService, memory: Path) -> None:
    logged.now += timedelta(days=100)
    erased = logged.erase(timedelta(days=186))(RECIPIENT)
    assert (erased.erased, erased.kept > 0, erased.records) == (0, True, ())
    assert erased.kept_until is not None
    assert logged.named(memory) == []


def test_a_new_attempt_that_is_on_its_way_is_no_fault(logged: LoggedService, memory: Path) -> None:
    logged.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(logged.now))
    logged.verify()
    logged.operate.suspend("keji")
    outcome = logged.check(memory)
    assert outcome.faults == ()
    assert outcome.pending == 3


def test_one_that_stays_without_an_entry_is_named(logged: LoggedService, memory: Path) -> None:
    logged.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(logged.now))
    logged.now += timedelta(hours=1)
    (fault,) = logged.named(memory)
    assert "the log has no entry of it" in fault


def test_a_log_that_grew_is_consistent_with_the_last_check(logged: LoggedService, memory: Path) -> None:
    first = logged.check(memory)
    assert first.since is None
    logged.verify(message_id="m-2")
    logged.sequenced()
    second = logged.check(memory)
    assert (second.faults, second.since) == ((), first.checkpoint.size)


def test_a_rolled_back_or_rewritten_log_is_a_fault(logged: LoggedService, memory: Path) -> None:
    before = dict(logged.files.objects)
    logged.verify(message_id="m-2")
    logged.sequenced()
    logged.check(memory)
    seen = memory.read_bytes()
    logged.files.objects.clear()
    logged.files.objects.update(before)
    assert "had" in str(logged.check(memory, store=False).faults[0])
    other = LoggedService()
    for number in range(3):
        other.verify(message_id=f"o-{number}")
    other.sequenced()
    assert "it does not extend the log of the last check" in str(other.check(memory, store=False).faults[0])
    assert memory.read_bytes() == seen, "what was good is not forgotten for what is not"


def test_a_changed_entry_or_tile_is_a_fault(logged: LoggedService, memory: Path) -> None:
    size = logged.checkpoint().size
    name = f"tile/entries/000.p/{size}"
    whole = logged.files.objects[name]
    entries = unpack_entries(whole)
    logged.files.objects[name] = pack_entries([entries[1], entries[0], *entries[2:]])
    assert "entry 0 is not the one in the tree" in str(logged.check(memory, store=False).faults[0])
    logged.files.objects[name] = pack_entries(entries[:-1])
    assert logged.check(memory, store=False).faults
    logged.files.objects[name] = whole
    tile = f"tile/0/000.p/{size}"
    logged.files.objects[tile] = logged.files.objects[tile][:-1] + b"\0"
    assert logged.check(memory, store=False).faults


def test_a_checkpoint_by_another_key_is_not_looked_at(logged: LoggedService, memory: Path) -> None:
    logged.files.objects["checkpoint"] = logged.files.objects["checkpoint"].replace(b"duecare", b"duecard")
    with pytest.raises(BadEvidence):
        logged.check(memory)


def test_a_log_of_more_than_a_tile_is_checked_to_its_root(memory: Path) -> None:
    logged = LoggedService()
    for number in range(300):
        logged.now += timedelta(seconds=1)
        logged.accepted(
            "xinxi", "opt-out", recipient=f"+86139001{number:05}", creditor="*", received_at=stamp(logged.now)
        )
    logged.sequenced()
    assert logged.check(memory).faults == ()
    assert logged.checkpoint().size > 256


def test_a_copy_is_read_as_it_was_written(logged: LoggedService) -> None:
    for stored in logged.documents_stored():
        assert read_archive_copy(archive_copy(stored)) == stored


def test_a_void_that_was_changed_by_hand_is_named(logged: LoggedService, memory: Path) -> None:
    report = voiding(logged).start("keji", logged.now - timedelta(hours=1), None)
    logged.sequenced()
    assert logged.check(memory).faults == ()
    assert f"voids/keji/{report.id}/1" in logged.archive.objects
    narrowed = b'"kind":"opt-out"'
    logged.edit(
        table.void("keji", report.id), lambda one: one._replace(body=one.body.replace(b'"kind":null', narrowed))
    )
    (fault,) = logged.named(memory)
    assert "void" in fault
    assert "not what was logged" in fault


# Partial tiles


def grown(logged: LoggedService) -> tuple[bytes, dict[str, bytes]]:
    """An earlier checkpoint, and the objects of the log after it has grown over the end of a tile."""
    checkpoint = logged.files.objects["checkpoint"]
    for number in range(260):
        logged.verify(message_id=f"more-{number}")
    logged.sequenced()
    return checkpoint, dict(logged.files.objects)


def size_of(checkpoint: bytes) -> int:
    return int(checkpoint.split(b"\n")[1])


def check_again(objects: dict[str, bytes], memory: Path) -> tuple[int, list[str]]:
    outcome, _ = check_log(objects.get, LOG_KEY.verifier_key, memory, lambda _done, _size: None)
    return outcome.checkpoint.size, [str(fault) for fault in outcome.faults]


@pytest.mark.parametrize("kept", [True, False], ids=["partial tiles kept", "partial tiles deleted"])
def test_a_checkpoint_read_before_the_log_grew_is_checked_with_partial_or_full_tiles(
    logged: LoggedService, memory: Path, kept: bool
) -> None:
    """The log grows between a client's reads. c2sp.org/tlog-tiles lets it delete partial tiles then."""
    checkpoint, objects = grown(logged)
    size = logged.checkpoint().size
    first = objects | {"checkpoint": checkpoint}
    if not kept:
        first = {name: data for name, data in first.items() if ".p/" not in name}
    earlier, faults = check_again(first, memory)
    assert (earlier, faults) == (size_of(checkpoint), [])
    assert check_again(objects, memory) == (size, [])


def test_a_full_tile_with_another_beginning_is_no_substitute(logged: LoggedService, memory: Path) -> None:
    checkpoint, objects = grown(logged)
    whole = {name: data for name, data in objects.items() if ".p/" not in name} | {"checkpoint": checkpoint}
    for name in ("tile/0/000", "tile/entries/000"):
        changed = bytearray(whole[name])
        changed[60] ^= 1
        _, faults = check_again(whole | {name: bytes(changed)}, memory)
        assert faults
        _, faults = check_again({one: data for one, data in whole.items() if one != name}, memory)
        assert len(faults) == 1
        assert f"the log has no {name}.p/{size_of(checkpoint)}" in faults[0]


# A restored table


def test_a_lost_statement_that_is_stated_again_has_an_entry_and_a_copy_of_its_own(
    logged: LoggedService, memory: Path
) -> None:
    """It has the same id as the lost one, and is another record: a copy under the same name would not be stored."""
    before = dict(logged.table._documents)
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(logged.now)}
    token = logged.jws("xinxi", "opt-out", **members)
    (first,) = logged.state_all("xinxi", [token])
    logged.operate.suspend("keji")
    logged.sequenced()
    logged.table._documents = before
    logged.now += timedelta(minutes=1)
    deps = ResumeDeps(logged.table, logged.files, logged.table, logged.clock)
    resumed = ResumeLog(deps, LOG_KEY.verifier_key, kept_for=timedelta(days=9))(logged.checkpoint().size)
    assert sorted(one.kind for one in resumed.lost) == ["party", "statement"]
    RestoreParty(logged.table)(logged.archive.objects["parties/keji/2"].decode())
    (second,) = logged.state_all("xinxi", [token])
    assert (second.status, second.statement_id) == ("accepted", first.statement_id)
    assert "OPTED_OUT" in logged.reasons()
    logged.sequenced()
    outcome = logged.check(memory)
    assert (outcome.faults, outcome.pending) == ((), 0)
    statements = [one for one in logged.entries() if one.id == first.statement_id]
    assert len({one.record_sha256 for one in statements}) == 2
    hexadecimal = first.statement_id.removeprefix("sha256:")
    assert len([name for name in logged.archive.objects if f"/statement/{hexadecimal}" in name]) == 2
    decided = logged.verify(message_id="later")
    logged.sequenced()
    assert first.statement_id in decided.record.relied_on
    assert bundle.check(logged.case_file(decided), LOG_KEY.verifier_key).ok
