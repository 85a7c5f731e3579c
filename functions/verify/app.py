"""verify: one message, one decision. It alone holds the receipt key, so it also publishes its public part, and says
whether it can decide."""

from __future__ import annotations

from typing import Any

from duecare.runtime import rulebook, wiring
from duecare.runtime.http import Event, Response, body_of, caller_of, language_of, ok, serve
from duecare.runtime.telling import discovered, told
from duecare.usecases import table
from duecare.usecases.verify.pending import Message
from duecare.usecases.verify.verify import Batch
from duecare_core.domain.validation import validate
from duecare_core.errors import RequestError


def handler(event: Event, _context: Any) -> Response:
    return serve(event, ROUTES)


def verify(event: Event) -> Response:
    """POST /v1/verify"""
    caller, message = caller_of(event), body_of(event, Message)
    decided = wiring.deciding().verify(caller, message)
    return ok(told(event, decided), language=language_of(event))


def verify_batch(event: Event) -> Response:
    """POST /v1/verify/batch: each message as the single route would have it, in order; what is wrong with one is its
    own result."""
    caller, batch = caller_of(event), body_of(event, Batch)
    parsed = [_parsed(one) for one in batch.messages]
    messages = [one for one in parsed if isinstance(one, Message)]
    decided = iter(wiring.deciding().verify.many(caller, messages) if messages else [])
    results = [next(decided) if isinstance(one, Message) else one for one in parsed]
    return ok({"results": [told(event, result) for result in results]}, language=language_of(event))


def _parsed(value: Any) -> Message | RequestError:
    try:
        return validate(value, Message)
    except RequestError as refused:
        return refused


def jwks(_event: Event) -> Response:
    """GET /.well-known/jwks.json (RFC 7517)"""
    return ok(wiring.deciding(wiring.PUBLISHING_SECONDS).receipt_key.jwks(), cache="public, max-age=5")


def discovery(event: Event) -> Response:
    """GET /.well-known/duecare"""
    log_key = wiring.log_key()
    return ok(discovered(event, log_key), cache=f"public, max-age={60 if log_key else 5}")


def status(_event: Event) -> Response:
    """GET /v1/status: has its secrets and reads the table, so it can decide; serve() answers 503 otherwise."""
    documents = wiring.deciding().gate.load(["R#status"], [table.EVERYTHING]).documents
    halted = table.is_halted(documents)
    return ok({"status": "ok", "halted": halted, "rules_version": rulebook.rules().version})


ROUTES = {
    "POST /v1/verify": verify,
    "POST /v1/verify/batch": verify_batch,
    "GET /.well-known/jwks.json": jwks,
    "GET /.well-known/duecare": discovery,
    "GET /v1/status": status,
}
