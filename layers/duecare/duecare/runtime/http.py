"""From API Gateway's HTTP API events (payload 2.0) to use cases: JSON in; JSON or problem+json (RFC 9457) out."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct

from duecare.ports import Clock
from duecare.runtime import telemetry
from duecare.runtime.responses import Problem, problem
from duecare.usecases.access.caller import Caller, check_token
from duecare_core.domain.validation import validate
from duecare_core.errors import (
    BadEvidence,
    BadToken,
    CannotDecide,
    DuecareError,
    NotAllowed,
    RequestError,
    TooLarge,
    TooMany,
    Unreadable,
    WrongMediaType,
)
from duecare_core.evidence.canonical import strict_json

Event = Mapping[str, Any]
Response = dict[str, Any]
T = TypeVar("T")
MAX_BODY = 1024 * 1024
RETRY = {"retry-after": "1"}  # of a 503
_REPLACEMENT = "\ufffd".encode()
_UNESCAPED = re.compile(r" (\d\d:\d\d)\Z")


class HasClock(Protocol):
    """A function's Service, as far as `serve` needs it."""

    @property
    def clock(self) -> Clock: ...


Service = TypeVar("Service", bound=HasClock)
Routes = Mapping[str, Callable[[Service, Event], Response]]


def serve(routes: Routes[Service], service: Service, event: Event) -> Response:
    """Answer an event by its route. The token of a route that has the authorizer is judged by this function's clock
    before anything else. Every error becomes a problem here, and only here; nothing unexpected can be returned as an
    answer (guarantee 1: fail closed)."""
    try:
        if "authorizer" in event["requestContext"]:
            check_token(caller_of(event), service.clock())
        return routes[event["routeKey"]](service, event)
    except RequestError as refused:
        telemetry.count("Refused", problem=refused.name)
        return _problem(problem(refused), _headers(refused))
    except CannotDecide as error:
        telemetry.failed(error)
        telemetry.count("CannotDecide", part=error.part)
        return _problem(problem(error), RETRY)
    except Exception as error:
        telemetry.failed(error)
        telemetry.count("CannotDecide", part="unexpected")
        return _problem(problem(DuecareError()), RETRY)


def ok(body: Struct | dict[str, Any], *, cache: str = "no-store", language: str | None = None) -> Response:
    headers = {"content-type": "application/json", "cache-control": cache}
    if language:
        headers |= {"content-language": language, "vary": "Accept-Language"}
    return _response(200, body, headers)


def sent(data: bytes, content_type: str, *, cache: str) -> Response:
    """These bytes as they are: API Gateway decodes the base64."""
    headers = {"content-type": content_type, "cache-control": cache}
    return {"statusCode": 200, "headers": headers, "isBase64Encoded": True, "body": base64.b64encode(data).decode()}


def body_of(event: Event, kind: type[T]) -> T:
    """The JSON body as this type. Raises WrongMediaType, TooLarge, Unreadable, Unacceptable."""
    media_type = _header(event, "content-type").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongMediaType("Send application/json.")
    text = event.get("body") or ""
    try:
        data = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode("utf-8")
    except ValueError as error:  # base64 in other characters, or a lone surrogate
        raise Unreadable("The body is not UTF-8.") from error
    if _REPLACEMENT in data:
        # API Gateway passes text: bytes that are not UTF-8 have become U+FFFD, and a digest of that proves nothing.
        raise Unreadable("The body is not UTF-8, or holds U+FFFD, which stands for what was not.")
    if len(data) > MAX_BODY:
        raise TooLarge("A body may have 1 MiB.")
    try:
        value = strict_json(data)
    except BadEvidence as error:
        raise Unreadable("The body is not JSON in UTF-8, with every member once and whole characters only.") from error
    return validate(value, kind)


def query_of(event: Event) -> dict[str, str]:
    """The members of the query. An unescaped `+` has become a space; in a time it is the sign of the offset."""
    return {name: _UNESCAPED.sub(r"+\1", value) for name, value in (event.get("queryStringParameters") or {}).items()}


def context_of(caller: Caller) -> dict[str, str]:
    """The authorizer's context, which `caller_of` reads again in the function that API Gateway then calls."""
    return {
        "party": caller.party,
        "kid": caller.kid,
        "iat": _seconds(caller.begins_at),
        "exp": _seconds(caller.expires_at),
        "aud": str(caller.audience_fits).lower(),
        "lifetime": str(caller.lifetime_fits).lower(),
    }


def caller_of(event: Event) -> Caller:
    """The party that the authorizer let pass. Raises NotAllowed if there is none, so that a route without an authorizer
    answers nobody. What the context lacks counts as wrong."""
    try:
        context = event["requestContext"]["authorizer"]["lambda"]
        return Caller(
            context["party"],
            context["kid"],
            begins_at=_instant(context.get("iat")),
            expires_at=_instant(context.get("exp")),
            audience_fits=context.get("aud") == "true",
            lifetime_fits=context.get("lifetime") == "true",
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise NotAllowed("No authorizer has admitted this call.") from error


def _seconds(at: datetime | None) -> str:
    return "" if at is None else str(at.timestamp())


def _instant(seconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(float(seconds), UTC) if seconds else None


def public_url(event: Event, configured: str) -> str:
    """The URL of this API: as configured, or the domain that API Gateway served this request on."""
    return configured or f"https://{event['requestContext']['domainName']}"


def language_of(event: Event) -> str:
    """`zh-CN` or `en`, by Accept-Language (RFC 9110, section 12.5.4); English if it names neither."""
    best, best_weight = "en", 0.0
    for part in _header(event, "accept-language").lower().split(",")[:20]:
        tag, _, weight = part.replace(" ", "").partition(";q=")
        language = {"zh": "zh-CN", "en": "en"}.get(tag.partition("-")[0])
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if language and quality > best_weight:
            best, best_weight = language, quality
    return best


def _header(event: Event, name: str) -> str:
    return str((event.get("headers") or {}).get(name, ""))


def _headers(refused: RequestError) -> dict[str, str]:
    """The headers that go with an error (RFC 9110, sections 10.2.3 and 11.6.1)."""
    if isinstance(refused, TooMany):
        return {"retry-after": str(refused.retry_after)}
    if isinstance(refused, BadToken):
        return {"www-authenticate": 'Bearer error="invalid_token"'}
    return {}


def _problem(body: Problem, headers: dict[str, str]) -> Response:
    return _response(
        body.status, body, {"content-type": "application/problem+json", "cache-control": "no-store", **headers}
    )


def _response(status: int, body: Struct | dict[str, Any], headers: dict[str, str]) -> Response:
    return {"statusCode": status, "headers": headers, "body": msgspec.json.encode(body).decode()}
