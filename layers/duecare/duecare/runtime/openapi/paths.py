"""The operations of the document: one for each route, with its parameters, its answers and its examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from duecare.runtime.openapi.schemas import reference
from duecare_core.evidence.casefile.bundle import MEDIA_TYPE

Json = dict[str, Any]
JSON, PROBLEM_JSON = "application/json", "application/problem+json"
TAGS = {
    "Decisions": "Ask before a message is sent.",
    "Statements": "State facts: consents, debts, mandates, replies, disputes, deliveries.",
    "Uploads": "State many consents or debts in one file.",
    "Evidence": "Decisions, their case files, and the reconciliation of deliveries.",
    "Log": "The transparency log (C2SP tlog-tiles).",
    "Service": "Discovery, keys, status, and this document.",
}
_STATUSES = {
    200: "The answer.",
    400: "The body cannot be read.",
    401: "There is no token (API Gateway answers by itself), or its times or audience are wrong (a problem).",
    403: "The token was refused (API Gateway answers by itself), or the party may not do this (a problem).",
    404: "Unknown, or somebody else's.",
    409: "Conflicts with what is known.",
    413: "The body is over 1 MiB.",
    415: "The body is not application/json.",
    422: "The body or query is readable, but cannot be accepted.",
    429: "Too many requests of all parties (API Gateway answers by itself), or of this party (a problem).",
    503: "`cannot-decide`: the message must not be sent. Ask again after `Retry-After`.",
}
_BODY = (400, 413, 415, 422)
_PARTY = (401, 403)
_ANY = (429, 503)
# The operations that have a limit for each party (PartyMessagesPerSecond in template.yaml).
LIMITED = ("verifyMessage", "verifyBatch", "submitStatements")


class ApiRoute(NamedTuple):
    """`statuses`: of the answers other than 200. `parameters`: references into PARAMETERS."""

    operation_id: str
    tag: str
    summary: str
    description: str
    statuses: tuple[int, ...]
    answer: str | None = None
    body: str | None = None
    parameters: tuple[str, ...] = ()
    media: str = JSON
    public: bool = False


ROUTES: dict[str, ApiRoute] = {
    "POST /v1/verify": ApiRoute(
        "verifyMessage",
        "Decisions",
        "Decide on one message",
        "Asks whether this message may be delivered now. The answer is a signed decision: allow or deny. The same body "
        "again under the same `message_id` reads the facts again: the same outcome is the same decision, replayed.",
        (*_BODY, *_PARTY, 409, *_ANY),
        answer="Answer",
        body="Message",
        parameters=("language",),
    ),
    "POST /v1/verify/batch": ApiRoute(
        "verifyBatch",
        "Decisions",
        "Decide on up to 100 messages",
        "Each message is decided as if it were asked about alone, in order. A message that cannot be decided has its "
        "problem in its own result.",
        (*_BODY, *_PARTY, *_ANY),
        answer="BatchAnswer",
        body="Batch",
        parameters=("language",),
    ),
    "POST /v1/statements": ApiRoute(
        "submitStatements",
        "Statements",
        "State facts",
        "Each statement is a compact JWS that the calling party has signed. A statement that cannot be accepted has "
        "its problem in its own result, and the others count. The same statement twice changes nothing.",
        (*_BODY, *_PARTY, *_ANY),
        answer="StatementOutcomes",
        body="Statements",
    ),
    "GET /v1/statements/{id}": ApiRoute(
        "getStatement",
        "Statements",
        "Read the acknowledgement of a statement",
        "For the party that stated it and auditors. The acknowledgement is the first one, byte for byte. The proof "
        "(c2sp.org/tlog-proof@v1) shows that the log holds the statement. A manifest is acknowledged when its import "
        "is done.",
        (*_PARTY, 404, *_ANY),
        answer="AcknowledgedStatement",
        parameters=("statement_id",),
    ),
    "POST /v1/uploads": ApiRoute(
        "announceUpload",
        "Uploads",
        "Announce a file",
        "Takes the signed manifest of a file and says where to PUT the file. The same manifest again is the same "
        "upload.",
        (*_BODY, *_PARTY, *_ANY),
        answer="UploadInstructions",
        body="Announcement",
    ),
    "GET /v1/uploads/{id}": ApiRoute(
        "getUpload",
        "Uploads",
        "Read the progress of an import",
        "For the creditor that announced the file.",
        (*_PARTY, 404, *_ANY),
        answer="UploadReport",
        parameters=("upload_id",),
    ),
    "GET /v1/decisions/{id}": ApiRoute(
        "getDecision",
        "Evidence",
        "Read a decision",
        "For its gateway, its creditor and auditors.",
        (*_PARTY, 404, 422, *_ANY),
        answer="DecisionDetails",
        parameters=("decision_id", "attempt", "language"),
    ),
    "GET /v1/decisions/{id}/bundle": ApiRoute(
        "getCaseFile",
        "Evidence",
        "Read the case file of a decision",
        "One JSON file with the decision, everything that it relies on, and proofs that all of it is in the log. "
        "`duecare bundle verify` checks it without a network. For the decision's gateway, its creditor and auditors.",
        (*_PARTY, 404, 409, 422, *_ANY),
        parameters=("decision_id", "attempt"),
        media=MEDIA_TYPE,
    ),
    "GET /v1/reconciliation": ApiRoute(
        "reconcileDeliveries",
        "Evidence",
        "Compare deliveries with decisions",
        "A signed report on the deliveries that a gateway stated for a period of at most 31 days. For the gateway "
        "itself and auditors.",
        (*_PARTY, 404, 422, *_ANY),
        answer="ReconciliationReport",
        parameters=("from", "to", "gateway"),
    ),
    "GET /v1/whoami": ApiRoute(
        "identifyCaller",
        "Service",
        "Ask who you are here",
        "The caller's own registration, for any party, suspended or not; and the service's clock.",
        (*_PARTY, *_ANY),
        answer="PartyIdentity",
    ),
    "GET /log/checkpoint": ApiRoute(
        "getCheckpoint",
        "Log",
        "Read the checkpoint",
        "The signed size and root of the log: c2sp.org/tlog-checkpoint.",
        (404, *_ANY),
        media="text/plain",
        public=True,
    ),
    "GET /log/tile/{path}": ApiRoute(
        "getTile",
        "Log",
        "Read a tile or an entry bundle",
        "c2sp.org/tlog-tiles. An object that is there never changes.",
        (404, *_ANY),
        parameters=("path",),
        media="application/octet-stream",
        public=True,
    ),
    "GET /.well-known/duecare": ApiRoute(
        "getDiscovery",
        "Service",
        "Discover the service",
        "The issuer, the keys, the log, the rules and the limits.",
        _ANY,
        answer="Discovery",
        public=True,
    ),
    "GET /.well-known/jwks.json": ApiRoute(
        "getReceiptKeys",
        "Service",
        "Read the service's keys",
        "Public keys of receipts, reports and acknowledgements: RFC 7517. `purpose` marks those of acknowledgements.",
        _ANY,
        answer="ServiceKeySet",
        public=True,
    ),
    "GET /v1/status": ApiRoute(
        "getStatus",
        "Service",
        "Ask whether the service can decide",
        "200 if it can decide; 503 with the failing part if it cannot.",
        _ANY,
        answer="ServiceStatus",
        public=True,
    ),
    "GET /openapi.json": ApiRoute(
        "getOpenapi",
        "Service",
        "Read this document",
        "The API as OpenAPI 3.1.",
        _ANY,
        public=True,
    ),
}
_BASE32 = {"type": "string", "pattern": "^[a-z2-7]{26}$"}
_TIME = {"type": "string", "format": "date-time"}
PARAMETERS: dict[str, Json] = {
    "attempt": {
        "name": "attempt",
        "in": "query",
        "description": "An earlier attempt. Without it, the newest.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 1,
    },
    "decision_id": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The `decision_id`.",
        "schema": _BASE32,
    },
    "statement_id": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The `statement_id`.",
        "schema": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
    },
    "upload_id": {"name": "id", "in": "path", "required": True, "description": "The `upload_id`.", "schema": _BASE32},
    "path": {
        "name": "path",
        "in": "path",
        "required": True,
        "description": "`<L>/<N>[.p/<W>]` for a tile, `entries/<N>[.p/<W>]` for an entry bundle. It contains slashes.",
        "schema": {"type": "string"},
        "example": "0/000.p/9",
    },
    "from": {
        "name": "from",
        "in": "query",
        "required": True,
        "description": "The beginning of the period.",
        "schema": _TIME,
        "example": "2026-11-24T00:00:00+08:00",
    },
    "to": {
        "name": "to",
        "in": "query",
        "required": True,
        "description": "The end of the period, which is not part of it.",
        "schema": _TIME,
        "example": "2026-11-25T00:00:00+08:00",
    },
    "gateway": {
        "name": "gateway",
        "in": "query",
        "description": "Whose deliveries: required of an auditor.",
        "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{1,62}$"},
        "example": "xinxi",
    },
    "language": {
        "name": "Accept-Language",
        "in": "header",
        "description": "`zh-CN` or `en` for the sentences (RFC 9110, section 12.5.4); English by default.",
        "schema": {"type": "string"},
        "example": "zh-CN",
    },
}


# Not in examples.json: the example of this document would be this document.
_ITSELF = {"value": {"openapi": "3.1.0", "info": {"title": "duecare", "version": "1"}, "paths": {}}}


def paths(examples: Mapping[str, Any], cannot_decide: Json) -> Json:
    """Every path with its operations; `examples` as in examples.json, by operationId, and that of the problem that any
    operation may have."""
    made: Json = {}
    for name, route in ROUTES.items():
        method, path = name.lower().split(" ")
        own = examples[route.operation_id]
        answers = {"503": {"cannot-decide": {"value": cannot_decide}}, **own["responses"]}
        if route.operation_id == "getOpenapi":
            answers["200"] = {"abridged": _ITSELF}
        made.setdefault(path, {})[method] = _operation(route, {**own, "responses": answers})
    return made


def _operation(route: ApiRoute, examples: Mapping[str, Any]) -> Json:
    operation: Json = {
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": route.summary,
        "description": route.description,
        "responses": {
            str(status): _response(route, status, examples["responses"].get(str(status)))
            for status in (200, *sorted(route.statuses))
        },
    }
    if route.public:
        operation["security"] = []
    if route.body:
        content = {"schema": reference(route.body), "examples": examples["requests"]}
        operation["requestBody"] = {"required": True, "content": {JSON: content}}
    if route.parameters:
        operation["parameters"] = [_parameter(name, examples) for name in route.parameters]
    return operation


def _parameter(name: str, examples: Mapping[str, Any]) -> Json:
    parameter = PARAMETERS[name]
    return parameter if "example" in parameter else {**parameter, "example": examples["parameters"][parameter["name"]]}


def _response(route: ApiRoute, status: int, examples: Mapping[str, Any] | None) -> Json:
    response: Json = {"description": _STATUSES[status], "content": {}}
    if status == 200:
        response["content"][route.media] = {"schema": _schema(route), "examples": examples}
        return response
    if status in (401, 403, 429):
        words = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
        content = {"schema": reference("GatewayMessage"), "example": {"message": words[status]}}
        response["content"][JSON] = content
    if status != 429 or route.operation_id in LIMITED:
        response["content"][PROBLEM_JSON] = {"schema": reference("Problem"), "examples": examples}
    if status == 503 or (status == 429 and route.operation_id in LIMITED):
        seconds = {"description": "Seconds to wait.", "schema": {"type": "integer"}, "example": 1}
        response["headers"] = {"Retry-After": seconds}
    return response


def _schema(route: ApiRoute) -> Json:
    if route.answer:
        return reference(route.answer)
    return {"type": "object"} if "json" in route.media else {"type": "string"}
