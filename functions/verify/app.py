"""verify: one message, one decision. It alone holds the receipt key, so it also publishes its public part, and says
whether it can decide."""

from __future__ import annotations

from typing import Any

from duecare.domain.rules import RULES
from duecare.runtime import telemetry, wiring
from duecare.runtime.http import MAX_BODY, Event, Response, body_of, caller_of, language_of, ok, public_url, serve
from duecare.usecases import table
from duecare.usecases.decided import answer
from duecare.usecases.verify import Message


def handler(event: Event, _context: Any) -> Response:
    return serve(event, ROUTES)


def verify(event: Event) -> Response:
    """POST /v1/verify"""
    caller, message = caller_of(event), body_of(event, Message)
    decided = wiring.deciding().verify(caller, message)
    language, settings = language_of(event), wiring.settings()
    url = public_url(event, settings.public_url)
    body = answer(decided, issuer=settings.issuer, public_url=url, language=language)
    outcome = "Allowed" if decided.record.decision == "allow" else "Denied"
    telemetry.count(outcome, decision_id=decided.record.decision_id, reasons=decided.record.reasons)
    return ok(body, language=language)


def jwks(_event: Event) -> Response:
    """GET /.well-known/jwks.json (RFC 7517)"""
    return ok(wiring.deciding().receipt_key.jwks(), cache="public, max-age=60")


def discovery(event: Event) -> Response:
    """GET /.well-known/duecare"""
    settings = wiring.settings()
    url = public_url(event, settings.public_url)
    body = {
        "issuer": settings.issuer,
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "log": {"origin": settings.log_origin, "verifier_key": None, "url": f"{url}/log"},
        "rules_version": RULES.version,
        "limits": {
            "body_bytes": MAX_BODY,
            "statements": 100,
            "text_characters": 2000,
            "token_seconds": 3600,
            "send_ahead_seconds": 604800,
            "answer_seconds": int(RULES.answer_validity.total_seconds()),
        },
    }
    return ok(body, cache="public, max-age=60")


def status(_event: Event) -> Response:
    """GET /v1/status: has its secrets and reads the table, so it can decide; serve() answers 503 otherwise."""
    documents = wiring.deciding().gate.load(["R#status"], [table.EVERYTHING]).documents
    halted = table.is_halted(documents)
    return ok({"status": "ok", "halted": halted, "rules_version": RULES.version})


ROUTES = {
    "POST /v1/verify": verify,
    "GET /.well-known/jwks.json": jwks,
    "GET /.well-known/duecare": discovery,
    "GET /v1/status": status,
}
