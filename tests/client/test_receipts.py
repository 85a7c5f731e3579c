"""A receipt proves one answer about one message, or it proves nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import jwt
import pytest

from duecare_client import BadAnswer, BadReceipt, CannotDecide, Client
from duecare_client.errors import Unreadable

NOW = 1_700_000_000


def client(service: Any, now: int = NOW) -> Client:
    return Client(
        "https://duecare.test", "some-gateway", service.party.jwk, transport=service.network, clock=lambda: now
    )


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_good_receipt_gives_its_claims(service: Any, message: dict[str, Any]) -> None:
    receipt = service.receipt(message)
    claims = client(service).verify_receipt(receipt, message=message, decision="allow")
    assert claims["jti"] == "d-1"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"message_id": "m-2"}, "message_id"),
        ({"text_sha256": "sha256:" + "0" * 64}, "text_sha256"),
        ({"decision": "deny"}, "decision"),
        ({"iss": "urn:duecare:other"}, "not by this service"),
        ({"exp": NOW}, "expired"),
        ({"iat": NOW + 61}, "future"),
        ({"exp": None}, "when it expires"),
        ({"exp": float(NOW + 120)}, "when it expires"),
        ({"typ": "JWT"}, "not a receipt"),
        ({"typ": "consent+jws"}, "not a receipt"),
    ],
)
def test_a_receipt_about_something_else_is_refused(
    service: Any, message: dict[str, Any], changes: dict[str, Any], why: str
) -> None:
    receipt = service.receipt(message, **changes)
    with pytest.raises(BadReceipt, match=why):
        client(service).verify_receipt(receipt, message=message, decision="allow")


@pytest.mark.parametrize("member", ["message_id", "creditor", "channel", "text"])
def test_a_receipt_is_not_checked_against_less_than_the_whole_message(
    service: Any, message: dict[str, Any], member: str
) -> None:
    receipt = service.receipt(message)
    del message[member]
    with pytest.raises(Unreadable, match=member):
        client(service).verify_receipt(receipt, message=message, decision="allow")


def test_each_check_is_left_out_only_by_name(service: Any, message: dict[str, Any]) -> None:
    one = client(service)
    with pytest.raises(TypeError):
        one.verify_receipt(service.receipt(message))  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        one.verify_receipt(service.receipt(message), message=message)  # type: ignore[call-arg]
    textless = {name: value for name, value in message.items() if name != "text"}
    assert one.verify_receipt(service.receipt(message), message=textless, decision="allow", any_text=True)
    service.provisional = True
    with pytest.raises(BadReceipt, match="provisional"):
        one.verify_receipt(service.receipt(message), message=message, decision="allow")
    assert one.verify_receipt(service.receipt(message), message=message, decision="allow", rehearsal_ok=True)


def test_a_receipt_of_another_gateway_needs_its_name(service: Any, message: dict[str, Any]) -> None:
    receipt = service.receipt(message, gateway="other-gateway")
    with pytest.raises(BadReceipt, match="gateway"):
        client(service).verify_receipt(receipt, message=message, decision="allow")
    assert client(service).verify_receipt(receipt, message=message, decision="allow", gateway="other-gateway")


def test_a_text_that_differs_by_one_character_is_another_text(service: Any, message: dict[str, Any]) -> None:
    receipt = service.receipt(message)
    for text in (message["text"] + " ", message["text"].replace("27911", "27912"), "", "\ud800"):
        with pytest.raises(BadReceipt):
            client(service).verify_receipt(receipt, message={**message, "text": text}, decision="allow")


def test_an_expired_receipt_verifies_only_with_expired_ok(service: Any, message: dict[str, Any]) -> None:
    receipt = service.receipt(message)
    later = client(service, NOW + 10_000)
    with pytest.raises(BadReceipt, match="expired"):
        later.verify_receipt(receipt, message=message, decision="allow")
    assert later.verify_receipt(receipt, message=message, decision="allow", expired_ok=True)


def test_a_receipt_signed_by_another_key_is_refused(service: Any, message: dict[str, Any]) -> None:
    service.receipt_key = service.party
    with pytest.raises(BadReceipt, match="does not publish"):
        client(service).verify_receipt(service.receipt(message), message=message, decision="allow")


def test_a_signature_by_another_key_under_a_published_kid_is_refused(service: Any, message: dict[str, Any]) -> None:
    headers = {"typ": "decision+jws", "kid": service.receipt_key.kid}
    claims = jwt.decode(service.receipt(message), options={"verify_signature": False})
    forged = jwt.encode(claims, service.party.private, algorithm="EdDSA", headers=headers)
    with pytest.raises(BadReceipt, match="does not verify"):
        client(service).verify_receipt(forged, message=message, decision="allow")


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "ES256"])
def test_the_header_does_not_choose_the_algorithm(service: Any, message: dict[str, Any], alg: str) -> None:
    _, payload, signature = service.receipt(message).split(".")
    header = {"alg": alg, "typ": "decision+jws", "kid": service.receipt_key.kid}
    with pytest.raises(BadReceipt):
        client(service).verify_receipt(f"{part(header)}.{payload}.{signature}", message=message, decision="allow")


@pytest.mark.parametrize("receipt", ["", "a.b", "a.b.c", "é.b.c", "..", "None", "{}"])
def test_a_malformed_receipt_is_refused(service: Any, message: dict[str, Any], receipt: str) -> None:
    with pytest.raises(BadReceipt):
        client(service).verify_receipt(receipt, message=message, decision="allow")


def test_keys_are_asked_for_again_when_the_service_has_a_new_one(service: Any, message: dict[str, Any]) -> None:
    asked = client(service)
    asked.verify_receipt(service.receipt(message), message=message, decision="allow")
    asked.verify_receipt(service.receipt(message), message=message, decision="allow")
    assert service.paths().count("/.well-known/jwks.json") == 1
    old = service.receipt(message)
    service.receipt_key = service.party
    service.published.insert(0, service.party)
    asked.verify_receipt(service.receipt(message), message=message, decision="allow")
    asked.verify_receipt(old, message=message, decision="allow")
    assert service.paths().count("/.well-known/jwks.json") == 2


def test_keys_come_from_the_configured_service_even_if_discovery_names_another(
    service: Any, message: dict[str, Any]
) -> None:
    client(service).verify_receipt(service.receipt(message), message=message, decision="allow")
    assert {request.url.host for request in service.requests} == {"duecare.test"}


@pytest.mark.parametrize("keys", [None, {}, ["x"], [1]])
def test_a_malformed_key_set_cannot_decide(service: Any, message: dict[str, Any], keys: Any) -> None:
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(200, json={"keys": keys}))
    with pytest.raises(BadAnswer):
        client(service).verify_receipt(service.receipt(message), message=message, decision="allow")


@pytest.mark.parametrize("change", [{"kty": "oct", "k": "AAAA"}, {"kty": []}, {"x": "AAAA"}, {"crv": "X25519"}])
def test_a_published_key_that_cannot_be_used_verifies_nothing(
    service: Any, message: dict[str, Any], change: dict[str, Any]
) -> None:
    key = {**service.receipt_key.public_jwk, "kid": service.receipt_key.kid, **change}
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(200, json={"keys": [key]}))
    with pytest.raises(BadReceipt):
        client(service).verify_receipt(service.receipt(message), message=message, decision="allow")


def test_without_keys_nothing_is_proved(service: Any, message: dict[str, Any]) -> None:
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(503, json={}))
    with pytest.raises(CannotDecide):
        client(service).verify_receipt(service.receipt(message), message=message, decision="allow")
