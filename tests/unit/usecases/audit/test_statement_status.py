"""GET /v1/statements/{id}: the acknowledgement again, and the proof that the log holds the statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from duecare.usecases import table
from duecare.usecases.audit.statement_status import LookUpStatement, StatementStatus, StatementStatusDeps
from duecare_core.errors import NotAllowed, NotFound
from duecare_core.evidence.canonical import canonical, digest, strict_json
from duecare_core.evidence.jose import jws
from duecare_core.evidence.log import logproof
from duecare_core.evidence.log.entry import entry
from tests.support.imports import Imports, as_csv, debt_row
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import RECIPIENT, stamp


@pytest.fixture
def world() -> LoggedWorld:
    world = LoggedWorld()
    world.register()
    return world


def look_up(world: LoggedWorld, statement_id: str, party: str = "xinxi") -> StatementStatus:
    deps = StatementStatusDeps(world.table, lambda: world.archive, world.files, lambda: world.sealer, world.clock)
    return LookUpStatement(deps)(world.caller(party), statement_id)


def stop(world: LoggedWorld) -> Any:
    return world.state("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(world.now))


def test_the_acknowledgement_is_the_first_one_before_and_after_it_is_logged(world: LoggedWorld) -> None:
    stated = stop(world)
    found = look_up(world, stated.statement_id)
    assert found == StatementStatus(stated.statement_id, stated.acknowledgement, None)
    world.sequenced()
    found = look_up(world, stated.statement_id)
    assert found.acknowledgement == stated.acknowledgement
    assert found.logged is not None


def test_the_proof_shows_that_the_log_holds_the_record_of_the_statement(world: LoggedWorld) -> None:
    stated = stop(world)
    key = table.statement(stated.statement_id)
    record = strict_json(world.table.get([key])[key].body)
    world.sequenced()
    logged = look_up(world, stated.statement_id).logged
    assert logged is not None
    leaf = entry("statement", stated.statement_id, digest(canonical(record)), record["received_at"])
    logproof.check(logged.proof, leaf, LOG_KEY.verifier_key)
    assert logproof.parse(logged.proof).index == logged.index


def test_it_is_found_in_the_archive_after_the_table_has_deleted_it(world: LoggedWorld) -> None:
    stated = stop(world)
    world.sequenced()
    world.left()
    assert table.statement(stated.statement_id) not in world.table.get([table.statement(stated.statement_id)])
    assert look_up(world, stated.statement_id).acknowledgement == stated.acknowledgement


def test_an_auditor_reads_it_and_nobody_else(world: LoggedWorld) -> None:
    stated = stop(world)
    assert look_up(world, stated.statement_id, "shenji").acknowledgement == stated.acknowledgement
    for party in ("other-gateway", "mou-zichan", "keji"):
        with pytest.raises(NotFound):
            look_up(world, stated.statement_id, party)


@pytest.mark.parametrize("name", ["", "sha256:" + "0" * 64, "sha256:xyz", "nonsense"])
def test_a_statement_that_was_never_accepted_is_not_found(world: LoggedWorld, name: str) -> None:
    with pytest.raises(NotFound):
        look_up(world, name)


def test_a_suspended_party_is_refused(world: LoggedWorld) -> None:
    stated = stop(world)
    world.operate.suspend("xinxi")
    with pytest.raises(NotAllowed):
        look_up(world, stated.statement_id)


def test_a_manifest_is_acknowledged_once_when_its_import_is_done(world: LoggedWorld) -> None:
    imports = Imports(world)
    data = as_csv([debt_row(world, number) for number in range(3)])
    opened = imports.announce(data, 3)
    manifest_id = opened.upload.manifest_id
    imports.put(opened.upload_id, data)
    with pytest.raises(NotFound):
        look_up(world, manifest_id, "mou-zichan")
    imports.work()
    acknowledgement = imports.look(opened.upload_id).upload.acknowledgement
    assert acknowledgement is not None
    jws.verify(acknowledgement, world.acknowledgement_key.public)
    assert jws.read(acknowledgement).payload == {
        "statement_id": manifest_id,
        "kind": "upload",
        "party": "mou-zichan",
        "iat": int(world.now.timestamp()),
        "effect": "in_force",
    }
    assert look_up(world, manifest_id, "mou-zichan").acknowledgement == acknowledgement
    with pytest.raises(NotFound):
        look_up(world, manifest_id, "other-bank")


def test_a_refused_file_is_not_acknowledged(world: LoggedWorld) -> None:
    imports = Imports(world)
    data = as_csv([debt_row(world, 1)])
    opened = imports.announce(data, 2)  # another number of rows
    imports.put(opened.upload_id, data)
    assert imports.look(opened.upload_id).upload.acknowledgement is None
    with pytest.raises(NotFound):
        look_up(world, opened.upload.manifest_id, "mou-zichan")


def test_erasing_a_recipient_leaves_the_chain_and_no_acknowledgement(world: LoggedWorld) -> None:
    def chain() -> list[Any]:
        return [one for one in world.table.everything() if one.key.pk.startswith("Y#") or one.key.sk.startswith("H#")]

    stated = stop(world)
    world.sequenced()
    world.left()
    before = chain()
    assert len(before) == 2
    assert world.erase(timedelta(0))(RECIPIENT).erased
    assert chain() == before
    with pytest.raises(NotFound):
        look_up(world, stated.statement_id)
