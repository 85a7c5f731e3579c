"""The contract as OpenAPI 3.1, generated from the types that validate requests."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import msgspec

from duecare.runtime.responses import *
from duecare.usecases.imports.announce import Announcement
from duecare.usecases.statements.accept import Statements
from duecare.usecases.verify.pending import Message
from duecare.usecases.verify.verify import Batch
from duecare_core.domain.decision.decision import NOW_MARGIN
from duecare_core.domain.decision.reasons import REASONS
from duecare_core.domain.facts.statement import KINDS, STATED_BY
from duecare_core.domain.portfolio.portfolio import Manifest
from duecare_core.evidence.casefile.bundle import MEDIA_TYPE

_JSON = "application/json"
_BYTES = "application/octet-stream"
BODIES = [
    Answer,
    ProblemResult,
    BatchAnswer,
    StatementOutcomes,
    DecisionDetails,
    UploadInstructions,
    UploadReport,
    ReconciliationReport,
    Problem,
    Discovery,
    ReceiptKeySet,
    ServiceStatus,
]


@cache
def document(server_url: str = "https://duecare.example") -> dict[str, Any]:
    """The OpenAPI document. Equal in every process: docs/openapi.json is compared with it."""
    asked = [Message, Batch, Statements, Announcement, Manifest, *KINDS.values()]
    types = [*asked, *BODIES]
    _, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    for schema in components.values():
        if "description" in schema:  # a docstring, which Python stores without its indentation since 3.13
            schema["description"] = inspect.cleandoc(schema["description"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "duecare",
            "version": "1",
            "summary": "May this debt-collection message be delivered?",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": _description(),
        },
        "security": [{"party": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "party": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Signed by the party itself: header alg (EdDSA, ES256), kid, typ JWT; claims iss, "
                    "aud (the issuer from discovery), iat, exp at most 3600 s after iat.",
                }
            },
            "schemas": _batches(components),
        },
    }


def _batches(components: dict[str, Any]) -> dict[str, Any]:
    """A batch is read item by item, so that its types say less than its contract."""
    components["Batch"]["properties"]["messages"]["items"] = {"$ref": "#/components/schemas/Message"}
    return components


def _description() -> str:
    kinds = "\n".join(f"- `{kind}` ({', '.join(sorted(STATED_BY[kind]))}): `{KINDS[kind].__name__}`" for kind in KINDS)
    reasons = "\n".join(f"- `{code}`: {reason.en} {reason.zh}" for code, reason in REASONS.items())
    margin = int(NOW_MARGIN.total_seconds())
    return (
        f"Statements are compact JWS with the payloads below and `typ: <kind>+jws`.\n{kinds}\n\n"
        "An upload's manifest is a compact JWS of the creditor's with `typ: upload+jws`: `Manifest`.\n\n"
        f"Reasons, in this order:\n{reasons}\n\n"
        f"A `send_at` more than {margin} s ahead makes a rehearsal: provisional, never good for delivery."
    )


def _paths() -> dict[str, Any]:
    public: dict[str, Any] = {"security": []}
    path = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z2-7]{26}$"}}
    attempt = {
        "name": "attempt",
        "in": "query",
        "description": "An earlier attempt; without it, the newest",
        "schema": {"type": "integer", "minimum": 1},
    }
    tile = {"name": "path", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "/v1/verify": {"post": _operation("One message, one decision", "Answer", body="Message", language=True)},
        "/v1/verify/batch": {
            "post": _operation("Up to 100 messages, one decision each", "BatchAnswer", body="Batch", language=True)
        },
        "/v1/statements": {"post": _operation("State facts", "StatementOutcomes", body="Statements")},
        "/v1/uploads": {"post": _operation("Announce a file", "UploadInstructions", body="Announcement")},
        "/v1/uploads/{id}": {"get": _operation("What became of a file", "UploadReport", path=path)},
        "/v1/decisions/{id}": {
            "get": _operation("One decision", "DecisionDetails", language=True, path=path, query=[attempt])
        },
        "/v1/reconciliation": {
            "get": _operation("Deliveries against decisions", "ReconciliationReport", query=_period())
        },
        "/v1/decisions/{id}/bundle": {
            "get": _operation(
                "The case file of a decision: docs/case-file.md", None, path=path, media=MEDIA_TYPE, query=[attempt]
            )
        },
        "/log/checkpoint": {
            "get": _operation("The log's checkpoint (c2sp.org/tlog-checkpoint)", None, media="text/plain") | public
        },
        "/log/tile/{path}": {
            "get": _operation("The log's tiles and entry bundles (c2sp.org/tlog-tiles)", None, path=tile, media=_BYTES)
            | public
        },
        "/.well-known/duecare": {"get": _operation("Discovery", None) | public},
        "/.well-known/jwks.json": {"get": _operation("Receipt keys (RFC 7517)", None) | public},
        "/v1/status": {"get": _operation("Whether it can decide", None) | public},
        "/openapi.json": {"get": _operation("This document", None) | public},
    }


def _period() -> list[dict[str, Any]]:
    time = {"type": "string", "format": "date-time"}
    named = {"name": "gateway", "in": "query", "schema": {"type": "string"}, "description": "Whose; for an auditor."}
    return [{"name": name, "in": "query", "required": True, "schema": time} for name in ("from", "to")] + [named]


def _operation(
    summary: str,
    answer: str | None,
    *,
    body: str | None = None,
    language: bool = False,
    path: dict[str, Any] | None = None,
    query: list[dict[str, Any]] | None = None,
    media: str = _JSON,
) -> dict[str, Any]:
    plain = {"type": "object"} if "json" in media else {"type": "string"}
    schema = {"$ref": f"#/components/schemas/{answer}"} if answer else plain
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": {media: {"schema": schema}}},
            "4XX": {"description": "The caller can mend it", "content": problem},
            "503": {"description": "cannot-decide: do not send", "content": problem},
        },
    }
    if body:
        content = {_JSON: {"schema": {"$ref": f"#/components/schemas/{body}"}}}
        operation["requestBody"] = {"required": True, "content": content}
    parameters = [path] if path else [*(query or [])]
    if language:
        parameters.append({"name": "Accept-Language", "in": "header", "schema": {"type": "string"}})
    if parameters:
        operation["parameters"] = parameters
    return operation
