"""authorize: API Gateway's Lambda authorizer (payload 2.0, simple responses) for the tokens that parties sign."""

from __future__ import annotations

from typing import Any

from duecare.runtime import telemetry
from duecare.runtime.handler import event_handler
from duecare.runtime.http import Event, context_of
from duecare.runtime.services.authorize import AuthorizeService
from duecare_core.errors import DuecareError, NotAllowed

REFUSED: dict[str, Any] = {"isAuthorized": False}


def authorize(service: AuthorizeService, event: Event, _context: Any) -> dict[str, Any]:
    """The calling party and the claims of its token, in the context for the function behind, which judges the token's
    times. If the token is refused, API Gateway answers 403. API Gateway caches refusals too, so this raises if the
    table is unavailable: then API Gateway answers 500 and caches nothing."""
    scheme, _, token = str((event.get("headers") or {}).get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer":
        return REFUSED
    try:
        caller = service.authorize(token.strip())
    except NotAllowed:
        return REFUSED
    except DuecareError as error:
        telemetry.failed(error)
        raise
    return {"isAuthorized": True, "context": context_of(caller)}


HANDLE = authorize
handler = event_handler(HANDLE, AuthorizeService.from_environment())
