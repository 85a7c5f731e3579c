"""void: voids the statements of a party, in steps. Invoked with IAM rights, by no route.

It is apart from admin because it reads the whole table and opens statements.
"""

from __future__ import annotations

from typing import Any

import msgspec

from duecare.runtime import telemetry
from duecare.runtime.handler import event_handler
from duecare.runtime.http import Event
from duecare.runtime.responses import problem
from duecare.runtime.services.void import VoidService
from duecare.runtime.void_operations import VoidOperation, perform
from duecare_core.domain.validation import validate
from duecare_core.errors import CannotDecide, RequestError

LOGGED = ("do", "party", "since", "kind", "id")


def operate(service: VoidService, event: Event, _context: Any) -> dict[str, Any]:
    """`{"do": …}` in; `{"status": 200, "result": …}` or `{"status": 4xx, "problem": …}` out."""
    try:
        result = perform(validate(event, VoidOperation), service)
    except RequestError as refused:
        return {"status": refused.status, "problem": msgspec.to_builtins(problem(refused))}
    except CannotDecide as error:
        telemetry.failed(error)
        raise
    telemetry.logger.info("operated", **{name: event[name] for name in LOGGED if name in event})
    return {"status": 200, "result": msgspec.to_builtins(result)}


HANDLE = operate
handler = event_handler(HANDLE, VoidService.from_environment())
