"""state: parties state facts. Each fact is signed by the party that answers for it."""

from __future__ import annotations

from duecare.runtime import telemetry
from duecare.runtime.handler import http_handler
from duecare.runtime.http import Event, Response, body_of, caller_of, ok
from duecare.runtime.responses import StatementOutcome, StatementOutcomes, problem
from duecare.runtime.services.state import StateService
from duecare.usecases.statements.accept import StatementResult, Statements


def state(service: StateService, event: Event) -> Response:
    """POST /v1/statements"""
    caller, body = caller_of(event), body_of(event, Statements)
    service.party_limit.take(caller.party, len(body.statements))
    results = service.accept_statements(caller, body.statements)
    telemetry.count("Stated", results=[result.status for result in results])
    return ok(StatementOutcomes([_outcome(result) for result in results]))


def _outcome(result: StatementResult) -> StatementOutcome:
    return StatementOutcome(
        statement_id=result.statement_id,
        status=result.status,  # type: ignore[arg-type]  # one of the three
        problem=problem(result.problem) if result.problem else None,
        read_as=result.read_as,  # type: ignore[arg-type]  # one of the three
        same_as=result.same_as,
        effect=result.effect,
        acknowledgement=result.acknowledgement,
    )


ROUTES = {"POST /v1/statements": state}
handler = http_handler(ROUTES, StateService.from_environment())
