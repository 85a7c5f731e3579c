"""For any response of the service, a method of the client returns, or raises an exception of the client's tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duecare_client import Client, DuecareError
from tests.client.conftest import ISSUER, MESSAGE, NOW, Service

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["allow", "deny", "\ud800", "9" * 30, "2026-11-24T09:02:00Z", "9999-12-31T23:59:59-23:59"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted(
    set(Service().answer(MESSAGE))
    | {"results", "keys", "kid", "kty", "crv", "x", "y", "issuer", "type", "title", "detail", "errors", "message"}
    | {"state", "upload_id", "url", "headers", "rejects_url", "retry_at", "status", "statement_id"}
    | {"gateway", "from", "to", "final", "ok", "truncated", "counts", "signed", "record", "answer", "log"}
)
CHANGES = st.dictionaries(st.sampled_from(NAMES), JUNK, max_size=4)
HEADERS = st.dictionaries(
    st.sampled_from(["location", "retry-after", "content-encoding", "content-type", "set-cookie", "content-length"]),
    st.sampled_from(["", "gzip", "br", "7", "9" * 400, "http://[", "//\u00e9", "a=b; expires=x", "-1", "text/html"]),
    max_size=2,
)
STATUS = st.sampled_from([200, 200, 200, 201, 204, 301, 307, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 599])
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b'{"a":' + b"9" * 5000 + b"}", b"null"]),
    JUNK.map(lambda value: json.dumps(value).encode()),
)


def calls(client: Client) -> list[Callable[[], Any]]:
    """Every method that calls the service."""
    start, end = datetime(2023, 11, 1, tzinfo=UTC), datetime(2023, 11, 2, tzinfo=UTC)
    opened = {"url": "https://bucket.test/x", "headers": {}}
    return [
        lambda: client.may_send(MESSAGE),
        lambda: client.verify(MESSAGE),
        lambda: client.verify_receipt("a.b.c", message=MESSAGE, decision="allow"),
        lambda: client.decision("d-1"),
        lambda: client.bundle("d-1"),
        lambda: client.reconciliation(start, end),
        lambda: client.state("reply", {"text": "T"}),
        lambda: client.open_upload(client.manifest({"kind": "debt"})),
        lambda: client.send_file(client.open_upload("a.b.c"), [b"x"], 1),
        lambda: client.send_file(opened, [b"x"], 1),
        lambda: client.upload("u-1"),
        lambda: client.first_rejects({"rejects_url": "https://bucket.test/x"}),
        lambda: client.first_rejects(client.upload("u-1")),
        client.issuer,
        client.discovery,
        client.jwks,
        client.status,
        lambda: client.log_object("checkpoint"),
    ]


def try_all(handler: Callable[[httpx.Request], httpx.Response], issuer: str | None = ISSUER) -> None:
    jwk, network = Service().party.jwk, httpx.MockTransport(handler)
    with Client(
        "https://duecare.test", "some-gateway", jwk, issuer=issuer, transport=network, clock=lambda: NOW
    ) as one:
        one._http._sleep = lambda _: None
        for call in calls(one):
            with suppress(DuecareError):
                call()


@settings(max_examples=40)
@given(status=STATUS, body=BODIES, headers=HEADERS)
@example(status=200, body=b"row,column,code,message\n1,\ra,b,c\n", headers={})
@example(status=301, body=b"", headers={"location": "http://[", "content-encoding": "gzip"})
def test_any_response_at_all(status: int, body: bytes, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    try_all(lambda _: httpx.Response(status, content=body, headers=raw), issuer=None)


@settings(max_examples=80)
@given(changes=CHANGES, key_changes=CHANGES, receipt_changes=CHANGES)
@example(changes={}, key_changes={"x": "\ud800"}, receipt_changes={})
@example(changes={"valid_until": "9999-12-31T23:59:59-23:59"}, key_changes={}, receipt_changes={})
@example(changes={"state": []}, key_changes={}, receipt_changes={})
@example(changes={"url": "https://bucket.test/", "headers": {"\u00e9": "\u00e9"}}, key_changes={}, receipt_changes={})
def test_a_good_answer_with_members_replaced(
    changes: dict[str, Any], key_changes: dict[str, Any], receipt_changes: dict[str, Any]
) -> None:
    service = Service()

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/jwks.json":
            key = {**service.receipt_key.public_jwk, "kid": service.receipt_key.kid, **key_changes}
            return httpx.Response(200, content=json.dumps({"keys": [key]}).encode())
        answer = {**service.answer(MESSAGE), "receipt": receipt(service, receipt_changes)}
        upload = {"upload_id": "u-1", "state": "awaiting_file", "url": "https://bucket.test/x", "headers": {}}
        return httpx.Response(200, content=json.dumps({**answer, **upload, **changes}).encode())

    try_all(handler)


def receipt(service: Service, changes: dict[str, Any]) -> str:
    claims = jwt.decode(service.receipt(MESSAGE), options={"verify_signature": False})
    headers = {"typ": "decision+jws", "kid": service.receipt_key.kid}
    payload = json.dumps({**claims, **changes}).encode()
    return jwt.api_jws.encode(payload, service.receipt_key.private, algorithm="EdDSA", headers=headers)
