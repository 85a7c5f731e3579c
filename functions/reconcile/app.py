"""reconcile: a gateway's deliveries of a period, held against the decisions about its messages; signed."""

from __future__ import annotations

from typing import Any

from duecare.runtime import telemetry, wiring
from duecare.runtime.http import Event, Response, caller_of, ok, query_of, serve
from duecare.usecases.audit.reconcile import ReconciliationQuery
from duecare_core.domain.validation import validate


def handler(event: Event, _context: Any) -> Response:
    return serve(event, ROUTES)


def reconciliation(event: Event) -> Response:
    """GET /v1/reconciliation"""
    caller, asked = caller_of(event), validate(query_of(event), ReconciliationQuery)
    answer = wiring.reconcile()(caller, asked)
    # Which gateway's is in the access log, as the party; what was found is the parties' own.
    telemetry.count("Reconciled", ok=answer["ok"], final=answer["final"], decisions=answer["counts"]["decisions"])
    return ok(answer)


ROUTES = {"GET /v1/reconciliation": reconciliation}
