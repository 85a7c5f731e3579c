"""evidence: what was decided, for those whom it concerns, and the contract as OpenAPI."""

from __future__ import annotations

from typing import Any

from duecare.evidence.record import as_json
from duecare.runtime import wiring
from duecare.runtime.http import Event, Response, caller_of, language_of, ok, public_url, serve
from duecare.runtime.openapi import document
from duecare.usecases.decided import answer


def handler(event: Event, _context: Any) -> Response:
    return serve(event, ROUTES)


def decision(event: Event) -> Response:
    """GET /v1/decisions/{id}"""
    decided = wiring.look_up()(caller_of(event), event["pathParameters"]["id"])
    settings, language = wiring.settings(), language_of(event)
    url = public_url(event, settings.public_url)
    told = answer(decided, issuer=settings.issuer, public_url=url, language=language)
    body = {"answer": told, "record": as_json(decided.record), "log": {"logged": False}}
    return ok(body, language=language)


def openapi(_event: Event) -> Response:
    """GET /openapi.json"""
    return ok(document(), cache="public, max-age=300")


ROUTES = {"GET /v1/decisions/{id}": decision, "GET /openapi.json": openapi}
