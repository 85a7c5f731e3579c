"""The exceptions of the client. **If `Client.may_send` raises any of them, do not send the message.**

The tree extends the service's own (duecare_core.errors), so a name means the same on both sides. The client adds the
reasons why there was no answer, and the faults of this machine.

    DuecareError
    ├── CannotDecide         no answer: hold the message and ask again with the same message_id
    │   ├── Unreachable      no connection, a broken connection, or a time-out
    │   ├── Unavailable      429 or 5xx: the service cannot answer now; `status`, `retry_after` (seconds or None)
    │   └── BadAnswer        a response that does not follow the contract (another service, a proxy's error page)
    ├── RequestError         the request is wrong, a retry will not help; `status`, `name`, `detail`, `errors`
    │   ├── Unreadable       400, or a request that cannot be sent (lone surrogates, not JSON): nothing was sent
    │   ├── NotAllowed       401, 403
    │   │   └── TokenRefused the bearer token itself; says what to check: key, party, clock
    │   ├── NotFound         404
    │   ├── Conflict         409
    │   ├── TooLarge         413
    │   ├── WrongMediaType   415
    │   └── Unacceptable     422
    ├── BadEvidence
    │   └── BadReceipt       a receipt that does not verify, or does not match the answer or the message
    ├── BadKey               a key that cannot sign for a party
    └── BadSettings          a profile, environment variable or file on this machine; nothing was sent
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from duecare_core.errors import (
    BadEvidence,
    BadKey,
    CannotDecide,
    Conflict,
    DuecareError,
    NotAllowed,
    NotFound,
    RequestError,
    TooLarge,
    Unacceptable,
    Unreadable,
    Violation,
    WrongMediaType,
)

__all__ = [
    "BadAnswer",
    "BadEvidence",
    "BadKey",
    "BadReceipt",
    "BadSettings",
    "CannotDecide",
    "Conflict",
    "DuecareError",
    "NotAllowed",
    "NotFound",
    "RequestError",
    "TokenRefused",
    "TooLarge",
    "Unacceptable",
    "Unavailable",
    "Unreachable",
    "Unreadable",
    "Violation",
    "WrongMediaType",
    "as_problem",
    "request_error",
]

PROBLEM = "urn:duecare:problem:"
_BY_STATUS: dict[int, type[RequestError]] = {
    400: Unreadable,
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    415: WrongMediaType,
    422: Unacceptable,
}


class Unreachable(CannotDecide):
    """No connection, a broken connection, or no complete response in time."""

    part = "network"


class Unavailable(CannotDecide):
    """The service responded with 429 or a 5xx status: it cannot answer now."""

    part = "service"

    def __init__(self, detail: str, *, status: int, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after


class BadAnswer(CannotDecide):
    """A response that does not follow the contract: from another service, a proxy's error page, or cut off."""

    part = "answer"


class TokenRefused(NotAllowed):
    """The service refused the bearer token. `server_time`: the service's clock, as its response gives it."""


class BadReceipt(BadEvidence):
    """A signed receipt or result that does not verify, or does not match the answer, the message or the question."""


class BadSettings(DuecareError):
    """A profile, environment variable or file on this machine is missing or invalid."""


_Refusal = TypeVar("_Refusal", bound=RequestError)


def request_error(status: int, problem: dict[str, Any]) -> RequestError:
    """The exception for a 4xx response: an RFC 9457 problem, or API Gateway's own `{"message": ...}`."""
    return _fill(_BY_STATUS.get(status, RequestError), status, problem)


def token_refused(status: int, problem: dict[str, Any], server_time: datetime | None) -> TokenRefused:
    """The exception for a refused token: API Gateway's own `{"message": ...}`, or a problem that says why."""
    error = _fill(TokenRefused, status, problem)
    error.server_time = server_time
    return error


def _fill(kind: type[_Refusal], status: int, problem: dict[str, Any]) -> _Refusal:
    title = problem.get("title") or problem.get("message") or kind.title
    name = str(problem.get("type", "")).removeprefix(PROBLEM) or None
    errors = problem.get("errors")
    violations = tuple(
        Violation(*(str(one.get(member, "")) for member in Violation._fields))
        for one in (errors if isinstance(errors, list) else [])
        if isinstance(one, dict)
    )
    error = kind(str(problem.get("detail") or title), errors=violations)
    error.name = name or error.name
    error.status, error.title = status, str(title)
    return error


def as_problem(error: DuecareError) -> dict[str, Any]:
    """The error as an RFC 9457 problem, for `--json` output when there is no other answer."""
    if isinstance(error, RequestError):
        violations = [violation._asdict() for violation in error.errors]
        problem = {"type": PROBLEM + error.name, "title": error.title, "status": error.status, "detail": error.detail}
        return {**problem, "errors": violations} if violations else problem
    if isinstance(error, CannotDecide):
        status = error.status if isinstance(error, Unavailable) else 503
        return {
            "type": PROBLEM + "cannot-decide",
            "title": "Could not decide",
            "status": status,
            "detail": str(error),
        }
    return {"type": PROBLEM + "local", "title": type(error).__name__, "detail": str(error)}
