"""`Client.may_send`: true only for an enforced, final, unexpired allow whose receipt says the same of this message."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from duecare_client import BadAnswer, BadReceipt, CannotDecide, Client, NotAllowed, Permission, RequestError
from duecare_client.errors import Unreadable

NOW = 1_700_000_000
DENIED = [{"code": "DEBT_MISSING", "message": "No debt."}, {"code": "QUIET_HOURS", "message": "Not now."}]


@pytest.fixture
def clock() -> list[float]:
    return [float(NOW)]


@pytest.fixture
def gateway(service: Any, clock: list[float]) -> Client:
    jwk, network = service.party.jwk, service.network
    return Client("https://duecare.test", "some-gateway", jwk, transport=network, clock=lambda: clock[0])


def changed(service: Any, message: dict[str, Any], **changes: Any) -> None:
    """From now on the body of the answer differs in these members; its receipt stays as it was signed."""
    body = {name: value for name, value in {**service.answer(message), **changes}.items() if value is not ...}
    service.instead("/v1/verify", lambda _: httpx.Response(200, json=body))


def test_an_allow_permits_sending_and_keeps_the_receipt(service: Any, gateway: Client, message: dict[str, Any]) -> None:
    permission = gateway.may_send(message)
    assert permission
    assert permission.why_not == ""
    assert permission.receipt == service.answer(message)["receipt"]
    assert permission.valid_until == datetime.fromtimestamp(NOW + 120, UTC)
    assert (permission.decision_id, permission.reasons, permission.retry_at) == ("d-1", (), None)


def test_a_permission_turns_false_when_it_expires(gateway: Client, message: dict[str, Any], clock: list[float]) -> None:
    permission = gateway.may_send(message)
    clock[0] = NOW + 119.9
    assert permission
    clock[0] = NOW + 120
    assert not permission
    assert "expired at 2023-11-14T22:15:20Z" in permission.why_not
    assert "same message_id" in permission.why_not


def test_a_permission_can_be_checked_for_another_instant(gateway: Client, message: dict[str, Any]) -> None:
    permission = gateway.may_send(message)
    assert permission.valid_at(datetime.fromtimestamp(NOW + 60, UTC))
    assert not permission.valid_at(datetime.fromtimestamp(NOW + 120, UTC))
    for misuse in (datetime.fromtimestamp(NOW), 0, False, 3.5, float("nan"), None, "2023"):  # noqa: DTZ006  naive
        with pytest.raises(Unreadable):
            permission.valid_at(misuse)  # type: ignore[arg-type]


def test_a_denial_is_false_and_says_every_reason(service: Any, gateway: Client, message: dict[str, Any]) -> None:
    service.decision, service.reasons = "deny", DENIED
    permission = gateway.may_send(message)
    assert not permission
    assert permission.why_not == "denied: DEBT_MISSING, QUIET_HOURS"
    assert [reason.message for reason in permission.reasons] == ["No debt.", "Not now."]


def test_a_denial_that_time_cures_says_when_to_ask_again(
    service: Any, gateway: Client, message: dict[str, Any]
) -> None:
    service.decision, service.reasons = "deny", DENIED
    changed(service, message, retry_at="2023-11-15T08:00:00+08:00")
    permission = gateway.may_send(message)
    assert permission.retry_at == datetime(2023, 11, 15, tzinfo=UTC)
    assert "ask again at 2023-11-15T00:00:00Z" in permission.why_not


def test_a_rehearsal_never_permits_sending(service: Any, gateway: Client, message: dict[str, Any]) -> None:
    service.provisional = True
    permission = gateway.may_send({**message, "send_at": "2023-11-15T08:00:00+08:00"})
    assert not permission
    assert "rehearsal" in permission.why_not


def test_an_answer_in_shadow_mode_never_permits_sending(service: Any, gateway: Client, message: dict[str, Any]) -> None:
    service.enforced = False
    permission = gateway.may_send(message)
    assert not permission
    assert "shadow" in permission.why_not


@pytest.mark.parametrize("claim", [False, None, 1, "true", ...])
def test_a_receipt_that_says_whether_it_is_enforced_must_agree_with_the_answer(
    service: Any, gateway: Client, message: dict[str, Any], claim: Any
) -> None:
    service.receipt_changes = {"enforced": claim}
    with pytest.raises(BadReceipt, match="enforced"):
        gateway.may_send(message)
    service.receipt_changes = {"enforced": True}
    assert gateway.may_send(message)


FLIPPED: list[dict[str, Any]] = [
    {"decision": "allow", "reasons": []},
    {"reasons": [DENIED[0]]},
    {"decision_id": "d-2"},
    {"attempt": 2},
    {"provisional": True},
    {"valid_until": "2023-11-14T23:15:20Z"},
]


@pytest.mark.parametrize("changes", FLIPPED, ids=str)
def test_a_body_that_says_something_else_than_its_receipt_is_a_bad_receipt(
    service: Any, gateway: Client, message: dict[str, Any], changes: dict[str, Any]
) -> None:
    service.decision, service.reasons = "deny", DENIED
    changed(service, message, **changes)
    with pytest.raises(BadReceipt, match="does not match"):
        gateway.may_send(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": "m-2"},
        {"creditor": "other-asset"},
        {"collector": "other-tech"},
        {"channel": "voice"},
        {"text_sha256": "sha256:" + "0" * 64},
        {"gateway": "other-gateway"},
        {"iss": "urn:duecare:other"},
        {"decision": "deny"},
        {"jti": "d-2"},
        {"attempt": 2},
        {"attempt": True},
        {"provisional": 0},
        {"reasons": ["DEBT_MISSING"]},
        {"exp": NOW + 60},
        {"iat": NOW + 61},
        {"typ": "JWT"},
    ],
    ids=str,
)
def test_a_receipt_about_something_else_is_a_bad_receipt(
    service: Any, gateway: Client, message: dict[str, Any], changes: dict[str, Any]
) -> None:
    service.receipt_changes = changes
    with pytest.raises(BadReceipt):
        gateway.may_send(message)


def test_an_allow_that_has_expired_on_arrival_is_a_bad_receipt(
    service: Any, gateway: Client, message: dict[str, Any]
) -> None:
    service.now = NOW - 120
    with pytest.raises(BadReceipt, match="expired"):
        gateway.may_send(message)


def test_an_allow_signed_by_somebody_else_is_a_bad_receipt(
    service: Any, gateway: Client, message: dict[str, Any]
) -> None:
    service.receipt_key = service.party
    with pytest.raises(BadReceipt, match="does not publish"):
        gateway.may_send(message)


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "maybe"},
        {"decision": ["allow"]},
        {"enforced": ...},
        {"enforced": 1},
        {"provisional": ...},
        {"provisional": None},
        {"receipt": ...},
        {"receipt": None},
        {"reasons": ...},
        {"reasons": ["DEBT_MISSING"]},
        {"reasons": [{"code": 7, "message": ""}]},
        {"reasons": DENIED},
        {"valid_until": ...},
        {"valid_until": "tomorrow"},
        {"valid_until": "2023-11-14T22:15:20"},
        {"valid_until": 1_700_000_120},
        {"message_id": "m-2"},
        {"message_id": None},
        {"attempt": "1"},
        {"decision_id": None},
    ],
    ids=str,
)
def test_an_answer_outside_the_contract_cannot_decide(
    service: Any, gateway: Client, message: dict[str, Any], changes: dict[str, Any]
) -> None:
    changed(service, message, **changes)
    with pytest.raises(BadAnswer):
        gateway.may_send(message)


def test_no_answer_cannot_decide(service: Any, gateway: Client, message: dict[str, Any]) -> None:
    service.instead("/v1/verify", lambda _: httpx.Response(503, json={"detail": "the table does not answer"}))
    with pytest.raises(CannotDecide, match="the table does not answer"):
        gateway.may_send(message)


def test_no_keys_cannot_decide(service: Any, gateway: Client, message: dict[str, Any]) -> None:
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(503, json={}))
    with pytest.raises(CannotDecide):
        gateway.may_send(message)


def test_a_refused_request_is_an_exception(service: Any, gateway: Client, message: dict[str, Any]) -> None:
    service.instead("/v1/verify", lambda _: httpx.Response(422, json={"type": "urn:duecare:problem:unacceptable"}))
    with pytest.raises(RequestError):
        gateway.may_send(message)
    service.instead("/v1/verify", lambda _: httpx.Response(403, json={"message": "Forbidden"}))
    with pytest.raises(NotAllowed):
        gateway.may_send(message)


def test_the_message_that_was_asked_about_counts_even_if_the_caller_changes_it_meanwhile(
    service: Any, gateway: Client, message: dict[str, Any]
) -> None:
    def swap(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        message["text"] = "another text"
        return httpx.Response(200, json=service.answer(asked))

    service.instead("/v1/verify", swap)
    assert gateway.may_send(message)
    assert json.loads(service.to("/v1/verify")[0].content)["text"] != message["text"]


def test_an_answer_can_be_checked_later(service: Any, gateway: Client, message: dict[str, Any]) -> None:
    answer = gateway.verify(message)
    assert gateway.check_answer(message, answer)
    with pytest.raises(BadReceipt):
        gateway.check_answer({**message, "message_id": "m-2"}, answer)
    with pytest.raises(BadReceipt):
        gateway.check_answer({**message, "text": "another text"}, answer)


def test_a_permission_is_a_plain_value(gateway: Client, message: dict[str, Any]) -> None:
    permission = gateway.may_send(message)
    assert permission == gateway.may_send(message)
    with pytest.raises(AttributeError):
        permission.decision = "deny"  # type: ignore[misc]
    assert "clock" not in repr(permission)
    assert isinstance(permission, Permission)


def test_a_message_sent_in_shadow_mode_is_never_permitted(
    service: Any, gateway: Client, message: dict[str, Any]
) -> None:
    service.receipt_changes = {"enforced": True}
    changed(service, message, enforced=True)
    with pytest.raises(BadReceipt, match="asked for shadow mode"):
        gateway.may_send({**message, "shadow": True})


@pytest.mark.parametrize("message", [None, 5, "x", [1]])
def test_a_value_that_is_no_message_is_an_error_of_the_clients_tree(gateway: Client, message: Any) -> None:
    with pytest.raises(Unreadable, match="a mapping of its members"):
        gateway.may_send(message)
