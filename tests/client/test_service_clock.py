"""A client whose clock is wrong signs by the service's clock, once the service has said what time it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest

from duecare_client import Client
from duecare_client.errors import TokenRefused
from tests.client.conftest import ISSUER, MESSAGE, NOW, Service

URL = "https://duecare.test"
AHEAD = 600  # seconds


def wrong_in_time(request: httpx.Request, name: str = "token-ahead") -> httpx.Response:
    problem = {
        "type": f"urn:duecare:problem:{name}",
        "title": "Token refused",
        "status": 401,
        "detail": "The token is not valid yet.",
        "server_time": datetime.fromtimestamp(NOW, UTC).isoformat(),
    }
    return httpx.Response(401, json=problem, headers={"content-type": "application/problem+json"})


@pytest.fixture
def fast(service: Service) -> Client:
    """A client whose clock is ten minutes ahead."""
    network = service.network
    return Client(
        URL, "some-gateway", service.party.jwk, issuer=ISSUER, transport=network, clock=lambda: float(NOW + AHEAD)
    )


def issued_at(request: httpx.Request) -> Any:
    token = request.headers["authorization"].removeprefix("Bearer ")
    return jwt.decode(token, options={"verify_signature": False})["iat"]


def answered(service: Service) -> Any:
    return lambda request: httpx.Response(200, json=service.answer(json.loads(request.content)))


def test_a_token_refused_for_its_time_is_signed_again_by_the_services_clock(service: Service, fast: Client) -> None:
    service.instead("/v1/verify", wrong_in_time, answered(service))
    assert fast.verify(MESSAGE)["decision"] == "allow"
    first, second = service.to("/v1/verify")
    assert (issued_at(first), issued_at(second)) == (NOW + AHEAD, NOW)
    assert fast.now() == datetime.fromtimestamp(NOW, UTC)


def test_it_is_tried_once_and_then_said(service: Service, fast: Client) -> None:
    service.instead("/v1/verify", wrong_in_time)
    with pytest.raises(TokenRefused, match="600 seconds ahead"):
        fast.verify(MESSAGE)
    assert len(service.to("/v1/verify")) == 2


@pytest.mark.parametrize("name", ["token-audience", "token-lifetime", "key-refused"])
def test_a_token_refused_for_something_else_is_not_signed_again(service: Service, fast: Client, name: str) -> None:
    service.instead("/v1/verify", lambda request: wrong_in_time(request, name))
    with pytest.raises(TokenRefused):
        fast.verify(MESSAGE)
    assert len(service.to("/v1/verify")) == 1


def test_a_statement_dated_ahead_says_the_clock_for_the_next_and_is_never_redated(
    service: Service, fast: Client
) -> None:
    said = datetime.fromtimestamp(NOW, UTC).isoformat()
    problem = {"type": "urn:duecare:problem:dated-ahead", "title": "", "status": 422, "detail": "", "server_time": said}

    def rejected(request: httpx.Request) -> httpx.Response:
        (result,) = service._results(json.loads(request.content)["statements"])
        return httpx.Response(200, json={"results": [result | {"status": "rejected", "problem": problem}]})

    service.instead("/v1/statements", rejected)
    as_of = fast.now().isoformat()
    assert fast.state("mandate", {"as_of": as_of})["status"] == "rejected"
    (sent,) = service.to("/v1/statements")
    (token,) = json.loads(sent.content)["statements"]
    assert jwt.decode(token, options={"verify_signature": False})["as_of"] == as_of
    assert fast.now() == datetime.fromtimestamp(NOW, UTC)
