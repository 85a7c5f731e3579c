"""A stolen key's file stops importing when the key is revoked, and a suspended party's when it is suspended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from duecare.usecases import table
from duecare.usecases.imports import close, import_part, ingest
from duecare.usecases.imports.upload_state import UploadState
from duecare_core.errors import NotAllowed, RequestError
from duecare_core.evidence.jose import keys
from duecare_core.evidence.jose.proof import proven_jwk
from tests.support import events
from tests.support.between import Interrupted
from tests.support.imports import Imports, as_csv, debt_row
from tests.support.world import KEYS, World


@pytest.fixture
def world() -> World:
    interrupted = Interrupted()
    return World(interrupted, interrupted).register()


@pytest.fixture
def imports(world: World, monkeypatch: pytest.MonkeyPatch) -> Imports:
    """Parts of six rows, written in chunks of two."""
    monkeypatch.setattr(ingest, "MAX_ROWS_PER_PART", 6)
    monkeypatch.setattr(import_part, "MAX_ROWS_MERGED", 2)
    monkeypatch.setattr(close, "MAX_DEBTS_READ", 2)
    world.mandate()
    return Imports(world)


def revoke_key(world: World) -> None:
    world.operate.revoke_key("mou-zichan", keys.thumbprint(KEYS["mou-zichan"]))


STOPS: dict[str, tuple[Callable[[World], Any], str]] = {
    "suspended": (lambda world: world.operate.suspend("mou-zichan"), "party-suspended"),
    "key revoked": (revoke_key, "key-refused"),
}


def upload(world: World, upload_id: str) -> UploadState:
    key = table.upload(upload_id)
    return table.read(world.documents.get([key])[key], UploadState)


def debts(world: World, status: str = "open") -> int:
    return sum(
        document.key.sk.startswith("D#") and f'"status":"{status}"'.encode() in document.body
        for document in world.documents.everything()
    )


def files(imports: Imports) -> list[str]:
    return list(imports.files.names(""))


@pytest.mark.parametrize("name", STOPS)
def test_nothing_is_written_after_the_stop_is_acknowledged(imports: Imports, world: World, name: str) -> None:
    stop, problem = STOPS[name]
    data = as_csv([debt_row(world, n) for n in range(20)])
    opened = imports.announce(data, 20)
    imports.put(opened.upload_id, data)
    imports.one(imports.queue.messages.pop(0))  # six rows
    # The stop comes just before the second chunk of the second part is checked, while the first one is being written.
    world.documents.before_commit(1, lambda: stop(world))
    imports.work()
    after = upload(world, opened.upload_id)
    assert (after.state, after.accepted, debts(world)) == ("refused", 8, 8)
    assert after.refusal
    assert after.refusal.name == problem
    assert "The import stopped after 8 of the file's 20 rows, which count." in after.refusal.detail
    assert files(imports) == []


@pytest.mark.parametrize("name", STOPS)
def test_parts_that_are_delivered_again_and_other_workers_write_nothing(
    imports: Imports, world: World, name: str
) -> None:
    data = as_csv([debt_row(world, n) for n in range(20)])
    opened = imports.announce(data, 20)
    imports.put(opened.upload_id, data)
    messages = list(imports.queue.messages)
    STOPS[name][0](world)
    imports.work()
    for message in messages:
        imports.one(message)
    assert imports.ingest(opened.upload_id)
    assert imports.queue.messages == []
    after = upload(world, opened.upload_id)
    assert (after.state, after.accepted, debts(world)) == ("refused", 0, 0)


def test_a_stop_during_another_workers_chunk_counts_the_rows_of_both_parts(imports: Imports, world: World) -> None:
    data = as_csv([debt_row(world, n) for n in range(12)])
    opened = imports.announce(data, 12)
    imports.put(opened.upload_id, data)
    first, second = imports.queue.messages
    imports.queue.messages.clear()

    def stop_while_the_other_part_is_being_imported() -> None:
        revoke_key(world)
        imports.one(second)  # finds the revocation before its first chunk, and refuses the upload

    world.documents.before_commit(1, stop_while_the_other_part_is_being_imported)
    imports.one(first)
    after = upload(world, opened.upload_id)
    assert (after.state, after.accepted, debts(world)) == ("refused", 2, 2)
    assert after.refusal
    assert "after 2 of the file's 12 rows" in after.refusal.detail


@pytest.mark.parametrize("name", STOPS)
def test_a_stopped_snapshot_withdraws_nothing(imports: Imports, world: World, name: str) -> None:
    imports.debts([debt_row(world, n) for n in range(10)])
    rows = [debt_row(world, n, as_of="2026-11-24T08:00:00+00:00") for n in range(9)]
    data = as_csv(rows)
    opened = imports.announce(data, 9, snapshot=True, as_of="2026-11-24T08:30:00+00:00")
    imports.put(opened.upload_id, data)
    messages = imports.queue.messages
    imports.one(messages.pop(0))
    work = messages.pop(0)
    # All rows of the last part are written; the stop comes before the import is closed.
    world.documents.before_commit(3, lambda: STOPS[name][0](world))
    imports.one(work)
    after = upload(world, opened.upload_id)
    assert (after.state, after.accepted, after.withdrawn) == ("refused", 9, None)
    assert debts(world, "withdrawn") == 0
    assert files(imports) == []


def test_a_snapshot_that_is_stopped_while_it_withdraws_says_so(imports: Imports, world: World) -> None:
    imports.debts([debt_row(world, n) for n in range(40)])
    rows = [debt_row(world, n, as_of="2026-11-24T08:00:00+00:00") for n in range(34)]
    data = as_csv(rows)
    opened = imports.announce(data, 34, snapshot=True, as_of="2026-11-24T08:30:00+00:00")
    imports.put(opened.upload_id, data)
    while len(imports.queue.messages) > 1:
        imports.one(imports.queue.messages.pop(0))
    # Of the last part: two chunks, its count, the number of withdrawals; then withdrawals by twos.
    world.documents.before_commit(5, lambda: revoke_key(world))
    imports.work()
    after = upload(world, opened.upload_id)
    assert (after.state, after.to_withdraw, debts(world, "withdrawn")) == ("refused", 6, 2)
    assert after.refusal
    assert "Up to 6 debts that it leaves out may have been withdrawn." in after.refusal.detail


@pytest.mark.parametrize("name", STOPS)
def test_a_stopped_party_announces_and_ingests_nothing(imports: Imports, world: World, name: str) -> None:
    data = as_csv([debt_row(world, 1)])
    opened = imports.announce(data, 1)
    STOPS[name][0](world)
    with pytest.raises(NotAllowed):
        imports.announce(data, 1)
    imports.put(opened.upload_id, data)
    imports.work()
    after = upload(world, opened.upload_id)
    assert (after.state, after.accepted, debts(world)) == ("refused", 0, 0)
    assert after.refusal
    assert "rows" not in after.refusal.detail


def test_a_manifest_signed_with_a_revoked_key_is_not_taken_with_a_token_of_another(
    imports: Imports, world: World
) -> None:
    data = as_csv([debt_row(world, 1)])
    manifest = imports.manifest(data, 1)
    new = events.key("mou-zichan")
    world.operate.add_key("mou-zichan", proven_jwk(new, world.now))
    revoke_key(world)
    with pytest.raises(RequestError) as refused:
        imports.uploads.open(world.caller("mou-zichan")._replace(kid=keys.thumbprint(new)), manifest)
    assert [violation.code for violation in refused.value.errors] == ["unknown-key"]


def test_a_stopped_import_can_be_announced_again_with_a_good_key_and_its_rows_are_unchanged(
    imports: Imports, world: World
) -> None:
    data = as_csv([debt_row(world, n) for n in range(6)])
    opened = imports.announce(data, 6)
    imports.put(opened.upload_id, data)
    world.documents.before_commit(1, lambda: world.operate.suspend("mou-zichan"))
    imports.work()
    assert upload(world, opened.upload_id).state == "refused"
    world.operate.resume("mou-zichan")
    again = imports.send(data, 6, iat=int(world.now.timestamp()) + 1)
    assert (again.upload.state, again.upload.unchanged, again.upload.accepted) == ("done", 2, 4)
    assert imports.look(opened.upload_id).rejects_url is None
