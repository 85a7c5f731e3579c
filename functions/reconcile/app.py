"""reconcile: compares a gateway's deliveries of a period with the decisions about its messages; the report is
signed."""

from __future__ import annotations

import msgspec

from duecare.runtime import telemetry
from duecare.runtime.handler import http_handler
from duecare.runtime.http import Event, Response, caller_of, ok, query_of
from duecare.runtime.responses import ReconciliationReport
from duecare.runtime.services.reconcile import ReconcileService
from duecare.usecases.audit.reconcile import ReconciliationQuery
from duecare_core.domain.validation import validate


def reconciliation(service: ReconcileService, event: Event) -> Response:
    """GET /v1/reconciliation"""
    caller, asked = caller_of(event), validate(query_of(event), ReconciliationQuery)
    report = msgspec.convert(service.reconcile(caller, asked), ReconciliationReport)
    # The access log names the party that asked. The discrepancies themselves are the parties' own, and are not logged.
    telemetry.count("Reconciled", ok=report.ok, final=report.final, decisions=report.counts["decisions"])
    return ok(report)


ROUTES = {"GET /v1/reconciliation": reconciliation}
handler = http_handler(ROUTES, ReconcileService.from_environment())
