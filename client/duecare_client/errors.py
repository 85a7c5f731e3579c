"""What can go wrong between a party and duecare. **Whichever of these `Client.verify` raises, do not send.**

The tree is the service's own (duecare_core.errors), so that one name means one thing on both sides of the wire; the
client adds why there was no answer, and what is wrong on this machine.

    DuecareError
    ├── CannotDecide         no answer: hold the message, ask again later
    │   ├── Unreachable      no connection, a broken one, or too slow
    │   ├── Unavailable      429 or 5xx: it answered that it cannot now; `status`, `retry_after` in seconds or None
    │   └── BadAnswer        something answered, but not as the contract says
    ├── RequestError              the request is wrong and will stay so; `status`, `name`, `detail`, `errors`
    │   ├── Unreadable       400, or not sendable at all (lone surrogates, not JSON): nothing left this machine
    │   ├── NotAllowed       401, 403
    │   ├── NotFound         404
    │   ├── Conflict         409
    │   ├── TooLarge         413
    │   ├── WrongMediaType   415
    │   └── Unacceptable     422
    ├── BadEvidence
    │   └── BadReceipt       a receipt that does not verify, or is not about this message
    ├── BadKey               a key that cannot sign for a party
    └── BadSettings          profile, environment or file on this machine; nothing was sent
"""

from __future__ import annotations

from typing import Any

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
    "TooLarge",
    "Unacceptable",
    "Unavailable",
    "Unreachable",
    "Unreadable",
    "Violation",
    "WrongMediaType",
    "as_problem",
    "refused",
]

_PROBLEM = "urn:duecare:problem:"
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
    """No connection, a broken one, or no whole answer in time."""

    part = "network"


class Unavailable(CannotDecide):
    """The service answered that it cannot answer now: 429, or any 5xx."""

    part = "service"

    def __init__(self, detail: str, *, status: int, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after


class BadAnswer(CannotDecide):
    """Something answered, but not as the contract says: another service, a proxy's page, a cut-off body."""

    part = "answer"


class BadReceipt(BadEvidence):
    """A receipt that does not verify, or is not about this message; or a signed result that is not what was asked."""


class BadSettings(DuecareError):
    """A profile, an environment variable or a file on this machine is missing or wrong."""


def refused(status: int, problem: dict[str, Any]) -> RequestError:
    """The exception for an RFC 9457 problem (or API Gateway's own `{"message": ...}`) with a 4xx status."""
    kind = _BY_STATUS.get(status, RequestError)
    title = problem.get("title") or problem.get("message") or kind.title
    name = str(problem.get("type", "")).removeprefix(_PROBLEM) or None
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
    """The RFC 9457 form of any error here; what `--json` prints where there is no other answer."""
    if isinstance(error, RequestError):
        listed = [violation._asdict() for violation in error.errors]
        problem = {"type": _PROBLEM + error.name, "title": error.title, "status": error.status, "detail": error.detail}
        return {**problem, "errors": listed} if listed else problem
    if isinstance(error, CannotDecide):
        status = error.status if isinstance(error, Unavailable) else 503
        return {
            "type": _PROBLEM + "cannot-decide",
            "title": "Could not decide",
            "status": status,
            "detail": str(error),
        }
    return {"type": _PROBLEM + "local", "title": type(error).__name__, "detail": str(error)}
