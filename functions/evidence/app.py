"""evidence: what was decided, for those whom it concerns, with its case file; the log; and the contract as OpenAPI."""

from __future__ import annotations

from typing import Any

from duecare.runtime import wiring
from duecare.runtime.http import Event, Response, caller_of, language_of, ok, public_url, sent, serve
from duecare.runtime.openapi import document
from duecare.usecases.audit.look_up import FoundDecision, numbered
from duecare.usecases.log.published_log import CHECKPOINT, published
from duecare.usecases.verify.stored_decision import answer
from duecare_core.evidence.casefile.bundle import MEDIA_TYPE
from duecare_core.evidence.record import as_json


def handler(event: Event, _context: Any) -> Response:
    return serve(event, ROUTES)


def decision(event: Event) -> Response:
    """GET /v1/decisions/{id}"""
    found = _found(event)
    settings, language = wiring.settings(), language_of(event)
    url = public_url(event, settings.public_url)
    told = answer(found.decided, issuer=settings.issuer, public_url=url, language=language)
    log = {"logged": True, "index": found.logged.index} if found.logged else {"logged": False}
    return ok({"answer": told, "record": as_json(found.decided.record), "log": log}, language=language)


def case_file(event: Event) -> Response:
    """GET /v1/decisions/{id}/bundle"""
    return sent(wiring.case_files()(_found(event)), MEDIA_TYPE, cache="no-store")


def openapi(_event: Event) -> Response:
    """GET /openapi.json"""
    return ok(document(), cache="public, max-age=300")


def checkpoint(_event: Event) -> Response:
    """GET /log/checkpoint (c2sp.org/tlog-tiles)"""
    return sent(published(wiring.log_files(), CHECKPOINT), "text/plain; charset=utf-8", cache="no-cache")


def tile(event: Event) -> Response:
    """GET /log/tile/<L>/<N>[.p/<W>] and /log/tile/entries/<N>[.p/<W>]: whatever has such a name never changes."""
    data = published(wiring.log_files(), f"tile/{event['pathParameters']['proxy']}")
    return sent(data, "application/octet-stream", cache="public, max-age=31536000, immutable")


def _found(event: Event) -> FoundDecision:
    attempt = numbered((event.get("queryStringParameters") or {}).get("attempt"))
    return wiring.look_up()(caller_of(event), event["pathParameters"]["id"], attempt)


ROUTES = {
    "GET /v1/decisions/{id}": decision,
    "GET /v1/decisions/{id}/bundle": case_file,
    "GET /openapi.json": openapi,
    "GET /log/checkpoint": checkpoint,
    "GET /log/tile/{proxy+}": tile,
}
