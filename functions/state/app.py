"""state: parties state facts, each signed by the party that answers for it."""

from __future__ import annotations

from typing import Any

from duecare.runtime import telemetry, wiring
from duecare.runtime.http import Event, Response, body_of, caller_of, ok, problem, serve
from duecare.usecases.statements.accept import StatementResult, Statements


def handler(event: Event, _context: Any) -> Response:
    return serve(event, ROUTES)


def state(event: Event) -> Response:
    """POST /v1/statements"""
    caller, body = caller_of(event), body_of(event, Statements)
    results = wiring.state()(caller, body.statements)
    telemetry.count("Stated", results=[result.status for result in results])
    return ok({"results": [_render(result) for result in results]})


def _render(result: StatementResult) -> dict[str, Any]:
    rendered: dict[str, Any] = {"statement_id": result.statement_id, "status": result.status}
    if result.problem:
        rendered["problem"] = problem(result.problem)
    if result.read_as:
        rendered["read_as"] = result.read_as
    if result.same_as:
        rendered["same_as"] = result.same_as
    return rendered


ROUTES = {"POST /v1/statements": state}
