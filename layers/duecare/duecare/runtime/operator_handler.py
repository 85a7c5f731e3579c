"""The handler of the functions that the operator invokes: admin and void."""

from __future__ import annotations

from collections.abc import Callable
from types import UnionType
from typing import Any, TypeVar

import msgspec

from duecare.runtime import telemetry
from duecare.runtime.http import Event
from duecare.runtime.responses import problem
from duecare_core.domain.validation import validate
from duecare_core.errors import CannotDecide, RequestError

S = TypeVar("S")


def operator_handler(
    operations: UnionType, perform: Callable[[Any, S], object], logged: tuple[str, ...]
) -> Callable[[S, Event, Any], dict[str, Any]]:
    """`{"do": …}` in; `{"status": 200, "result": …}` or `{"status": 4xx, "problem": …}` out.

    `logged`: the members of the event that the log may name.
    """

    def operate(service: S, event: Event, _context: Any) -> dict[str, Any]:
        try:
            result = perform(validate(event, operations), service)
        except RequestError as refused:
            return {"status": refused.status, "problem": msgspec.to_builtins(problem(refused))}
        except CannotDecide as error:
            telemetry.failed(error)
            raise
        telemetry.logger.info("operated", **{name: event[name] for name in logged if name in event})
        return {"status": 200, "result": msgspec.to_builtins(result)}

    return operate
