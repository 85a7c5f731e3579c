"""Statements under faults: failed and not stored, or stored with the response lost. Resending ends in one state."""

from __future__ import annotations

from typing import Any

import pytest

from duecare.usecases.table import ACKNOWLEDGEMENT_KEYS
from duecare_core.errors import StoreFailed
from duecare_core.evidence.jose import jws
from duecare_core.evidence.statement import statement_id
from tests.faults.conftest import Faulty
from tests.faults.test_verify import ERRORS, SPOILED, cannot_decide
from tests.support import events, tables
from tests.support.world import RECIPIENT, stamp


def opt_out(faulty: Faulty) -> str:
    return faulty.jws("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(faulty.now))


def cancelled(*reasons: str) -> dict[str, Any]:
    fields = {"CancellationReasons": [{"Code": reason} for reason in reasons]}
    return {"error": {"code": "TransactionCanceledException", "fields": fields}}


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
@pytest.mark.parametrize("fault", ["no-table", "access-denied", "reset"])
def test_a_call_that_keeps_failing_is_a_503_and_changes_nothing(faulty: Faulty, operation: str, fault: str) -> None:
    before = faulty.items()
    faulty.broken({"operation": operation, **ERRORS[fault]})
    cannot_decide(faulty.state("xinxi", opt_out(faulty)))
    assert faulty.proxy.fired()
    assert faulty.items() == before
    faulty.broken()
    assert faulty.verify().body["decision"] == "allow"


@pytest.mark.parametrize("operation", ["BatchGetItem", "TransactWriteItems"])
@pytest.mark.parametrize("fault", ["throttled", "internal-error", "unavailable", "reset"])
def test_a_call_that_fails_once_is_repeated(faulty: Faulty, operation: str, fault: str) -> None:
    faulty.broken({"operation": operation, **ERRORS[fault], "times": 1})
    answer = faulty.state("xinxi", opt_out(faulty))
    assert [result["status"] for result in answer.body["results"]] == ["accepted"]
    assert faulty.proxy.fired()


@pytest.mark.parametrize(
    "reasons", [("ConditionalCheckFailed", "None"), ("TransactionConflict", "TransactionConflict")]
)
def test_a_transaction_conflict_is_retried_after_another_read(faulty: Faulty, reasons: tuple[str, str]) -> None:
    faulty.broken({"operation": "TransactWriteItems", **cancelled(*reasons), "times": 2})
    answer = faulty.state("xinxi", opt_out(faulty))
    assert [result["status"] for result in answer.body["results"]] == ["accepted"]
    assert len(faulty.proxy.fired()) == 2


@pytest.mark.parametrize("reasons", [("ConditionalCheckFailed", "None"), ("TransactionConflict", "None")])
def test_a_persistent_transaction_conflict_is_a_503(faulty: Faulty, reasons: tuple[str, str]) -> None:
    before = faulty.items()
    faulty.broken({"operation": "TransactWriteItems", **cancelled(*reasons)})
    cannot_decide(faulty.state("xinxi", opt_out(faulty)), "contention")
    assert faulty.items() == before


@pytest.mark.parametrize("reasons", [("ValidationError", "None"), ("ThrottlingError", "None"), ("None", "None"), ()])
def test_a_transaction_cancelled_for_another_reason_is_a_store_failure(
    faulty: Faulty, reasons: tuple[str, ...]
) -> None:
    before = faulty.items()
    faulty.broken({"operation": "TransactWriteItems", **cancelled(*reasons)})
    cannot_decide(faulty.state("xinxi", opt_out(faulty)))
    assert faulty.items() == before


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_statement_stored_with_its_response_lost_counts_once(faulty: Faulty, fault: str) -> None:
    token = opt_out(faulty)
    faulty.broken({"operation": "TransactWriteItems", **SPOILED[fault], "times": 1})
    answer = faulty.state("xinxi", token)
    assert faulty.proxy.fired()
    faulty.broken()
    assert answer.body["results"][0]["status"] in ("accepted", "unchanged")
    before = faulty.items()
    assert faulty.state("xinxi", token).body["results"][0]["status"] == "unchanged"
    assert faulty.items() == before
    assert faulty.verify().reasons == ["OPTED_OUT"]


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_statement_whose_responses_are_all_lost_is_recognised_later(faulty: Faulty, fault: str) -> None:
    token = opt_out(faulty)
    faulty.broken({"operation": "TransactWriteItems", **SPOILED[fault]})
    answer = faulty.state("xinxi", token)
    faulty.broken()
    if answer.status != 200:
        cannot_decide(answer)
    before = faulty.items()
    assert faulty.state("xinxi", token).body["results"][0]["status"] == "unchanged"
    assert faulty.items() == before
    assert faulty.verify().reasons == ["OPTED_OUT"]


def test_a_partly_stored_call_can_be_repeated_as_a_whole(faulty: Faulty) -> None:
    tokens = [
        faulty.jws("xinxi", "opt-out", recipient=f"+861381234567{n}", creditor="*", received_at=stamp(faulty.now))
        for n in range(4)
    ]
    third = f"TransactItems[?Put.Item.pk.S == 'S#{statement_id(tokens[2])}'] | [0]"
    faulty.broken({"operation": "TransactWriteItems", "body": third, **ERRORS["access-denied"]})
    cannot_decide(faulty.state("xinxi", *tokens))
    assert faulty.proxy.fired()
    faulty.broken()
    answer = faulty.state("xinxi", *tokens)
    assert [result["status"] for result in answer.body["results"]] == ["unchanged"] * 2 + ["accepted"] * 2


@pytest.mark.parametrize("fault", ["no-table", "reset"])
def test_a_suspension_that_cannot_be_written_is_not_acknowledged(faulty: Faulty, fault: str) -> None:
    faulty.broken({"operation": "PutItem", **ERRORS[fault]})
    with pytest.raises(StoreFailed):  # the whole call fails
        faulty.operate("party-suspend", id="mou-zichan")
    faulty.broken()
    assert faulty.verify().body["decision"] == "allow"
    assert faulty.operate("party-suspend", id="mou-zichan")["status"] == 200
    assert faulty.verify().reasons == ["CREDITOR_SUSPENDED"]


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_suspension_stored_with_its_response_lost_is_in_force(faulty: Faulty, fault: str) -> None:
    faulty.broken({"operation": "PutItem", **SPOILED[fault], "times": 1})
    assert faulty.operate("party-suspend", id="mou-zichan")["result"]["state"] == "suspended"
    faulty.broken()
    assert faulty.verify().reasons == ["CREDITOR_SUSPENDED"]


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_registration_stored_with_its_response_lost_is_acknowledged(faulty: Faulty, fault: str) -> None:
    faulty.broken({"operation": "TransactWriteItems", **SPOILED[fault], "times": 1})
    new = events.load("admin-add-keji") | {"id": "keji-2", "key": events.proven("keji-2")}
    assert faulty.operate(**new)["status"] == 200
    assert faulty.proxy.fired()
    assert faulty.operate(**new)["status"] == 409


@pytest.mark.parametrize("fault", ["cut", "cut-at-once"])
def test_a_statement_whose_responses_are_all_lost_gets_its_acknowledgement_later_and_one_place_in_the_chain(
    faulty: Faulty, fault: str
) -> None:
    token = opt_out(faulty)
    faulty.broken({"operation": "TransactWriteItems", **SPOILED[fault]})
    faulty.state("xinxi", token)
    faulty.broken()
    (first,) = faulty.state("xinxi", token).body["results"]
    (again,) = faulty.state("xinxi", token).body["results"]
    assert (first["status"], first["effect"]) == ("unchanged", "in_force")
    assert first == again
    assert jws.read(first["acknowledgement"]).payload["chain"]["seq"] == 1
    assert chain_items(faulty) == 1


@pytest.mark.parametrize("fault", ["no-table", "access-denied", "internal-error"])
def test_a_transaction_that_failed_leaves_no_trace_in_the_chain(faulty: Faulty, fault: str) -> None:
    token = opt_out(faulty)
    faulty.broken({"operation": "TransactWriteItems", **ERRORS[fault]})
    cannot_decide(faulty.state("xinxi", token))
    assert chain_items(faulty) == 0
    faulty.broken()
    (result,) = faulty.state("xinxi", token).body["results"]
    assert result["status"] == "accepted"
    assert jws.read(result["acknowledgement"]).payload["chain"]["seq"] == 1


@pytest.mark.parametrize("fault", ["access-denied", "internal-error", "reset"])
def test_without_a_stored_acknowledgement_key_nothing_is_accepted(faulty: Faulty, fault: str) -> None:
    """A key that is not on file is not in the log, so nobody could check what it signed."""
    dynamodb = tables.client("dynamodb", faulty.endpoint)
    for item in faulty.everything():
        if item["pk"]["S"] == ACKNOWLEDGEMENT_KEYS:
            dynamodb.delete_item(TableName=faulty.table, Key={name: item[name] for name in ("pk", "sk")})
    faulty.restart()
    put = {"operation": "PutItem", "body": f"Item.pk.S == '{ACKNOWLEDGEMENT_KEYS}'"}
    before = faulty.everything()
    faulty.broken({**put, **ERRORS[fault]})
    cannot_decide(faulty.state("xinxi", opt_out(faulty)))
    assert faulty.proxy.fired()
    assert faulty.everything() == before
    faulty.broken()
    (result,) = faulty.state("xinxi", opt_out(faulty)).body["results"]
    assert result["status"] == "accepted"
    assert jws.read(result["acknowledgement"]).kid in {
        item["sk"]["S"] for item in faulty.everything() if item["pk"]["S"] == ACKNOWLEDGEMENT_KEYS
    }


def chain_items(faulty: Faulty) -> int:
    """The number of links of all chains."""
    return sum(item["pk"]["S"].startswith("Y#") for item in faulty.items())
