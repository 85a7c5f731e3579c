"""verify: one message, one decision. It alone holds the receipt key, so it also publishes its public part, and says
whether it can decide."""

from __future__ import annotations

from typing import Any

from duecare.domain.members import typed
from duecare.domain.rules import RULES
from duecare.errors import CannotDecide, DuecareError, Refused
from duecare.runtime import telemetry, wiring
from duecare.runtime.http import (
    MAX_BODY,
    Event,
    Response,
    body_of,
    caller_of,
    language_of,
    ok,
    problem,
    public_url,
    serve,
)
from duecare.usecases import table
from duecare.usecases.decided import answer
from duecare.usecases.verify import Batch, Message, Result


def handler(event: Event, _context: Any) -> Response:
    return serve(event, ROUTES)


def verify(event: Event) -> Response:
    """POST /v1/verify"""
    caller, message = caller_of(event), body_of(event, Message)
    decided = wiring.deciding().verify(caller, message)
    return ok(_told(event, decided), language=language_of(event))


def verify_batch(event: Event) -> Response:
    """POST /v1/verify/batch: each message as the single route would have it, in order; what is wrong with one is its
    own result."""
    caller, batch = caller_of(event), body_of(event, Batch)
    parsed = [_parsed(one) for one in batch.messages]
    messages = [one for one in parsed if isinstance(one, Message)]
    decided = iter(wiring.deciding().verify.many(caller, messages) if messages else [])
    results = [next(decided) if isinstance(one, Message) else one for one in parsed]
    return ok({"results": [_told(event, result) for result in results]}, language=language_of(event))


def _parsed(value: Any) -> Message | Refused:
    try:
        return typed(value, Message)
    except Refused as refused:
        return refused


def _told(event: Event, result: Result) -> dict[str, Any]:
    if isinstance(result, DuecareError):
        telemetry.count("CannotDecide" if isinstance(result, CannotDecide) else "Refused")
        return {"problem": problem(result)}
    settings, record = wiring.settings(), result.record
    outcome = "Allowed" if record.decision == "allow" else "Denied"
    telemetry.count(outcome, decision_id=record.decision_id, reasons=record.reasons)
    url = public_url(event, settings.public_url)
    return answer(result, issuer=settings.issuer, public_url=url, language=language_of(event))


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
    "POST /v1/verify/batch": verify_batch,
    "GET /.well-known/jwks.json": jwks,
    "GET /.well-known/duecare": discovery,
    "GET /v1/status": status,
}
