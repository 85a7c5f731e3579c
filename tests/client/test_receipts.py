"""A receipt proves one answer about one message, or it proves nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import jwt
import pytest

from duecare_client import BadAnswer, BadReceipt, CannotDecide, Client

NOW = 1_700_000_000


def client(service: Any, now: int = NOW) -> Client:
    return Client(
        "https://duecare.test", "some-gateway", service.party.jwk, transport=service.network, clock=lambda: now
    )


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_good_receipt_gives_its_claims(service: Any, message: dict[str, Any]) -> None:
    receipt = service.receipt(message)
    claims = client(service).verify_receipt(receipt, text=message["text"], message_id="m-1", decision="allow")
    assert claims["jti"] == "d-1"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"message_id": "m-2"}, "message_id"),
        ({"text_sha256": "sha256:" + "0" * 64}, "text_sha256"),
        ({"decision": "deny"}, "decision"),
        ({"iss": "urn:duecare:other"}, "another service"),
        ({"exp": NOW}, "expired"),
        ({"iat": NOW + 61}, "future"),
        ({"exp": None}, "until when"),
        ({"exp": float(NOW + 120)}, "until when"),
        ({"typ": "JWT"}, "not a receipt"),
        ({"typ": "consent+jws"}, "not a receipt"),
    ],
)
def test_a_receipt_about_something_else_is_none(
    service: Any, message: dict[str, Any], changes: dict[str, Any], why: str
) -> None:
    receipt = service.receipt(message, **changes)
    with pytest.raises(BadReceipt, match=why):
        client(service).verify_receipt(receipt, text=message["text"], message_id="m-1", decision="allow")


def test_a_text_that_differs_by_one_character_is_another_text(service: Any, message: dict[str, Any]) -> None:
    receipt = service.receipt(message)
    for text in (message["text"] + " ", message["text"].replace("27911", "27912"), "", "\ud800"):
        with pytest.raises(BadReceipt):
            client(service).verify_receipt(receipt, text=text, message_id="m-1")


def test_an_expired_receipt_can_still_be_looked_at(service: Any, message: dict[str, Any]) -> None:
    receipt = service.receipt(message)
    assert client(service, NOW + 10_000).verify_receipt(receipt, expired_ok=True, message_id="m-1")


def test_a_receipt_signed_by_somebody_else_is_none(service: Any, message: dict[str, Any]) -> None:
    service.receipt_key = service.party
    with pytest.raises(BadReceipt, match="does not publish"):
        client(service).verify_receipt(service.receipt(message), message_id="m-1")


def test_a_signature_by_another_key_under_a_published_name_is_none(service: Any, message: dict[str, Any]) -> None:
    headers = {"typ": "decision+jws", "kid": service.receipt_key.kid}
    claims = jwt.decode(service.receipt(message), options={"verify_signature": False})
    forged = jwt.encode(claims, service.party.private, algorithm="EdDSA", headers=headers)
    with pytest.raises(BadReceipt, match="does not verify"):
        client(service).verify_receipt(forged, message_id="m-1")


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "ES256"])
def test_the_header_does_not_choose_the_algorithm(service: Any, message: dict[str, Any], alg: str) -> None:
    _, payload, signature = service.receipt(message).split(".")
    header = {"alg": alg, "typ": "decision+jws", "kid": service.receipt_key.kid}
    with pytest.raises(BadReceipt):
        client(service).verify_receipt(f"{part(header)}.{payload}.{signature}", message_id="m-1")


@pytest.mark.parametrize("receipt", ["", "a.b", "a.b.c", "é.b.c", "..", "None", "{}"])
def test_what_is_no_jws_is_no_receipt(service: Any, receipt: str) -> None:
    with pytest.raises(BadReceipt):
        client(service).verify_receipt(receipt, message_id="m-1")


def test_keys_are_asked_for_again_when_the_service_has_a_new_one(service: Any, message: dict[str, Any]) -> None:
    asked = client(service)
    asked.verify_receipt(service.receipt(message), message_id="m-1")
    asked.verify_receipt(service.receipt(message), message_id="m-1")
    assert service.paths().count("/.well-known/jwks.json") == 1
    old = service.receipt(message)
    service.receipt_key = service.party
    service.published.insert(0, service.party)
    asked.verify_receipt(service.receipt(message), message_id="m-1")
    asked.verify_receipt(old, message_id="m-1")
    assert service.paths().count("/.well-known/jwks.json") == 2


def test_keys_come_from_the_configured_service_whatever_discovery_says(service: Any, message: dict[str, Any]) -> None:
    client(service).verify_receipt(service.receipt(message), message_id="m-1")
    assert {request.url.host for request in service.requests} == {"duecare.test"}


@pytest.mark.parametrize("keys", [None, {}, ["x"], [1]])
def test_a_key_set_that_is_none_cannot_decide(service: Any, message: dict[str, Any], keys: Any) -> None:
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(200, json={"keys": keys}))
    with pytest.raises(BadAnswer):
        client(service).verify_receipt(service.receipt(message), message_id="m-1")


@pytest.mark.parametrize("change", [{"kty": "oct", "k": "AAAA"}, {"kty": []}, {"x": "AAAA"}, {"crv": "X25519"}])
def test_a_published_key_that_cannot_be_used_verifies_nothing(
    service: Any, message: dict[str, Any], change: dict[str, Any]
) -> None:
    key = {**service.receipt_key.public_jwk, "kid": service.receipt_key.kid, **change}
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(200, json={"keys": [key]}))
    with pytest.raises(BadReceipt):
        client(service).verify_receipt(service.receipt(message), message_id="m-1")


def test_without_keys_nothing_is_proved(service: Any, message: dict[str, Any]) -> None:
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(503, json={}))
    with pytest.raises(CannotDecide):
        client(service).verify_receipt(service.receipt(message), message_id="m-1")
