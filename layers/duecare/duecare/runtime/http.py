"""Between API Gateway's HTTP API events (payload 2.0) and use cases: JSON in, JSON and problem+json (RFC 9457) out."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from duecare.runtime import telemetry
from duecare.usecases.access.caller import Caller
from duecare_core.domain.validation import validate
from duecare_core.errors import (
    BadEvidence,
    CannotDecide,
    DuecareError,
    NotAllowed,
    RequestError,
    TooLarge,
    Unreadable,
    WrongMediaType,
)
from duecare_core.evidence.canonical import strict_json

Event = Mapping[str, Any]
Response = dict[str, Any]
T = TypeVar("T")

MAX_BODY = 1024 * 1024
_REPLACEMENT = "\ufffd".encode()
_UNESCAPED = re.compile(r" (\d\d:\d\d)\Z")


def serve(event: Event, routes: Mapping[str, Callable[[Event], Response]]) -> Response:
    """Answer an event by its route. Whatever goes wrong becomes a problem here, and only here; nothing unexpected can
    leave as an answer (guarantee 1: fail closed)."""
    try:
        return routes[event["routeKey"]](event)
    except RequestError as refused:
        telemetry.count("Refused", problem=refused.name)
        return _problem(problem(refused))
    except CannotDecide as error:
        telemetry.failed(error)
        telemetry.count("CannotDecide", part=error.part)
        return _problem(problem(error))
    except Exception as error:
        telemetry.failed(error)
        telemetry.count("CannotDecide", part="unexpected")
        return _problem(problem(DuecareError()))


def problem(error: DuecareError) -> dict[str, Any]:
    """An RFC 9457 problem. Whatever the caller cannot mend is a 503: no decision was made."""
    if not isinstance(error, RequestError):
        return {
            "type": "urn:duecare:problem:cannot-decide",
            "title": "Could not decide",
            "status": 503,
            "detail": "No decision was made: do not send the message. Ask again under the same message_id; "
            "statements may be sent again as they are.",
            "part": error.part if isinstance(error, CannotDecide) else "unexpected",
        }
    body: dict[str, Any] = {
        "type": f"urn:duecare:problem:{error.name}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.errors:
        body["errors"] = [violation._asdict() for violation in error.errors]
    return body


def ok(body: Any, *, cache: str = "no-store", language: str | None = None) -> Response:
    headers = {"content-type": "application/json", "cache-control": cache}
    if language:
        headers |= {"content-language": language, "vary": "Accept-Language"}
    return _response(200, body, headers)


def sent(data: bytes, content_type: str, *, cache: str) -> Response:
    """Bytes as they are: API Gateway decodes the base64."""
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
        # API Gateway hands over text: bytes that were no UTF-8 have become U+FFFD, and a digest of that proves nothing.
        raise Unreadable("The body is not UTF-8, or holds U+FFFD, which stands for what was not.")
    if len(data) > MAX_BODY:
        raise TooLarge("A body may have 1 MiB.")
    try:
        value = strict_json(data)
    except BadEvidence as error:
        raise Unreadable("The body is not JSON in UTF-8, with every member once and whole characters only.") from error
    return validate(value, kind)


def query_of(event: Event) -> dict[str, str]:
    """The query's members. A `+` that was not escaped has become a space, which in a time stands before its offset."""
    return {name: _UNESCAPED.sub(r"+\1", value) for name, value in (event.get("queryStringParameters") or {}).items()}


def caller_of(event: Event) -> Caller:
    """Whom the authorizer admitted. Raises NotAllowed where there is none: a route left open by mistake stays shut."""
    try:
        context = event["requestContext"]["authorizer"]["lambda"]
        return Caller(context["party"], context["kid"], datetime.fromtimestamp(float(context["exp"]), UTC))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise NotAllowed("No authorizer has admitted this call.") from error


def public_url(event: Event, configured: str) -> str:
    """Where this service answers: as configured, or the domain that API Gateway served this request on."""
    return configured or f"https://{event['requestContext']['domainName']}"


def language_of(event: Event) -> str:
    """`zh-CN` or `en`, whichever Accept-Language (RFC 9110, section 12.5.4) prefers; English where it names neither."""
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


def _problem(body: dict[str, Any]) -> Response:
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    status = body["status"]
    return _response(status, body, headers | ({"retry-after": "1"} if status == 503 else {}))


def _response(status: int, body: Any, headers: dict[str, str]) -> Response:
    return {"statusCode": status, "headers": headers, "body": msgspec.json.encode(body).decode()}
