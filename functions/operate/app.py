"""operate: the operator's switchboard, invoked with IAM rights and by no route."""

from __future__ import annotations

from typing import Any

import msgspec

from duecare.runtime import telemetry, wiring
from duecare.runtime.http import problem
from duecare.runtime.operations import Anything, perform
from duecare_core.domain.validation import validate
from duecare_core.errors import CannotDecide, RequestError

LOGGED = ("do", "id", "kid", "on", "creditor", "gateway", "roles", "shadow")


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """`{"do": …}` in; `{"status": 200, "result": …}` or `{"status": 4xx, "problem": …}` out."""
    try:
        result = perform(validate(event, Anything), wiring.operate(), wiring.erase, wiring.clock)
    except RequestError as refused:
        return {"status": refused.status, "problem": problem(refused)}
    except CannotDecide as error:
        telemetry.failed(error)
        raise
    telemetry.logger.info("operated", **{name: event[name] for name in LOGGED if name in event})
    return {"status": 200, "result": msgspec.to_builtins(result)}
