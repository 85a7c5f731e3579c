"""The components of the document: every type that is validated or rendered, as JSON Schema."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
from msgspec import Struct

from duecare.runtime import responses
from duecare.runtime.openapi.members import description
from duecare.usecases.imports.announce import Announcement
from duecare.usecases.statements.accept import Statements
from duecare.usecases.verify.pending import Message
from duecare.usecases.verify.verify import Batch
from duecare_core.domain.decision.reasons import REASONS
from duecare_core.domain.facts.statement import KINDS, STATED_BY
from duecare_core.domain.portfolio.portfolio import Manifest

REFERENCE = "#/components/schemas/{name}"
REQUESTS: tuple[type[Struct], ...] = (Message, Batch, Statements, Announcement, Manifest, *KINDS.values())
RESPONSES: tuple[type[Struct], ...] = (
    responses.Answer,
    responses.BatchAnswer,
    responses.ProblemResult,
    responses.StatementOutcomes,
    responses.DecisionDetails,
    responses.AcknowledgedStatement,
    responses.UploadInstructions,
    responses.UploadReport,
    responses.ReconciliationReport,
    responses.PartyIdentity,
    responses.Discovery,
    responses.ServiceKeySet,
    responses.ServiceStatus,
    responses.Problem,
)
# API Gateway's own answers: no token, a refused token, too many requests, a function that failed.
GATEWAY_MESSAGE = {
    "title": "GatewayMessage",
    "type": "object",
    "description": "An answer of API Gateway itself.",
    "properties": {"message": {"type": "string"}},
    "required": ["message"],
}
_REASON = {"type": "string", "enum": list(REASONS)}
_DECISION_ID = {"type": "string", "pattern": "^[a-z2-7]{26}$"}
_TIME = {"type": "string", "format": "date-time"}
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
# Members that are plain strings in the code, and have a narrower type in the contract.
_NARROWER: dict[str, dict[str, Any]] = {
    "decision": {"type": "string", "enum": ["allow", "deny"]},
    "decision_id": _DECISION_ID,
    "statement_id": _DIGEST,
    "text_sha256": _DIGEST,
    "rules_sha256": _DIGEST,
    "same_as": _DIGEST,
    "head": _DIGEST,
    "Record.at": _TIME,
    **dict.fromkeys(("valid_until", "retry_at", "send_at", "delivered_at", "decided_at"), _TIME),
    "Record.inputs_sha256": _DIGEST,
    "Record.recipient": _DIGEST,
    "Record.reasons": {"type": "array", "items": _REASON},
    "Record.channel": {"type": "string", "enum": ["sms"]},
    "Record.salt": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "Finding.code": _REASON,
    "Problem.type": {"type": "string", "format": "uri", "pattern": "^urn:duecare:problem:[a-z0-9-]+$"},
}


def reference(name: str) -> dict[str, str]:
    return {"$ref": REFERENCE.format(name=name)}


def components() -> dict[str, Any]:
    """Every component, by its name."""
    _, made = msgspec.json.schema_components((*REQUESTS, *RESPONSES), ref_template=REFERENCE)
    schemas: dict[str, Any] = made
    requests = {kind.__name__ for kind in REQUESTS}
    for name, schema in schemas.items():
        # Python 3.13 stores docstrings without their indentation, earlier versions with it.
        schema["description"] = " ".join(inspect.cleandoc(schema["description"]).split())
        _spell_patterns(schema)
        if name not in requests:
            _absent_instead_of_null(schema)
        for member, value in schema["properties"].items():
            narrower = _NARROWER.get(f"{name}.{member}") or (_NARROWER.get(member) if name not in requests else None)
            schema["properties"][member] = {**value, **(narrower or {}), "description": description(name, member)}
    _link_payloads(schemas)
    message = {"type": "string", "description": description("GatewayMessage", "message")}
    schemas["GatewayMessage"] = {**GATEWAY_MESSAGE, "properties": {"message": message}}
    schemas["Batch"]["properties"]["messages"]["items"] = reference("Message")
    return dict(sorted(schemas.items()))


def _link_payloads(schemas: dict[str, Any]) -> None:
    """A JWS is a string here; its payload has a type of its own."""
    for kind, payload in KINDS.items():
        roles = ", ".join(sorted(STATED_BY[kind]))
        schema = schemas[payload.__name__]
        schema["description"] = f"Kind `{kind}`, stated by: {roles}. {schema['description']}"
    schemas["StatementPayload"] = {
        "title": "StatementPayload",
        "description": "The payload of a statement. The `typ` of its JWS names the kind: "
        + ", ".join(f"`{kind}+jws` ({payload.__name__})" for kind, payload in KINDS.items())
        + ".",
        "oneOf": [reference(payload.__name__) for payload in KINDS.values()],
    }
    items = schemas["Statements"]["properties"]["statements"]["items"]
    items |= {"contentMediaType": "application/jose", "contentSchema": reference("StatementPayload")}
    manifest = schemas["Announcement"]["properties"]["manifest"]
    manifest |= {"contentMediaType": "application/jose", "contentSchema": reference("Manifest")}


def _spell_patterns(schema: Any) -> None:
    """Patterns for ECMA-262 and RE2, where `$` is the end of the text; Python writes that as `\\Z`."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            schema["pattern"] = schema["pattern"].replace(r"\Z", "$")
        for value in schema.values():
            _spell_patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            _spell_patterns(value)


def _absent_instead_of_null(schema: dict[str, Any]) -> None:
    """A response leaves out a member that has its default, so null is never sent for it."""
    required = set(schema.get("required", ()))
    for member, value in schema["properties"].items():
        if member in required:
            continue
        value.pop("default", None)
        if "anyOf" in value and {"type": "null"} in value["anyOf"]:
            others = [one for one in value.pop("anyOf") if one != {"type": "null"}]
            schema["properties"][member] = {**value, **others[0]} if len(others) == 1 else {**value, "anyOf": others}
