"""Every route of the template that has the authorizer judges the times of a token by the clock of its own function.

API Gateway caches the authorizer's answer, so a token may be minutes old when a function gets it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from duecare.runtime import telemetry
from duecare.runtime.http import context_of
from duecare.usecases.access.authorize import Authorize
from duecare_core.evidence.jose.proof import proven_jwk
from tests.support import events
from tests.support import functions as lambdas
from tests.support.between import CountingReader
from tests.support.world import ISSUER, World
from tests.template.conftest import Template, of_type
from tests.template.test_template import PUBLIC, routes

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
GOOD = {"iss": "xinxi", "aud": ISSUER, "iat": AT, "exp": AT + 600}
# The claims of a well-signed token, and the problem that every route has with it.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"iat": AT - 3600, "exp": AT - 61}, "token-expired"),
    "no exp": ({"exp": None}, "token-expired"),
    "exp is a text": ({"exp": str(AT + 600)}, "token-expired"),
    "exp is true": ({"exp": True}, "token-expired"),
    "endless": ({"exp": 1e300}, "token-expired"),
    "issued ahead": ({"iat": AT + 61, "exp": AT + 600}, "token-ahead"),
    "no iat": ({"iat": None}, "token-ahead"),
    "iat is a text": ({"iat": str(AT)}, "token-ahead"),
    "not before a later time": ({"nbf": AT + 61}, "token-ahead"),
    "nbf is a text": ({"nbf": "now"}, "token-ahead"),
    "no aud": ({"aud": None}, "token-audience"),
    "aud of another service": ({"aud": "https://elsewhere.example"}, "token-audience"),
    "aud with a slash": ({"aud": ISSUER + "/"}, "token-audience"),
    "aud of this service and another": ({"aud": [ISSUER, "https://elsewhere.example"]}, "token-audience"),
    "aud of this service twice": ({"aud": [ISSUER, ISSUER]}, "token-audience"),
    "aud of nobody": ({"aud": []}, "token-audience"),
    "too long": ({"exp": AT + 3601}, "token-lifetime"),
    "too long, hidden by nbf": ({"iat": AT - 7200, "nbf": AT, "exp": AT + 600}, "token-lifetime"),
    "ends when it begins": ({"iat": AT + 30, "exp": AT + 30}, "token-lifetime"),
}
RIGHT: dict[str, dict[str, Any]] = {
    "as the client makes it": {},
    "aud in a list": {"aud": [ISSUER]},
    "an hour": {"exp": AT + 3600},
    "expired within the skew": {"iat": AT - 3600, "exp": AT - 60},
    "issued within the skew": {"iat": AT + 60},
    "with fractions": {"iat": AT - 0.25, "exp": AT + 60.5},
    "with nbf and more": {"nbf": AT, "jti": "once", "sub": "anything"},
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "begin", lambda *_: None)
    monkeypatch.setattr(telemetry, "count", lambda *_, **__: None)
    monkeypatch.setattr(telemetry, "failed", lambda *_: None)


@pytest.fixture(scope="module")
def guarded(template: Template) -> dict[str, str]:
    """Every route that has the authorizer, and the name of its function."""
    found = {
        route: properties["CodeUri"].strip("/").rpartition("/")[2]
        for name, properties in of_type(template, "AWS::Serverless::Function").items()
        for route, event in routes({name: properties}).items()
        if event.get("Auth") != {"Authorizer": "NONE"}
    }
    assert not set(found) & PUBLIC
    assert {"POST /v1/verify", "POST /v1/verify/batch", "POST /v1/statements", "GET /v1/whoami"} <= set(found)
    return found


def context(**changes: Any) -> dict[str, str]:
    """The context that the real authorizer gives for a well-signed token with these claims."""
    claims = {name: value for name, value in (GOOD | changes).items() if value is not None}
    world = World().register("xinxi")
    world.operate.add_key("xinxi", proven_jwk(events.key("xinxi"), world.now))
    return context_of(Authorize(CountingReader(world.documents), ISSUER)(events.token("xinxi", claims)))


def ask(route: str, name: str, admitted: dict[str, str], now: datetime = NOW) -> tuple[dict[str, Any], dict[str, Any]]:
    """The response of a function whose table, secrets and buckets do not exist, and its body."""

    class Nothing:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"the function used {name} before it judged the token")

    kind = lambdas.service_type(name)
    service: Any = kind(lambdas.unused(kind.settings_type), clock=lambda: now)
    service.decision_store = service.documents = service.read_secrets = Nothing()
    event = events.load("verify-honest")
    event |= {"routeKey": route, "pathParameters": {"id": "a" * 26}, "body": "not even JSON"}
    event["requestContext"] |= {"routeKey": route, "authorizer": {"lambda": admitted}}
    response = lambdas.handler(name, service)(event, lambdas.Context())
    return response, json.loads(response["body"])


@pytest.mark.parametrize("fault", WRONG)
def test_every_route_says_what_is_wrong_with_a_well_signed_token(guarded: dict[str, str], fault: str) -> None:
    claims, problem = WRONG[fault]
    admitted = context(**claims)
    for route, name in guarded.items():
        response, body = ask(route, name, admitted)
        assert (route, response["statusCode"], body["type"]) == (route, 401, f"urn:duecare:problem:{problem}")
        assert body["server_time"] == "2026-11-24T09:00:00Z"
        assert response["headers"]["content-type"] == "application/problem+json"
        assert response["headers"]["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("name", RIGHT)
def test_no_route_objects_to_a_good_token(guarded: dict[str, str], name: str) -> None:
    admitted = context(**RIGHT[name])
    for route, function in guarded.items():
        response, _ = ask(route, function, admitted)
        assert response["statusCode"] != 401, route


def test_a_cached_answer_of_the_authorizer_does_not_outlive_the_token(guarded: dict[str, str]) -> None:
    """API Gateway passes on the same context for minutes."""
    cached = context(exp=AT + 30)
    for route, name in guarded.items():
        assert ask(route, name, cached, NOW + timedelta(seconds=90))[0]["statusCode"] != 401
        response, body = ask(route, name, cached, NOW + timedelta(seconds=91))
        assert (response["statusCode"], body["type"]) == (401, "urn:duecare:problem:token-expired")


def test_a_token_that_was_ahead_counts_once_its_time_has_come(guarded: dict[str, str]) -> None:
    cached = context(iat=AT + 120)
    for route, name in guarded.items():
        assert ask(route, name, cached)[1]["type"] == "urn:duecare:problem:token-ahead"
        assert ask(route, name, cached, NOW + timedelta(seconds=60))[0]["statusCode"] != 401


@pytest.mark.parametrize("missing", ["iat", "exp", "aud", "lifetime"])
def test_a_context_that_lacks_a_claim_is_refused(guarded: dict[str, str], missing: str) -> None:
    admitted = {name: value for name, value in context().items() if name != missing}
    for route, name in guarded.items():
        assert ask(route, name, admitted)[0]["statusCode"] == 401


def test_without_an_authorizer_every_route_refuses(guarded: dict[str, str]) -> None:
    for route, name in guarded.items():
        for admitted in ({}, {"party": "xinxi"}, None):
            response, body = ask(route, name, admitted)  # type: ignore[arg-type]
            assert (response["statusCode"], body["type"]) == (403, "urn:duecare:problem:not-allowed")
