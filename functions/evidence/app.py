"""evidence: decisions, their case files and acknowledgements, for the parties that they concern; the caller's own
registration; the log; and the API as OpenAPI."""

from __future__ import annotations

from urllib.parse import unquote

from duecare.runtime import responses
from duecare.runtime.handler import http_handler
from duecare.runtime.http import Event, Response, caller_of, language_of, ok, public_url, sent
from duecare.runtime.services.evidence import EvidenceService
from duecare.usecases.audit.look_up import FoundDecision, parse_attempt
from duecare.usecases.log.published_log import CHECKPOINT, published
from duecare_core.evidence.casefile.bundle import MEDIA_TYPE


def decision(service: EvidenceService, event: Event) -> Response:
    """GET /v1/decisions/{id}"""
    found = _found(service, event)
    settings, language = service.settings, language_of(event)
    url = public_url(event, settings.public_url)
    rendered = responses.answer(found.decided, issuer=settings.issuer, public_url=url, language=language)
    position = responses.LogPosition(found.logged is not None, found.logged.index if found.logged else None)
    return ok(responses.DecisionDetails(rendered, found.decided.record, position), language=language)


def case_file(service: EvidenceService, event: Event) -> Response:
    """GET /v1/decisions/{id}/bundle"""
    return sent(service.case_files(_found(service, event)), MEDIA_TYPE, cache="no-store")


def statement(service: EvidenceService, event: Event) -> Response:
    """GET /v1/statements/{id}"""
    # An id contains a colon, which clients may escape.
    found = service.look_up_statement(caller_of(event), unquote(event["pathParameters"]["id"]))
    logged = found.logged
    position = responses.StatementLogPosition(True, *logged) if logged else responses.StatementLogPosition(logged=False)
    return ok(responses.AcknowledgedStatement(found.statement_id, found.acknowledgement, position))


def whoami(service: EvidenceService, event: Event) -> Response:
    """GET /v1/whoami"""
    return ok(responses.identity(service.identify(caller_of(event))))


def openapi(service: EvidenceService, event: Event) -> Response:
    """GET /openapi.json"""
    from duecare.runtime.openapi.document import document  # noqa: PLC0415  large, and rarely asked for

    return ok(document(public_url(event, service.settings.public_url)), cache="public, max-age=300")


def checkpoint(service: EvidenceService, _event: Event) -> Response:
    """GET /log/checkpoint (c2sp.org/tlog-tiles)"""
    return sent(published(service.log_files, CHECKPOINT), "text/plain; charset=utf-8", cache="no-cache")


def tile(service: EvidenceService, event: Event) -> Response:
    """GET /log/tile/<L>/<N>[.p/<W>] and /log/tile/entries/<N>[.p/<W>]. An object under such a name never changes."""
    data = published(service.log_files, f"tile/{event['pathParameters']['proxy']}")
    return sent(data, "application/octet-stream", cache="public, max-age=31536000, immutable")


def _found(service: EvidenceService, event: Event) -> FoundDecision:
    attempt = parse_attempt((event.get("queryStringParameters") or {}).get("attempt"))
    return service.look_up(caller_of(event), event["pathParameters"]["id"], attempt)


ROUTES = {
    "GET /v1/decisions/{id}": decision,
    "GET /v1/decisions/{id}/bundle": case_file,
    "GET /v1/statements/{id}": statement,
    "GET /v1/whoami": whoami,
    "GET /openapi.json": openapi,
    "GET /log/checkpoint": checkpoint,
    "GET /log/tile/{proxy+}": tile,
}
handler = http_handler(ROUTES, EvidenceService.from_environment())
