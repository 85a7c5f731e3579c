"""`duecare log check`: whatever was changed by hand, in the log, the table or the archive, is found, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from duecare.ports import Document
from duecare.usecases import table
from duecare.usecases.verify.stored_decision import unpack
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.log.entry import pack_entries, unpack_entries
from duecare_core.evidence.stored import archive_copy, read_archive_copy
from tests.client.kept_log import Kept
from tests.support.world import RECIPIENT, stamp


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "seen.checkpoint"


def test_a_log_and_a_store_that_nobody_touched_are_good(kept: Kept, memory: Path) -> None:
    outcome = kept.check(memory)
    assert outcome.faults == ()
    assert outcome.compared is not None
    assert outcome.compared > 20
    assert outcome.checkpoint == kept.checkpoint()


def test_without_a_store_the_log_alone_is_checked(kept: Kept, memory: Path) -> None:
    outcome = kept.check(memory, store=False)
    assert (outcome.faults, outcome.compared) == ((), None)


def test_a_decision_that_was_changed_in_the_table_is_named(kept: Kept, memory: Path) -> None:
    from msgspec import structs  # noqa: PLC0415

    from duecare.usecases.verify.stored_decision import pack  # noqa: PLC0415

    def denied(document: Document) -> Document:
        decided = unpack(document)
        record = structs.replace(decided.record, decision="deny", reasons=("OPTED_OUT",))
        return pack(record, decided.envelope, document.inputs, None)

    kept.edit(table.decision(kept.id), denied)
    (fault,) = kept.named(memory)
    assert fault.startswith(f"decision {kept.id}: the record in the table is not what was logged (entry ")


def test_one_that_was_changed_under_a_new_version_is_named_though_it_is_young(kept: Kept, memory: Path) -> None:
    from msgspec import structs  # noqa: PLC0415

    from duecare.usecases.verify.stored_decision import pack  # noqa: PLC0415

    def denied(document: Document) -> Document:
        decided = unpack(document)
        record = structs.replace(decided.record, decision="deny", attempt=2)
        return pack(record, decided.envelope, document.inputs, document)

    kept.edit(table.decision(kept.id), denied)
    assert any(f"decision {kept.id}" in fault for fault in kept.named(memory))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one._replace(sealed=one.sealed[:40] + b"\0" + one.sealed[41:]),
        lambda one: one._replace(sealed=one.sealed[:100] + b"\0" + one.sealed[101:]),
        lambda one: one._replace(sealed=b""),
        lambda one: one._replace(inputs=one.inputs[:-1] + b"\0"),
        lambda one: one._replace(inputs=b""),
        lambda one: one._replace(body=b'{"note":1}'),
    ],
    ids=["signature", "recipient", "record gone", "inputs", "inputs gone", "body"],
)
def test_what_stands_beside_a_decision_may_not_be_changed_either(
    kept: Kept, memory: Path, change: Callable[[Document], Document]
) -> None:
    kept.edit(table.decision(kept.id), change)
    assert [fault.partition(":")[0] for fault in kept.named(memory)] == [f"decision {kept.id}"]


def test_a_statement_that_was_changed_is_named(kept: Kept, memory: Path) -> None:
    name = kept.decided.record.relied_on[0]
    kept.edit(table.statement(name), lambda one: one._replace(body=one.body.replace(b"mou-zichan", b"other-bank")))
    assert [fault.partition(":")[0] for fault in kept.named(memory)] == ["statement sha256"]
    kept.edit(table.statement(name), lambda one: one._replace(sealed=b"other"))
    assert name in kept.named(memory)[0]


def test_a_registration_that_was_changed_is_named(kept: Kept, memory: Path) -> None:
    kept.edit(table.party("keji"), lambda one: one._replace(body=one.body.replace("科技公司".encode(), b"Other")))
    (fault,) = kept.named(memory)
    assert fault.startswith("party keji: ")


def test_a_record_that_was_never_logged_is_named(kept: Kept, memory: Path) -> None:
    other = Kept()
    key = table.decision(other.id)
    kept.table._documents[table.decision("a" * 26)] = other.table._documents[key]._replace(key=table.decision("a" * 26))
    assert any("a" * 26 in fault for fault in kept.named(memory))


def test_a_copy_that_was_changed_in_the_archive_is_named(kept: Kept, memory: Path) -> None:
    (name,) = kept.archive.names(f"r/{kept.decided.envelope.recipient_key}/decision/")
    copy = json.loads(kept.archive.objects[name])
    kept.archive.objects[name] = canonical(copy | {"body": {"note": 1}})
    assert any(f"decision {kept.id}: " in fault for fault in kept.named(memory))
    for junk in (b"", b"{}", kept.archive.objects[name] + b" "):
        kept.archive.objects[name] = junk
        assert any(f"decision {kept.id}: the copy in the archive cannot be read" in one for one in kept.named(memory))


@pytest.mark.parametrize("member", ["version", "inputs", "body"])
def test_what_stands_beside_a_record_in_the_archive_may_not_be_changed_either(
    kept: Kept, memory: Path, member: str
) -> None:
    (name,) = kept.archive.names(f"r/{kept.decided.envelope.recipient_key}/decision/")
    copy = json.loads(kept.archive.objects[name])
    changed = {"version": 2, "inputs": "AAAA", "body": {"note": 1}}
    kept.archive.objects[name] = canonical(copy | {member: changed[member]})
    assert [fault.partition(":")[0] for fault in kept.named(memory)] == [f"decision {kept.id}"]


def test_a_copy_that_is_gone_is_named(kept: Kept, memory: Path) -> None:
    (name,) = kept.archive.names(f"r/{kept.decided.envelope.recipient_key}/decision/")
    del kept.archive.objects[name]
    assert kept.named(memory) == [f"decision {kept.id}: its copy is no longer in the archive"]


def test_two_copies_that_changed_places_are_named(kept: Kept, memory: Path) -> None:
    one, other = list(kept.archive.names("parties/"))[:2]
    objects = kept.archive.objects
    objects[one], objects[other] = objects[other], objects[one]
    assert len(kept.named(memory)) >= 2


def test_rules_that_were_changed_in_the_archive_are_named(kept: Kept, memory: Path) -> None:
    (name,) = kept.archive.names("rules/")
    kept.archive.objects[name] += b" "
    assert kept.named(memory) == [f"{name}: the copy in the archive does not have the digest in its name"]


def test_what_the_law_let_be_erased_is_no_fault(kept: Kept, memory: Path) -> None:
    kept.now += timedelta(days=400)
    erased = kept.erase(timedelta(days=186))(RECIPIENT)
    assert erased.erased > 0
    assert erased.kept == 0
    kept.left()
    kept.sequenced()
    assert kept.named(memory) == []
    assert not list(kept.archive.names(f"r/{kept.decided.envelope.recipient_key}/"))


def test_nothing_is_erased_before_its_time(kept: Kept, memory: Path) -> None:
    kept.now += timedelta(days=100)
    erased = kept.erase(timedelta(days=186))(RECIPIENT)
    assert (erased.erased, erased.kept > 0, erased.records) == (0, True, ())
    assert erased.kept_until is not None
    assert kept.named(memory) == []


def test_a_new_attempt_that_is_on_its_way_is_no_fault(kept: Kept, memory: Path) -> None:
    kept.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(kept.now))
    kept.verify()
    kept.operate.suspend("keji")
    outcome = kept.check(memory)
    assert outcome.faults == ()
    assert outcome.pending == 3


def test_one_that_stays_without_an_entry_is_named(kept: Kept, memory: Path) -> None:
    kept.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(kept.now))
    kept.now += timedelta(hours=1)
    (fault,) = kept.named(memory)
    assert "the log has no entry of it" in fault


def test_a_log_that_grew_is_consistent_with_what_was_seen(kept: Kept, memory: Path) -> None:
    first = kept.check(memory)
    assert first.since is None
    kept.verify(message_id="m-2")
    kept.sequenced()
    second = kept.check(memory)
    assert (second.faults, second.since) == ((), first.checkpoint.size)


def test_a_log_that_was_rolled_back_or_rewritten_is_told(kept: Kept, memory: Path) -> None:
    before = dict(kept.files.objects)
    kept.verify(message_id="m-2")
    kept.sequenced()
    kept.check(memory)
    seen = memory.read_bytes()
    kept.files.objects.clear()
    kept.files.objects.update(before)
    assert "had" in str(kept.check(memory, store=False).faults[0])
    other = Kept()
    for number in range(3):
        other.verify(message_id=f"o-{number}")
    other.sequenced()
    assert "it does not extend the log of the last check" in str(other.check(memory, store=False).faults[0])
    assert memory.read_bytes() == seen, "what was good is not forgotten for what is not"


def test_an_entry_or_a_tile_that_was_changed_is_told(kept: Kept, memory: Path) -> None:
    size = kept.checkpoint().size
    name = f"tile/entries/000.p/{size}"
    whole = kept.files.objects[name]
    entries = unpack_entries(whole)
    kept.files.objects[name] = pack_entries([entries[1], entries[0], *entries[2:]])
    assert "entry 0 is not the one in the tree" in str(kept.check(memory, store=False).faults[0])
    kept.files.objects[name] = pack_entries(entries[:-1])
    assert kept.check(memory, store=False).faults
    kept.files.objects[name] = whole
    tile = f"tile/0/000.p/{size}"
    kept.files.objects[tile] = kept.files.objects[tile][:-1] + b"\0"
    assert kept.check(memory, store=False).faults


def test_a_checkpoint_by_another_key_is_not_looked_at(kept: Kept, memory: Path) -> None:
    kept.files.objects["checkpoint"] = kept.files.objects["checkpoint"].replace(b"duecare", b"duecard")
    with pytest.raises(BadEvidence):
        kept.check(memory)


def test_a_log_of_more_than_a_tile_is_checked_to_its_root(memory: Path) -> None:
    kept = Kept()
    for number in range(300):
        kept.now += timedelta(seconds=1)
        kept.accepted("xinxi", "opt-out", recipient=f"+86139001{number:05}", creditor="*", received_at=stamp(kept.now))
    kept.sequenced()
    assert kept.check(memory).faults == ()
    assert kept.checkpoint().size > 256


def test_a_copy_is_read_as_it_was_written(kept: Kept) -> None:
    for stored in kept.documents_stored():
        assert read_archive_copy(archive_copy(stored)) == stored
