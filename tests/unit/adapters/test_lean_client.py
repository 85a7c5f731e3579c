"""The lean client: its signatures, compared with botocore's; its retries and connections, over a real socket."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from duecare.adapters import http1
from duecare.adapters.lean_client import Call, Credentials, Wire, WireError

Answer = tuple[int, bytes]
STORED: Answer = (200, b'{"ok":true}')
THROTTLED: Answer = (400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}')
NOT_MET: Answer = (400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{}}')


def wire(endpoint: str, **settings: Any) -> Wire:
    usual: dict[str, Any] = {
        "service": "dynamodb",
        "target": "DynamoDB_20120810",
        "json_version": "1.0",
        "region": "us-east-1",
        "credentials": Credentials("AKID", "secret", None),
    }
    return Wire(endpoint=endpoint, **(usual | settings))


# Signature Version 4

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


@given(
    body=st.binary(max_size=2000),
    service=st.sampled_from(["dynamodb", "secretsmanager"]),
    operation=st.sampled_from(["Query", "BatchGetItem", "PutItem", "GetSecretValue"]),
    region=NAMES,
    access_key=PRINTABLE,
    secret_key=PRINTABLE,
    token=st.none() | PRINTABLE,
    endpoint=st.sampled_from(["https://dynamodb.us-east-1.amazonaws.com", "http://127.0.0.1:8000"]),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_requests_are_signed_as_botocore_signs_them(  # noqa: PLR0917
    body: bytes,
    service: str,
    operation: str,
    region: str,
    access_key: str,
    secret_key: str,
    token: str | None,
    endpoint: str,
    now: datetime,
) -> None:
    ours = wire(
        endpoint,
        service=service,
        region=region,
        credentials=Credentials(access_key, secret_key, token),
        clock=lambda: now,
    )
    ours._request(Call(operation, b"the key is derived once and used again"))
    headers = ours._request(Call(operation, body)).headers

    own = {name: headers[name] for name in ("content-type", "x-amz-target")}
    request = AWSRequest("POST", endpoint + "/", headers=own, data=body)
    with patch("botocore.auth.get_current_datetime", return_value=now.replace(tzinfo=None)):
        SigV4Auth(BotocoreCredentials(access_key, secret_key, token), service, region).add_auth(request)
    assert {name.lower(): value for name, value in request.headers.items()} | {"host": headers["host"]} == headers


# A service with scripted responses


class Service:
    """Answers requests from a list of responses, or of functions that act on the connection instead."""

    def __init__(self, *plan: Answer | Callable[[BaseHTTPRequestHandler], None], then: Answer = STORED) -> None:
        self.plan = list(plan)
        self.then = then
        self.requests: list[tuple[str, bytes]] = []
        self.connections = 0
        self.received = threading.Event()  # the first request
        self.lock = threading.Lock()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        with self.lock:
            self.requests.append((handler.headers["x-amz-target"], body))
            step = self.plan.pop(0) if self.plan else self.then
        self.received.set()
        if callable(step):
            step(handler)
        else:
            send(handler, *step)


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close without an answer: the request may or may not have been carried out."""
    handler.close_connection = True


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    handler.close_connection = True


def answer_and_hang_up(handler: BaseHTTPRequestHandler) -> None:
    send(handler, *STORED)
    handler.close_connection = True


def answer_twice(handler: BaseHTTPRequestHandler) -> None:
    send(handler, *STORED)
    send(handler, 200, b'{"ok":"an answer to nothing"}')


