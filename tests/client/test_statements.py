"""Statements as the client signs and sends them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from duecare_client import BadAnswer, Client
from duecare_client.errors import Unreadable
from duecare_client.keyfile import generate, published

ISSUER = "urn:duecare:test"
NOW = 1_700_000_000


def client(service: Any, **options: Any) -> Client:
    given = {"transport": service.network, "clock": lambda: NOW, **options}
    return Client("https://duecare.test/", "some-gateway", service.party.jwk, **given)


def claims(service: Any, token: str) -> dict[str, Any]:
    public: Ed25519PublicKey = service.party.private.public_key()
    unchecked: Any = {"verify_exp": False, "verify_iat": False}
    found: dict[str, Any] = jwt.decode(token, public, ["EdDSA"], audience=ISSUER, options=unchecked)
    return found


def test_a_statement_carries_its_kind_its_members_and_who_states_it(service: Any) -> None:
    members = {"recipient": "+8613800138000", "text": "T"}
    result = client(service).state("reply", members)
    assert result["status"] == "accepted"

    (request,) = service.to("/v1/statements")
    (signed,) = json.loads(request.content)["statements"]
    assert jwt.get_unverified_header(signed) == {"alg": "EdDSA", "kid": service.party.kid, "typ": "reply+jws"}
    assert claims(service, signed) == {**members, "iss": "some-gateway", "aud": ISSUER, "iat": NOW}


def test_a_statement_is_signed_with_p256_where_the_key_is(service: Any) -> None:
    key = generate("ES256")
    Client("https://duecare.test", "some-asset", key, transport=service.network).state("debt", {})
    (signed,) = json.loads(service.to("/v1/statements")[0].content)["statements"]
    public = jwt.PyJWK(published(key))
    assert jwt.decode(signed, public, ["ES256"], audience=ISSUER)["iss"] == "some-asset"


def test_the_same_statement_is_sent_again_when_the_answer_was_lost(service: Any) -> None:
    seen: list[bytes] = []
    first = iter([True])

    def lost(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        if next(first, False):
            raise httpx.ReadError("x")
        service.answers.clear()
        answer: httpx.Response = service._handle(request)
        return answer

    service.instead("/v1/statements", lost)
    assert client(service).state("reply", {})["status"] == "accepted"
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_many_statements_go_by_the_hundred_and_come_back_in_order(service: Any) -> None:
    results = client(service).state_many(("reply", {"text": str(number)}) for number in range(201))
    sizes = [len(json.loads(request.content)["statements"]) for request in service.to("/v1/statements")]
    assert sizes == [100, 100, 1]
    assert len({result["statement_id"] for result in results}) == 201


@pytest.mark.parametrize("results", [None, [], [{}], [{"statement_id": "sha256:00", "status": "accepted"}]])
def test_results_about_other_statements_are_no_answer(service: Any, results: Any) -> None:
    service.instead("/v1/statements", lambda _: httpx.Response(200, json={"results": results}))
    with pytest.raises(BadAnswer):
        client(service).state("reply", {})


@pytest.mark.parametrize("name", ["iss", "aud", "iat"])
def test_a_statement_must_not_hold_the_members_that_signing_adds(service: Any, name: str) -> None:
    with pytest.raises(Unreadable, match=name):
        client(service).state("reply", {name: "x"})
