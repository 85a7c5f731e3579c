"""Lambda's handlers, made of a function's code and its Service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from duecare.runtime import telemetry
from duecare.runtime.http import Event, HasClock, Response, Routes, serve

S = TypeVar("S")
R = TypeVar("R")
H = TypeVar("H", bound=HasClock)


def event_handler(handle: Callable[[S, Event, Any], R], service: S) -> Callable[[Event, Any], R]:
    """Lambda's handler of events: calls `handle` with the service, the event and Lambda's context."""

    def handler(event: Event, context: Any) -> R:
        telemetry.begin(event, context)
        return handle(service, event, context)

    return handler


def http_handler(routes: Routes[H], service: H) -> Callable[[Event, Any], Response]:
    """Lambda's handler of the HTTP API: calls a route with the service and the event."""
    return event_handler(lambda service, event, _context: serve(routes, service, event), service)
