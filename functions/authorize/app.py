"""authorize: API Gateway's Lambda authorizer (payload 2.0, simple responses) for self-signed tokens."""

from __future__ import annotations

from typing import Any

from duecare.runtime import telemetry, wiring
from duecare.runtime.http import Event
from duecare_core.errors import DuecareError, NotAllowed

REFUSED: dict[str, Any] = {"isAuthorized": False}


def handler(event: Event, _context: Any) -> dict[str, Any]:
    """Who calls, in the context for the function behind; the gateway answers 403 otherwise. What was refused is cached
    as well, so a table that fails to answer raises instead: the gateway answers 500 and caches nothing."""
    scheme, _, token = str((event.get("headers") or {}).get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer":
        return REFUSED
    try:
        caller = wiring.authorize()(token.strip())
    except NotAllowed:
        return REFUSED
    except DuecareError as error:
        telemetry.failed(error)
        raise
    context = {"party": caller.party, "kid": caller.kid, "exp": str(int(caller.expires_at.timestamp()))}
    return {"isAuthorized": True, "context": context}
