"""A key signs for one issuer, at one address; and nothing is sent in the clear to another machine.

The attacker is a server that names an issuer of its choice, to collect statements and tokens that the issuer's own
service would accept.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from duecare_client import BadSettings, Client
from duecare_client.issuers import IssuerPins
from tests.client.conftest import ISSUER, MESSAGE, NOW, Command, Service

REAL, EVIL = "https://duecare.test", "https://evil.test"
OTHER = "urn:duecare:another"


class NamedServices:
    """Services by host, each of which names an issuer; keeps what each got."""

    def __init__(self, **issuers: str) -> None:
        self.service = Service()
        self.issuers = {f"{host}.test": issuer for host, issuer in issuers.items()}
        self.requests: list[httpx.Request] = []
        self.network = httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/.well-known/duecare":
            return httpx.Response(200, json={"issuer": self.issuers[request.url.host]})
        return self.service._handle(request)

    def signed(self, host: str) -> list[str]:
        """The paths of the requests to this host that carried a signature."""
        to_host = [request for request in self.requests if request.url.host == host]
        return [one.url.path for one in to_host if "authorization" in one.headers or b"eyJ" in one.content]


SIGNING: dict[str, Callable[[Client], object]] = {
    "a token": lambda client: client.verify(MESSAGE),
    "a statement": lambda client: client.state("reply", {"text": "T"}),
    "a manifest": lambda client: client.open_upload(client.manifest({"kind": "debt"})),
    "whoami": lambda client: client.whoami(),
}


def client(services: NamedServices, url: str, pins: IssuerPins | str | None) -> Client:
    jwk, network = services.service.party.jwk, services.network
    return Client(url, "some-gateway", jwk, issuer=pins, transport=network, clock=lambda: NOW)


@pytest.mark.parametrize("signing", SIGNING)
def test_nothing_is_signed_where_the_service_names_another_issuer_than_the_configured_one(signing: str) -> None:
    services = NamedServices(evil=OTHER)
    with client(services, EVIL, ISSUER) as one, pytest.raises(BadSettings) as caught:
        SIGNING[signing](one)
    assert all(word in str(caught.value) for word in (EVIL, OTHER, ISSUER, "DUECARE_ISSUER", "Nothing was signed"))
    assert services.signed("evil.test") == []


@pytest.mark.parametrize("signing", SIGNING)
def test_nothing_is_signed_where_a_server_names_another_issuer_than_at_first(tmp_path: Path, signing: str) -> None:
    services = NamedServices(duecare=ISSUER)
    with client(services, REAL, IssuerPins(tmp_path)) as one:
        one.verify(MESSAGE)
    services.issuers["duecare.test"] = OTHER
    services.requests.clear()
    with client(services, REAL, IssuerPins(tmp_path)) as one, pytest.raises(BadSettings) as caught:
        SIGNING[signing](one)
    assert all(word in str(caught.value) for word in (REAL, OTHER, ISSUER, "DUECARE_ISSUER", "Nothing was signed"))
    assert services.signed("duecare.test") == []


@pytest.mark.parametrize("signing", SIGNING)
@pytest.mark.parametrize("named", [ISSUER, OTHER], ids=["the pinned issuer", "another"])
def test_an_evil_server_at_another_address_gets_nothing_signed(tmp_path: Path, signing: str, named: str) -> None:
    services = NamedServices(duecare=ISSUER, evil=named)
    with client(services, REAL, IssuerPins(tmp_path)) as one:
        one.verify(MESSAGE)
    with client(services, EVIL, IssuerPins(tmp_path)) as one, pytest.raises(BadSettings) as caught:
        SIGNING[signing](one)
    assert all(word in str(caught.value) for word in (EVIL, REAL, "Nothing was signed"))
    assert services.signed("evil.test") == []


def test_a_configured_issuer_is_remembered_too(tmp_path: Path) -> None:
    services = NamedServices(duecare=ISSUER, evil=ISSUER)
    with client(services, REAL, IssuerPins(tmp_path, ISSUER)) as one:
        one.verify(MESSAGE)
    with client(services, EVIL, IssuerPins(tmp_path)) as one, pytest.raises(BadSettings):
        one.verify(MESSAGE)


def test_a_configured_issuer_allows_another_address(tmp_path: Path) -> None:
    services = NamedServices(duecare=ISSUER, evil=ISSUER)
    with client(services, REAL, IssuerPins(tmp_path)) as one:
        one.verify(MESSAGE)
    with client(services, EVIL, IssuerPins(tmp_path, ISSUER)) as one:
        assert one.verify(MESSAGE)["decision"] == "allow"


def test_another_key_has_a_pin_of_its_own(tmp_path: Path) -> None:
    services = NamedServices(duecare=ISSUER, second=OTHER)
    first, second = services.service.party, services.service.receipt_key
    for url, key, named in ((REAL, first, ISSUER), ("https://second.test", second, OTHER)):
        with Client(url, "x1", key.jwk, issuer=IssuerPins(tmp_path), transport=services.network) as one:
            assert one.issuer() == named
    pins = {path.stem: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert pins[first.kid] == {"url": REAL, "issuer": ISSUER}
    assert len(pins) == 2


def test_a_service_on_this_machine_may_change_its_port(tmp_path: Path) -> None:
    services = NamedServices()
    services.issuers = {"127.0.0.1": ISSUER}
    for port in (8001, 8002):
        with client(services, f"http://127.0.0.1:{port}", IssuerPins(tmp_path)) as one:
            assert one.issuer() == ISSUER
    services.issuers = {"127.0.0.1": OTHER}
    with client(services, "http://127.0.0.1:8003", IssuerPins(tmp_path)) as one, pytest.raises(BadSettings):
        one.issuer()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"url": 1, "issuer": 2}', b"\xff"])
def test_a_damaged_pin_is_never_taken_for_none(tmp_path: Path, content: bytes) -> None:
    services = NamedServices(duecare=ISSUER)
    (tmp_path / f"{services.service.party.kid}.json").write_bytes(content)
    with client(services, REAL, IssuerPins(tmp_path)) as one, pytest.raises(BadSettings, match="not a pinned issuer"):
        one.verify(MESSAGE)
    with client(services, REAL, IssuerPins(tmp_path, ISSUER)) as one:
        one.verify(MESSAGE)


def test_an_issuer_that_cannot_be_remembered_is_not_signed_for(tmp_path: Path) -> None:
    services = NamedServices(duecare=ISSUER)
    (tmp_path / "file").write_text("")
    nowhere = tmp_path / "file" / "issuers"
    with client(services, REAL, IssuerPins(nowhere)) as one, pytest.raises(BadSettings, match="DUECARE_ISSUER"):
        one.verify(MESSAGE)
    assert services.signed("duecare.test") == []
    with client(services, REAL, IssuerPins(nowhere, ISSUER)) as one:
        one.verify(MESSAGE)


# The command


def environment(folder: Path, **given: str) -> dict[str, str]:
    key = str(folder / ".duecare" / "party.jwk")
    return {"HOME": str(folder), "DUECARE_PARTY": "some-gateway", "DUECARE_KEY": key, "DUECARE_URL": REAL, **given}


def test_the_command_pins_at_first_use_and_refuses_another_issuer(profile: Path) -> None:
    services = NamedServices(duecare=ISSUER, evil=OTHER)
    assert Command(services, profile, environment(profile))("verify", "-", stdin=MESSAGE).exit_code == 0
    (pin,) = (profile / ".local" / "state" / "duecare" / "issuers").iterdir()
    assert json.loads(pin.read_text()) == {"url": REAL, "issuer": ISSUER}
    result = Command(services, profile, environment(profile, DUECARE_URL=EVIL))("verify", "-", stdin=MESSAGE)
    assert result.exit_code == 2
    assert OTHER in result.stderr
    assert ISSUER in result.stderr
    assert services.signed("evil.test") == []


def test_the_state_directory_is_where_xdg_says(profile: Path, tmp_path: Path) -> None:
    run = Command(NamedServices(duecare=ISSUER), profile, environment(profile, XDG_STATE_HOME=str(tmp_path / "s")))
    assert run("verify", "-", stdin=MESSAGE).exit_code == 0
    assert len(list((tmp_path / "s" / "duecare" / "issuers").iterdir())) == 1


def test_duecare_issuer_names_the_issuer_and_a_profile_does(profile: Path) -> None:
    services = NamedServices(duecare=OTHER)
    for args, given in ((["--profile", "local"], {}), ([], {"DUECARE_ISSUER": ISSUER})):
        result = Command(services, profile, environment(profile, **given))("verify", "-", *args, stdin=MESSAGE)
        assert (result.exit_code, OTHER in result.stderr, ISSUER in result.stderr) == (2, True, True)
    right = Command(services, profile, environment(profile, DUECARE_ISSUER=OTHER))
    assert right("state", "reply", "-", stdin={"text": "T"}).exit_code == 0


# The connection


@pytest.mark.parametrize(
    "url",
    [
        "http://duecare.test",
        "http://10.0.0.1",
        "http://0.0.0.0:80",
        "http://127.0.0.1.evil.test",
        "http://localhost.evil.test",
        "http://localhost@evil.test",
        "http://[2001:db8::1]",
        "HTTP://duecare.test",
    ],
)
def test_plain_http_to_another_machine_is_refused_before_anything_is_sent(profile: Path, url: str) -> None:
    services = NamedServices(duecare=ISSUER, evil=ISSUER)
    with pytest.raises(BadSettings, match="https"):
        client(services, url, ISSUER)
    for command in (["verify", "-"], ["log", "check"]):
        result = Command(services, profile, environment(profile, DUECARE_URL=url))(*command, stdin=MESSAGE)
        assert (result.exit_code, "https" in result.stderr) == (2, True)
    assert services.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566", "[::1]:4566", "127.9.9.9", "api.localhost:4566"])
def test_plain_http_within_this_machine_is_allowed(host: str) -> None:
    with client(NamedServices(), f"http://{host}", ISSUER) as allowed:
        assert allowed.party == "some-gateway"


def test_a_redirect_is_not_followed() -> None:
    services = NamedServices(duecare=ISSUER, evil=ISSUER)
    services.service.instead("/v1/verify", lambda _: httpx.Response(307, headers={"location": f"{EVIL}/v1/verify"}))
    with client(services, REAL, ISSUER) as one, pytest.raises(Exception, match="307"):
        one.verify(MESSAGE)
    assert {request.url.host for request in services.requests} == {"duecare.test"}


def test_the_keys_come_from_the_same_url_whatever_jwks_uri_says() -> None:
    service = Service()  # its jwks_uri is on another host
    with Client(REAL, "some-gateway", service.party.jwk, transport=service.network, clock=lambda: NOW) as one:
        assert one.may_send(MESSAGE)
    assert {request.url.host for request in service.requests} == {"duecare.test"}


@pytest.mark.parametrize("url", [REAL, "http://127.0.0.1:1"])
def test_a_file_is_not_sent_in_the_clear_to_another_machine(url: str) -> None:
    with client(NamedServices(), url, ISSUER) as one, pytest.raises(Exception, match="http URL"):
        one.send_file({"url": "http://bucket.test/x", "headers": {}}, [b"x"], 1)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that keeps the first line of each request."""
    seen: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.requestline)
            self.send_response(503)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_plain_http_within_this_machine_goes_through_no_proxy(
    listener: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, seen = listener
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Client(url, "some-gateway", Service().party.jwk) as one, pytest.raises(Exception, match="503"):
        one.issuer()
    assert seen[0].startswith("GET /.well-known/duecare ")
