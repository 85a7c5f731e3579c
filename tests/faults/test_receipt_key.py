"""The receipt key under faults: a key that is not stored in the table signs nothing, and the next invocation stores
it."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest

from duecare.usecases.table import RECEIPT_KEYS
from duecare_core.evidence.jose.keys import public_jwk
from tests.faults.conftest import Faulty
from tests.faults.test_verify import ERRORS, SPOILED, cannot_decide
from tests.functional.conftest import Stack
from tests.functional.test_public_routes import pass_time, receipt_secret, rotate
from tests.support import tables

PUT = {"operation": "PutItem", "body": f"Item.pk.S == '{RECEIPT_KEYS}'"}
SIGNING = ["verify-honest", "verify-batch", "verify-status", "verify-jwks"]


@pytest.fixture
def cold(faulty: Faulty) -> Faulty:
    """A fresh sandbox, and no key on file."""
    dynamodb = tables.client("dynamodb", faulty.endpoint)
    for item in keys_on_file(faulty):
        dynamodb.delete_item(TableName=faulty.table, Key={name: item[name] for name in ("pk", "sk")})
    faulty.restart()
    return faulty


def keys_on_file(faulty: Faulty) -> list[dict[str, Any]]:
    return [item for item in faulty.everything() if item["pk"]["S"] == RECEIPT_KEYS]


def kid(receipt: str) -> str:
    return str(jwt.get_unverified_header(receipt)["kid"])


@pytest.mark.parametrize("fault", ERRORS)
def test_without_a_stored_receipt_key_nothing_is_decided_and_the_next_invocation_stores_it(
    cold: Faulty, fault: str
) -> None:
    cold.broken({**PUT, **ERRORS[fault]})
    cannot_decide(cold.verify())
    assert cold.proxy.fired()
    assert (cold.records(), keys_on_file(cold)) == ([], [])
    cold.broken()
    answer = cold.verify()
    assert (answer.status, answer.body["decision"]) == (200, "allow")
    (key,) = keys_on_file(cold)
    assert key["sk"]["S"] == kid(answer.body["receipt"])


@pytest.mark.parametrize("name", SIGNING)
def test_an_unstored_receipt_key_neither_signs_nor_is_published(cold: Faulty, name: str) -> None:
    cold.broken({**PUT, **ERRORS["access-denied"]})
    for _ in range(3):
        cannot_decide(cold.send(name))
    assert len(cold.proxy.fired()) == 3, "each invocation tries again"
    assert cold.records() == []
    cold.broken()
    assert cold.send(name).status == 200


def test_a_new_sandbox_decides_nothing_until_it_knows_that_the_key_is_stored(faulty: Faulty) -> None:
    on_file = keys_on_file(faulty)
    faulty.restart()
    faulty.broken({**PUT, **ERRORS["internal-error"]})
    cannot_decide(faulty.verify())
    faulty.broken()
    assert faulty.verify().body["decision"] == "allow"
    assert keys_on_file(faulty) == on_file


@pytest.mark.parametrize("fault", ["throttled", "internal-error", "unavailable", "reset", "time-out"])
def test_a_put_that_fails_once_is_retried(cold: Faulty, fault: str) -> None:
    cold.broken({**PUT, **ERRORS[fault], "times": 1})
    assert cold.verify().body["decision"] == "allow"
    assert (len(cold.proxy.fired()), len(keys_on_file(cold))) == (1, 1)


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_key_stored_with_its_response_lost_is_stored_once(cold: Faulty, fault: str) -> None:
    cold.broken({**PUT, **SPOILED[fault], "times": 1})
    assert cold.verify().body["decision"] == "allow"
    assert cold.proxy.fired()
    (key,) = keys_on_file(cold)
    assert key["version"]["N"] == "1"


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_key_whose_responses_are_all_lost_decides_nothing_until_one_arrives(cold: Faulty, fault: str) -> None:
    cold.broken({**PUT, **SPOILED[fault]})
    cannot_decide(cold.verify())
    (key,) = keys_on_file(cold)
    assert cold.records() == []
    cold.broken()
    assert kid(cold.verify().body["receipt"]) == key["sk"]["S"]
    assert keys_on_file(cold) == [key]


def test_a_transaction_conflict_does_not_prove_that_the_key_is_stored(cold: Faulty) -> None:
    cold.broken({**PUT, "error": {"code": "TransactionConflictException"}})
    cannot_decide(cold.verify(), "contention")
    assert (cold.records(), keys_on_file(cold)) == ([], [])
    cold.broken()
    assert cold.verify().body["decision"] == "allow"


def test_a_rotated_key_that_cannot_be_stored_leaves_the_old_key_signing(stack: Stack, faulty: Faulty) -> None:
    arn = receipt_secret(stack, {"seed": "11" * 32, "retired": []})
    faulty.restart(DUECARE_RECEIPT_KEY_SECRET=arn)
    old = faulty.send("verify-jwks").body["keys"][0]
    rotate(stack, arn, {"seed": "22" * 32, "retired": [public_jwk(old)]})
    pass_time(faulty, 301)
    faulty.broken({**PUT, **ERRORS["access-denied"]})
    assert kid(faulty.verify().body["receipt"]) == old["kid"]
    assert faulty.proxy.fired()
    faulty.broken()
    pass_time(faulty, 301)
    new = kid(faulty.verify(message_id="m-2").body["receipt"])
    assert new != old["kid"]
    assert {old["kid"], new} <= {json.loads(item["body"]["S"])["kid"] for item in keys_on_file(faulty)}
