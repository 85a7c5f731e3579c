"""The HTTP client: what it sends, and that it fails closed whatever comes back."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from duecare_client import (
    BadKey,
    BadSettings,
    CannotDecide,
    Client,
    Conflict,
    NotAllowed,
    NotFound,
    RequestError,
    Unavailable,
    Unreachable,
)
from duecare_client.errors import Unacceptable, Unreadable
from duecare_client.keyfile import generate

ISSUER = "urn:duecare:test"
NOW = 1_700_000_000
VERIFY = "/v1/verify"


def client(service: Any, **options: Any) -> Client:
    given = {"transport": service.network, "clock": lambda: NOW, **options}
    return Client("https://duecare.test/", "some-gateway", service.party.jwk, **given)


def claims(service: Any, token: str) -> dict[str, Any]:
    public: Ed25519PublicKey = service.party.private.public_key()
    unchecked: Any = {"verify_exp": False, "verify_iat": False}
    found: dict[str, Any] = jwt.decode(token, public, ["EdDSA"], audience=ISSUER, options=unchecked)
    return found


def problem(status: int, **members: Any) -> Any:
    body = {"type": "urn:duecare:problem:some-name", "status": status, "title": "Title", "detail": "Detail.", **members}
    return lambda _: httpx.Response(status, json=body, headers={"content-type": "application/problem+json"})


def raising(error: Exception) -> Any:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    return handler


def test_verify_asks_with_a_bearer_token_that_the_party_signed(service: Any, message: dict[str, Any]) -> None:
    answer = client(service).verify(message)

    (request,) = service.to(VERIFY)
    scheme, token = request.headers["authorization"].split()
    assert scheme == "Bearer"
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": service.party.kid, "typ": "JWT"}
    held = claims(service, token)
    assert (held["iss"], held["aud"], held["iat"]) == ("some-gateway", ISSUER, NOW)
    assert 0 < held["exp"] - held["iat"] <= 3600
    assert json.loads(request.content) == message
    assert answer["decision"] == "allow"


def test_the_issuer_and_the_token_are_kept_until_shortly_before_the_token_ends(
    service: Any, message: dict[str, Any]
) -> None:
    now = [float(NOW)]
    asked = client(service, clock=lambda: now[0])
    for later in (0, 600, 830):
        now[0] = NOW + later
        asked.verify(message)
    assert service.paths().count("/.well-known/duecare") == 1
    assert len({request.headers["authorization"] for request in service.to(VERIFY)}) == 1
    now[0] = NOW + 841
    asked.verify(message)
    assert len({request.headers["authorization"] for request in service.to(VERIFY)}) == 2


def test_a_known_issuer_is_compared_once_with_the_one_that_the_service_names(
    service: Any, message: dict[str, Any]
) -> None:
    one = client(service, issuer=ISSUER)
    one.verify(message)
    one.verify(message)
    assert service.paths() == ["/.well-known/duecare", VERIFY, VERIFY]


def test_a_refused_token_is_not_used_again(service: Any, message: dict[str, Any]) -> None:
    now = [NOW]
    asked = client(service, clock=lambda: now[0])
    service.instead(VERIFY, lambda _: httpx.Response(403, json={"message": "Forbidden"}))
    with pytest.raises(NotAllowed, match="Forbidden"):
        asked.verify(message)
    service.answers.clear()
    now[0] += 1
    asked.verify(message)
    first, second = (request.headers["authorization"] for request in service.to(VERIFY))
    assert first != second


@pytest.mark.parametrize("broken", [httpx.ConnectError("x"), httpx.ReadError("x"), httpx.RemoteProtocolError("x")])
def test_a_broken_connection_is_tried_once_more_with_the_same_bytes(
    service: Any, message: dict[str, Any], broken: Exception
) -> None:
    asked = client(service)
    service.instead(VERIFY, raising(broken), lambda request: httpx.Response(200, json=service.answer(message)))
    assert asked.verify(message)["decision"] == "allow"
    first, second = service.to(VERIFY)
    assert first.content == second.content


@pytest.mark.parametrize("broken", [httpx.ConnectError("x"), httpx.ReadError("x"), httpx.ReadTimeout("x")])
def test_no_answer_twice_cannot_decide(service: Any, message: dict[str, Any], broken: Exception) -> None:
    service.instead(VERIFY, raising(broken))
    with pytest.raises(Unreachable):
        client(service).verify(message)
    assert len(service.to(VERIFY)) == 2


def test_a_call_that_used_up_its_time_is_not_repeated(service: Any, message: dict[str, Any]) -> None:
    asked = client(service, issuer=ISSUER, timeout=0.2)
    service.instead(VERIFY, raising(httpx.ReadTimeout("x")))
    with pytest.raises(Unreachable, match="in time"):
        asked.verify(message)
    assert len(service.to(VERIFY)) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_cannot_decide_after_one_repetition(service: Any, message: dict[str, Any], status: int) -> None:
    service.instead(VERIFY, problem(status))
    with pytest.raises(Unavailable, match="Detail") as caught:
        client(service).verify(message)
    assert caught.value.status == status
    assert isinstance(caught.value, CannotDecide)
    assert len(service.to(VERIFY)) == 2


def test_too_many_requests_is_not_repeated_and_says_when(service: Any, message: dict[str, Any]) -> None:
    service.instead(VERIFY, lambda _: httpx.Response(429, json={}, headers={"retry-after": "7"}))
    with pytest.raises(Unavailable) as caught:
        client(service).verify(message)
    assert caught.value.retry_after == 7
    assert len(service.to(VERIFY)) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Unreadable), (401, NotAllowed), (403, NotAllowed), (404, NotFound), (409, Conflict), (422, Unacceptable)],
)
def test_a_problem_becomes_the_exception_of_its_status(
    service: Any, message: dict[str, Any], status: int, kind: type[RequestError]
) -> None:
    wrong = [{"pointer": "/recipient", "code": "not-e164", "message": "is not E.164"}]
    service.instead(VERIFY, problem(status, errors=wrong))
    with pytest.raises(kind, match="Detail") as caught:
        client(service).verify(message)
    assert (caught.value.status, caught.value.name, caught.value.detail) == (status, "some-name", "Detail.")
    assert caught.value.errors[0].pointer == "/recipient"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b'{"decision":"allow"'),
        httpx.Response(200, json=["allow"]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"decision": "maybe", "message_id": "m-1"}),
        httpx.Response(200, json={"decision": ["allow"], "message_id": "m-1"}),
        httpx.Response(200, json={"decision": "allow", "message_id": "another"}),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, content=b"x", headers={"content-encoding": "gzip"}),
        httpx.Response(204),
        httpx.Response(301, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(404, json={"message": "Not Found"}),
    ],
    ids=range(14),
)
def test_a_response_that_is_no_answer_cannot_decide(
    service: Any, message: dict[str, Any], answer: httpx.Response
) -> None:
    service.instead(VERIFY, lambda _: answer)
    with pytest.raises(CannotDecide):
        client(service).verify(message)


def test_an_endless_answer_is_cut_off(service: Any, message: dict[str, Any]) -> None:
    def endless() -> Any:
        while True:
            yield b" " * 65536

    service.instead(VERIFY, lambda _: httpx.Response(200, content=endless()))
    with pytest.raises(CannotDecide):
        client(service).verify(message)


def test_a_trickling_answer_is_stopped_at_the_deadline(service: Any, message: dict[str, Any]) -> None:
    now = 0.0

    def trickle() -> Any:
        nonlocal now
        while True:
            now += 0.05
            yield b" "

    service.instead(VERIFY, lambda _: httpx.Response(200, content=trickle()))
    one = client(service, issuer=ISSUER, timeout=0.2)
    one._http._monotonic = lambda: now
    with pytest.raises(Unreachable):
        one.verify(message)
    assert now <= 0.3


@pytest.mark.parametrize("proxy", ["http://name:secret@127.0.0.1:{port}", "127.0.0.1:{port}"])
def test_a_dead_proxy_is_named_without_its_password(
    service: Any, message: dict[str, Any], monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("https_proxy", proxy.format(port=port))
        with (
            Client("https://duecare.test", "some-gateway", service.party.jwk, issuer=ISSUER) as one,
            pytest.raises(Unreachable) as failed,
        ):
            one.verify(message)
    said = f"could not reach the proxy http://127.0.0.1:{port} (https_proxy), ConnectError; check the proxy, or unset"
    assert said in str(failed.value)
    assert "secret" not in str(failed.value)


def test_nothing_is_sent_where_the_message_is_not_json(service: Any, message: dict[str, Any]) -> None:
    for text in ("\ud800", {1, 2}, float("nan")):
        with pytest.raises(Unreadable):
            client(service).verify({**message, "text": text})
        with pytest.raises(Unreadable):
            client(service).state("reply", {"text": text})
    assert VERIFY not in service.paths()
    assert "/v1/statements" not in service.paths()


def test_a_decision_id_cannot_leave_its_place_in_the_path(service: Any) -> None:
    client(service).decision("../../v1/status?x#y")
    assert service.requests[-1].url.raw_path == b"/v1/decisions/..%2F..%2Fv1%2Fstatus%3Fx%23y"


def test_status_says_which_part_fails(service: Any) -> None:
    assert client(service).status() == {"status": "ok"}
    service.instead("/v1/status", problem(503, detail="the table does not answer"))
    with pytest.raises(Unavailable, match="table"):
        client(service).status()


@pytest.mark.parametrize("url", ["", "duecare.test", "ftp://duecare.test", "https://", "file:///etc/passwd"])
def test_an_invalid_url_is_refused(service: Any, url: str) -> None:
    with pytest.raises(BadSettings):
        Client(url, "some-gateway", service.party.jwk)


@pytest.mark.parametrize("url", ["https://[", "https://a..b", "http://127.0.0.1:1", "https://nowhere.invalid"])
def test_an_unreachable_host_cannot_decide(service: Any, message: dict[str, Any], url: str) -> None:
    with pytest.raises(CannotDecide):
        Client(url, "some-gateway", service.party.jwk, timeout=0.5).verify(message)


def test_only_a_whole_private_key_can_sign(service: Any) -> None:
    party, other = service.party, service.receipt_key
    wrong: list[dict[str, Any]] = [
        {},
        {"kty": "oct", "k": "AAAA"},
        party.public_jwk,
        {**party.jwk, "x": other.jwk["x"]},
        {**party.jwk, "d": "short"},
        {**party.jwk, "d": 7},
        {**generate("ES256"), "d": generate("ES256")["d"]},
    ]
    for jwk in wrong:
        with pytest.raises(BadKey) as caught:
            Client("https://duecare.test", "some-gateway", jwk)
        assert str(jwk.get("d", "no key")) not in str(caught.value)