def in_chunks(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(
        b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;x=y\r\n{"ok\r\n7\r\n":true}\r\n0\r\nsum: 1\r\n\r\n'
    )


def after_an_interim_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-LENGTH:11\r\n\r\n{"ok":true}')


def not_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    handler.close_connection = True


@contextmanager
def running(service: Service) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            service.connections += 1

        def do_POST(self) -> None:
            service.serve(self)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # an idle connection must not keep the server alive
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def calling() -> Iterator[Callable[..., Any]]:
    """`calling(service, **settings)` starts the service and gives a Wire to it; both are closed after the test."""
    opened: list[Any] = []

    def start(service: Service, **settings: Any) -> Wire:
        context = running(service)
        endpoint = context.__enter__()
        client = wire(endpoint, **settings)
        opened.extend([(client.close, ()), (context.__exit__, (None, None, None))])
        return client

    yield start
    for close, arguments in opened:
        close(*arguments)


CALL = ("PutItem", b'{"TableName":"t"}')
WITHIN = 10  # seconds; only a test that fails waits that long


def wait_for_input(client: Wire) -> None:
    """Wait until the idle connection has unrequested bytes, or is closed."""
    (idle,) = client._idle
    assert idle._unread or select.select([idle._socket], [], [], WITHIN)[0]


def test_answers_come_in_the_order_of_the_calls(calling: Callable[..., Wire]) -> None:
    service = Service((200, b'"first"'), (200, b'"second"'))
    client = calling(service)
    answers = client.exchange([Call("Query", b"{}"), Call("BatchGetItem", b"{}")])
    targets = {target for target, _ in service.requests}
    assert sorted(answers) == [b'"first"', b'"second"']
    assert targets == {"DynamoDB_20120810.Query", "DynamoDB_20120810.BatchGetItem"}


def test_the_work_of_the_caller_is_done_after_the_requests_are_sent_and_once_for_all_attempts(
    calling: Callable[..., Wire],
) -> None:
    service = Service((400, b'{"__type":"x#ThrottlingException"}'), (200, b"{}"), (200, b"{}"))
    seen: list[int] = []

    def meanwhile() -> None:
        assert service.received.wait(WITHIN)  # would not come if the caller's work were done first
        seen.append(1)

    assert calling(service).exchange([Call(*CALL)], meanwhile) == [b"{}"]
    assert seen == [1]


def test_connections_are_kept_alive_and_used_again(calling: Callable[..., Wire]) -> None:
    service = Service()
    client = calling(service)
    for _ in range(5):
        client.exchange([Call(*CALL), Call(*CALL)])
    assert len(service.requests) == 10
    assert service.connections == 2


def test_a_throttled_call_is_retried_after_a_backoff(calling: Callable[..., Wire]) -> None:
    service = Service(THROTTLED)
    client = calling(service)
    with patch("time.sleep") as pause:
        assert json.loads(client.call(*CALL)) == {"ok": True}
    ((seconds,), _) = pause.call_args
    assert 0.025 <= seconds <= 0.05
    assert pause.call_count == 1
    assert [body for _, body in service.requests] == [CALL[1]] * 2


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_retried(calling: Callable[..., Wire], status: int) -> None:
    assert calling(Service((status, b"<html>down</html>"))).call(*CALL) == STORED[1]


def test_persistent_throttling_is_an_error_after_four_attempts(calling: Callable[..., Wire]) -> None:
    service = Service(then=THROTTLED)
    with pytest.raises(WireError) as raised:
        calling(service).call(*CALL)
    assert raised.value.code == "ThrottlingException"
    assert len(service.requests) == 4


def test_no_attempt_begins_after_the_deadline(calling: Callable[..., Wire]) -> None:
    service = Service(then=THROTTLED)
    with pytest.raises(WireError):
        calling(service, deadline=0.0).call(*CALL)
    assert len(service.requests) == 1


def test_a_false_condition_is_not_retried_and_returns_the_item(calling: Callable[..., Wire]) -> None:
    service = Service(NOT_MET)
    with pytest.raises(WireError) as raised:
        calling(service).call(*CALL)
    assert raised.value.code == "ConditionalCheckFailedException"
    assert json.loads(raised.value.body)["Item"] == {}
    assert len(service.requests) == 1


def test_a_connection_that_was_closed_while_idle_is_replaced_at_once(calling: Callable[..., Wire]) -> None:
    service = Service(answer_and_hang_up)
    client = calling(service)
    client.call(*CALL)
    wait_for_input(client)
    with patch("time.sleep", side_effect=AssertionError("a pause")):
        assert client.call(*CALL) == STORED[1]
    assert len(service.requests) == 2
    assert service.connections == 2


@pytest.mark.parametrize("fault", [hang_up, cut_short])
def test_a_connection_closed_instead_of_a_response_is_replaced_at_once(
    calling: Callable[..., Wire], fault: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    service = Service(STORED, fault)
    client = calling(service)
    client.call(*CALL)
    with patch("time.sleep", side_effect=AssertionError("a pause")):
        assert client.call(*CALL) == STORED[1]
    assert len(service.requests) == 3


def test_persistently_closed_connections_are_an_error(calling: Callable[..., Wire]) -> None:
    service = Service(*[hang_up] * 4)
    with pytest.raises(WireError) as raised:
        calling(service).call(*CALL)
    assert raised.value.code == "ConnectionClosed"


def test_no_response_within_the_timeout_is_an_error(calling: Callable[..., Wire]) -> None:
    over = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        over.wait(WITHIN)

    service = Service(silent)
    with pytest.raises(WireError) as raised:
        calling(service, timeout=0.1, attempts=1).call(*CALL)
    assert raised.value.code == "RequestTimeout"
    over.set()


def test_a_late_response_is_never_taken_for_the_next_one(calling: Callable[..., Wire]) -> None:
    given_up, sent = threading.Event(), threading.Event()

    def late(handler: BaseHTTPRequestHandler) -> None:
        given_up.wait(WITHIN)
        with suppress(ConnectionError):
            send(handler, 200, b'{"ok":"late"}')
        handler.close_connection = True
        sent.set()

    client = calling(Service(late), timeout=0.1)
    assert client.call(*CALL) == STORED[1]
    given_up.set()
    assert sent.wait(WITHIN)
    assert client.call(*CALL) == STORED[1]


def test_an_unrequested_response_is_never_taken_for_the_next_one(calling: Callable[..., Wire]) -> None:
    client = calling(Service(answer_twice))
    client.call(*CALL)
    wait_for_input(client)
    assert client.call(*CALL) == STORED[1]


@pytest.mark.parametrize("at_once", [1, 7, 64 * 1024])
@pytest.mark.parametrize("way", [in_chunks, after_an_interim_answer])
def test_a_response_is_read_from_pieces_of_any_size(
    calling: Callable[..., Wire],
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[BaseHTTPRequestHandler], None],
    at_once: int,
) -> None:
    monkeypatch.setattr(http1, "_RECEIVE", at_once)
    service = Service(way)
    client = calling(service)
    assert client.call(*CALL) == STORED[1]
    assert client.call(*CALL) == STORED[1]
    assert service.connections == 1


def test_a_response_that_is_not_http_is_an_error(calling: Callable[..., Wire]) -> None:
    service = Service(then=STORED)
    service.plan = [not_http]
    with pytest.raises(WireError) as raised:
        calling(service).call(*CALL)
    assert raised.value.code == "GarbledResponse"
    assert len(service.requests) == 1


def test_a_refused_connection_is_an_error() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(WireError) as raised:
        wire(endpoint, attempts=2).call(*CALL)
    assert raised.value.code == "ConnectionClosed"


def test_an_error_of_one_call_is_the_error_of_the_exchange(calling: Callable[..., Wire]) -> None:
    service = Service(STORED, NOT_MET)
    client = calling(service)
    with pytest.raises(WireError, match="ConditionalCheckFailedException"):
        client.exchange([Call(*CALL), Call(*CALL)])
    assert client.exchange([Call(*CALL), Call(*CALL)]) == [STORED[1]] * 2
    assert service.connections == 2
