"""verify: one message, one decision. It holds the receipt key, so it also publishes the public keys of the service, and
reports whether it can decide."""

from __future__ import annotations

from typing import Any

from duecare.runtime.handler import http_handler
from duecare.runtime.http import Event, Response, body_of, caller_of, language_of, ok
from duecare.runtime.rendering import render_answer, render_discovery, render_result
from duecare.runtime.responses import BatchAnswer, ServiceStatus, key_set
from duecare.runtime.services.verify import PUBLISHING_SECONDS, VerifyService
from duecare.usecases import table
from duecare.usecases.verify.pending import Message
from duecare.usecases.verify.verify import Batch
from duecare_core.domain.validation import validate
from duecare_core.errors import RequestError


def verify(service: VerifyService, event: Event) -> Response:
    """POST /v1/verify"""
    caller, message = caller_of(event), body_of(event, Message)
    service.party_limit.take(caller.party, 1)
    decided = service.decider().verify(caller, message)
    return ok(render_answer(service, event, decided), language=language_of(event))


def verify_batch(service: VerifyService, event: Event) -> Response:
    """POST /v1/verify/batch: each message as the single route would decide it, in order. A message that cannot be
    decided has its problem in its own result."""
    caller, batch = caller_of(event), body_of(event, Batch)
    service.party_limit.take(caller.party, len(batch.messages))
    parsed = [_parsed(one) for one in batch.messages]
    messages = [one for one in parsed if isinstance(one, Message)]
    decided = iter(service.decider().verify.many(caller, messages))
    results = [next(decided) if isinstance(one, Message) else one for one in parsed]
    rendered = [render_result(service, event, result) for result in results]
    return ok(BatchAnswer(rendered), language=language_of(event))


def jwks(service: VerifyService, _event: Event) -> Response:
    """GET /.well-known/jwks.json (RFC 7517)"""
    receipt_key = service.decider(PUBLISHING_SECONDS).receipt_key
    return ok(key_set(receipt_key.jwks(), service.acknowledgement_keys()), cache="public, max-age=5")


def discovery(service: VerifyService, event: Event) -> Response:
    """GET /.well-known/duecare"""
    log_key = service.log_key()
    cache = f"public, max-age={60 if log_key else 5}"
    return ok(render_discovery(service, event, log_key), cache=cache)


def status(service: VerifyService, _event: Event) -> Response:
    """GET /v1/status: verify has its secrets and reads the table, so it can decide; otherwise serve() answers 503."""
    service.decider()
    documents = service.decision_store.load(["R#status"], [table.EVERYTHING]).documents
    return ok(ServiceStatus("ok", halted=table.is_halted(documents), rules_version=service.rules.version))


def _parsed(value: Any) -> Message | RequestError:
    try:
        return validate(value, Message)
    except RequestError as refused:
        return refused


ROUTES = {
    "POST /v1/verify": verify,
    "POST /v1/verify/batch": verify_batch,
    "GET /.well-known/jwks.json": jwks,
    "GET /.well-known/duecare": discovery,
    "GET /v1/status": status,
}
handler = http_handler(ROUTES, VerifyService.from_environment())
