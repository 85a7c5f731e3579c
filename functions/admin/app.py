"""admin: what the operator does with parties, keys, halts and erasures. Invoked with IAM rights, by no route."""

from __future__ import annotations

from typing import Any

import msgspec

from duecare.runtime import telemetry
from duecare.runtime.handler import event_handler
from duecare.runtime.http import Event
from duecare.runtime.operations import Operation, perform
from duecare.runtime.responses import problem
from duecare.runtime.services.admin import AdminService
from duecare_core.domain.validation import validate
from duecare_core.errors import CannotDecide, RequestError

LOGGED = ("do", "id", "kid", "on", "creditor", "gateway", "roles", "shadow", "templates_only")


def operate(service: AdminService, event: Event, _context: Any) -> dict[str, Any]:
    """`{"do": …}` in; `{"status": 200, "result": …}` or `{"status": 4xx, "problem": …}` out."""
    try:
        result = perform(validate(event, Operation), service)
    except RequestError as refused:
        return {"status": refused.status, "problem": msgspec.to_builtins(problem(refused))}
    except CannotDecide as error:
        telemetry.failed(error)
        raise
    telemetry.logger.info("operated", **{name: event[name] for name in LOGGED if name in event})
    return {"status": 200, "result": msgspec.to_builtins(result)}


HANDLE = operate
handler = event_handler(HANDLE, AdminService.from_environment())
