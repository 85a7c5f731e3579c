"""A refused token: the error says what to check, so that a newcomer finds the key, the party or the clock at fault."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from duecare_client import Client, NotAllowed
from duecare_client.errors import TokenRefused
from tests.client.conftest import ISSUER, MESSAGE, NOW

WHOAMI = {
    "party": "some-gateway",
    "roles": ["gateway"],
    "kid": "k",
    "state": "active",
    "token_expires_at": "2023-11-14T22:28:20Z",
    "server_time": "2023-11-14T22:13:20Z",
}


def refusal(status: int = 403, body: Any = None, ahead: float | None = None) -> Any:
    date = {} if ahead is None else {"date": format_datetime(datetime.fromtimestamp(NOW - ahead, UTC), usegmt=True)}
    return lambda _: httpx.Response(status, json=body or {"message": "Forbidden"}, headers=date)


def refused(service: Any, **given: Any) -> TokenRefused:
    service.instead("/v1/verify", refusal(**given))
    with (
        Client("https://duecare.test", "some-gateway", service.party.jwk, transport=service.network,
               clock=lambda: NOW) as one,
        pytest.raises(TokenRefused) as caught,
    ):  # fmt: skip
        one.verify(MESSAGE)
    return caught.value


def test_the_gateways_own_answer_is_explained(service: Any) -> None:
    error = refused(service, ahead=0)
    said = str(error)
    for words in ("Forbidden", service.party.kid, "some-gateway", "registered", "revoked", "clock agrees"):
        assert words in said
    assert (error.status, isinstance(error, NotAllowed)) == (403, True)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (61, "61 seconds ahead of the service's"),
        (-3600, "3600 seconds behind the service's"),
        (60, "agrees"),
        (-60, "agrees"),
        (None, "Check this machine's clock"),
    ],
)
def test_a_clock_that_differs_is_named(service: Any, ahead: float | None, words: str) -> None:
    assert words in str(refused(service, ahead=ahead))


@pytest.mark.parametrize("date", ["", "now", "Tue, 14 Nov 2023", "9" * 50, "Mon, 99 Jan 2023 00:00:00 GMT"])
def test_a_date_that_is_none_is_no_clock(service: Any, date: str) -> None:
    service.instead("/v1/verify", lambda _: httpx.Response(403, json={"message": "Forbidden"}, headers={"date": date}))
    one = Client("https://duecare.test", "x1", service.party.jwk, transport=service.network)
    with one, pytest.raises(TokenRefused, match="Check this machine's clock"):
        one.verify(MESSAGE)


@pytest.mark.parametrize("name", ["token-expired", "token-ahead", "token-audience", "token-lifetime", "key-refused"])
def test_a_problem_about_the_token_keeps_its_name_and_is_explained(service: Any, name: str) -> None:
    body = {"type": f"urn:duecare:problem:{name}", "title": "Not allowed", "detail": "The token has expired."}
    error = refused(service, status=401, body=body, ahead=7200)
    assert (error.name, error.status) == (name, 401)
    assert str(error).startswith("The token has expired. ")
    assert "7200 seconds ahead" in str(error)


def test_another_403_is_not_about_the_token(service: Any) -> None:
    body = {"type": "urn:duecare:problem:wrong-role", "title": "Not allowed", "detail": "This is for gateways."}
    service.instead("/v1/verify", refusal(body=body))
    one = Client("https://duecare.test", "x1", service.party.jwk, issuer=ISSUER, transport=service.network)
    with one, pytest.raises(NotAllowed) as caught:
        one.verify(MESSAGE)
    assert (type(caught.value), str(caught.value)) == (NotAllowed, "This is for gateways.")


def test_whoami_shows_how_the_service_sees_the_caller(duecare: Any, service: Any) -> None:
    service.instead("/v1/whoami", lambda _: httpx.Response(200, json=WHOAMI))
    result = duecare("whoami", "--profile", "local", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == WHOAMI
    shown = duecare("whoami", "--profile", "local", "--party", "some-asset")
    assert "gateway" in shown.stdout
    assert "as some-asset" in shown.stderr
    assert "clocks: they agree" in shown.stdout
    behind = {**WHOAMI, "server_time": "2023-11-14T23:13:20Z"}
    service.instead("/v1/whoami", lambda _: httpx.Response(200, json=behind))
    assert "clocks: this machine's is 3600 s behind" in duecare("whoami", "--profile", "local").stdout


def test_whoami_with_a_refused_token_says_what_to_check(duecare: Any, service: Any, profile: Path) -> None:
    service.instead("/v1/whoami", refusal(ahead=100))
    result = duecare("whoami", "--profile", "local")
    assert result.exit_code == 1
    assert service.party.kid in result.stderr
    assert "100 seconds ahead" in result.stderr
