"""verify: one message, one decision. It holds the receipt key, so it also publishes the public part of that key, and
reports whether it can decide."""

from __future__ import annotations

from typing import Any

from duecare.runtime import telemetry
from duecare.runtime.handler import http_handler
from duecare.runtime.http import MAX_BODY, Event, Response, body_of, caller_of, language_of, ok, problem, public_url
from duecare.runtime.responses import (
    Answer,
    BatchAnswer,
    Discovery,
    Limits,
    LogAddress,
    ProblemResult,
    ServiceStatus,
    answer,
    receipt_keys,
)
from duecare.runtime.services.verify import PUBLISHING_SECONDS, VerifyService
from duecare.usecases import table
from duecare.usecases.verify.pending import Message
from duecare.usecases.verify.stored_decision import StoredDecision
from duecare.usecases.verify.verify import Batch
from duecare_core.domain.validation import validate
from duecare_core.errors import CannotDecide, RequestError


def verify(service: VerifyService, event: Event) -> Response:
    """POST /v1/verify"""
    caller, message = caller_of(event), body_of(event, Message)
    decided = service.decider().verify(caller, message)
    return ok(_answer(service, event, decided), language=language_of(event))


def verify_batch(service: VerifyService, event: Event) -> Response:
    """POST /v1/verify/batch: each message as the single route would decide it, in order. A message that cannot be
    decided has its problem in its own result."""
    caller, batch = caller_of(event), body_of(event, Batch)
    parsed = [_parsed(one) for one in batch.messages]
    messages = [one for one in parsed if isinstance(one, Message)]
    decided = iter(service.decider().verify.many(caller, messages) if messages else [])
    results = [next(decided) if isinstance(one, Message) else one for one in parsed]
    rendered = [
        _answer(service, event, result) if isinstance(result, StoredDecision) else _problem_result(result)
        for result in results
    ]
    return ok(BatchAnswer(rendered), language=language_of(event))


def jwks(service: VerifyService, _event: Event) -> Response:
    """GET /.well-known/jwks.json (RFC 7517)"""
    return ok(receipt_keys(service.decider(PUBLISHING_SECONDS).receipt_key.jwks()), cache="public, max-age=5")


def discovery(service: VerifyService, event: Event) -> Response:
    """GET /.well-known/duecare"""
    settings, rules, log_key = service.settings, service.rules, service.log_key()
    url = public_url(event, settings.public_url)
    body = Discovery(
        issuer=settings.issuer,
        jwks_uri=f"{url}/.well-known/jwks.json",
        log=LogAddress(settings.log_origin, log_key, f"{url}/log"),
        rules_version=rules.version,
        rules_sha256=rules.digest,
        limits=Limits(
            body_bytes=MAX_BODY,
            statements=100,
            messages=100,
            text_characters=2000,
            token_seconds=3600,
            send_ahead_seconds=604800,
            answer_seconds=int(rules.answer_validity.total_seconds()),
        ),
    )
    return ok(body, cache=f"public, max-age={60 if log_key else 5}")


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


def _answer(service: VerifyService, event: Event, decided: StoredDecision) -> Answer:
    """The answer with a decision, which is also counted."""
    settings, record = service.settings, decided.record
    outcome = "Allowed" if record.decision == "allow" else "Denied"
    telemetry.count(outcome, decision_id=record.decision_id, reasons=record.reasons)
    url = public_url(event, settings.public_url)
    return answer(decided, issuer=settings.issuer, public_url=url, language=language_of(event))


def _problem_result(error: RequestError | CannotDecide) -> ProblemResult:
    """The result of a message that has no decision, which is also counted."""
    if isinstance(error, CannotDecide):
        telemetry.failed(error)
        telemetry.count("CannotDecide", part=error.part)
    else:
        telemetry.count("Refused", problem=error.name)
    return ProblemResult(problem(error))


ROUTES = {
    "POST /v1/verify": verify,
    "POST /v1/verify/batch": verify_batch,
    "GET /.well-known/jwks.json": jwks,
    "GET /.well-known/duecare": discovery,
    "GET /v1/status": status,
}
handler = http_handler(ROUTES, VerifyService.from_environment())
