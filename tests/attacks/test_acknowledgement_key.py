"""An attacker has taken over a function that accepts statements: it holds the acknowledgement key, and may write its
public part into the table. It tries to make a receipt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duecare.usecases import table
from duecare.usecases.log import pointers
from duecare.usecases.log.published_log import snapshot
from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_core.evidence.canonical import canonical, digest, strict_json
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.receipt import ReceiptKey, receipt
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import ISSUER

STOLEN = ReceiptKey(b"a" * 32)  # the seed of the world's acknowledgement key, used as if it were a receipt key


@pytest.fixture
def world() -> LoggedWorld:
    world = LoggedWorld()
    world.honest()
    return world


def forged(world: LoggedWorld, decided: StoredDecision, **record_changes: Any) -> bytes:
    """The case file with a receipt by the stolen key, which is listed as a receipt key with its own proof."""
    key = table.acknowledgement_key(STOLEN.kid)
    record = strict_json(world.table.get([key])[key].body)
    pointer_key = pointers.key("acknowledgement-key", STOLEN.kid, digest(canonical(record)))
    pointer = table.read(world.table.get([pointer_key])[pointer_key], pointers.Pointer)
    log = snapshot(world.files)
    assert log is not None
    listed = {name: value for name, value in (record | record_changes).items() if value is not None}
    file = json.loads(world.case_file(decided))
    file["receipt_keys"].append({"at": pointer.at, "record": listed, "proof": log.proof(pointer.index)})
    signature = STOLEN.sign(decided.record, ISSUER)
    file["decision"]["receipt"] = receipt(decided.record, ISSUER, STOLEN.kid, signature)
    return canonical(file)


@pytest.mark.parametrize("changes", [{}, {"purpose": None}, {"purpose": "receipt"}])
def test_a_case_file_with_a_receipt_by_the_acknowledgement_key_is_refused(
    world: LoggedWorld, changes: dict[str, Any]
) -> None:
    assert STOLEN.kid == world.acknowledgement_key.kid
    decided = world.verify()
    world.sequenced()
    assert bundle.check(world.case_file(decided), LOG_KEY.verifier_key).ok
    verdict = bundle.check(forged(world, decided, **changes), LOG_KEY.verifier_key)
    assert not verdict.ok
    assert {check.name for check in verdict.checks if not check.ok} & {"form", "receipt"}
