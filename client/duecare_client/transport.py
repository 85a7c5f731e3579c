"""One request and one response over HTTP: deadline, one retry, and status codes turned into exceptions.

A response that is not in the form of the contract raises an exception, so the caller never takes it for an answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx

from duecare_client.errors import PROBLEM, BadAnswer, Unavailable, Unreachable, request_error, token_refused
from duecare_client.network import FAILURES, connections, service_url, unreachable

# No answer of the contract is nearly as long. A longer one is not ours, and must not fill a gateway's memory.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# Seconds to wait before the one retry, and seconds that must be left of the deadline for a retry to make sense.
RETRY_PAUSE = 0.05
WORTH_RETRYING = 0.2

Json = dict[str, Any]
_Result = TypeVar("_Result")


class Transport:
    """Keeps connections alive; safe to share between threads. `base`: the service's URL, https or on this machine.

    `timeout`: seconds for a whole call, including connecting and the retry. `transport` replaces the network in tests.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        base = service_url(url)
        self.base = str(base)
        # A plain http request to this machine goes through no proxy, which might be another machine.
        self._proxied = transport is None and base.scheme == "https"
        self._timeout = timeout
        self._monotonic = monotonic
        self._sleep = sleep
        # API Gateway closes idle connections later than httpx's five seconds; reusing one saves two round trips.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30)
        self._http = connections(transport=transport, limits=limits, trust_env=self._proxied)

    def close(self) -> None:
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout: float = 0.0,
    ) -> Json:
        """The JSON object of the response. Raises CannotDecide or RequestError (duecare_client.errors).

        Sends the same bytes once more after a broken connection or a 5xx. Every call of the contract may be repeated:
        messages are identified by their id, statements and manifests by their digest. One deadline covers both.
        """
        return self._retried(lambda deadline: self._object(method, path, headers, body, deadline), timeout)[0]

    def fetch(self, path: str, *, headers: Mapping[str, str], timeout: float = 0.0) -> tuple[Json, bytes]:
        """Like `ask` with GET; returns the JSON object and the bytes of the response."""
        return self._retried(lambda deadline: self._object("GET", path, headers, None, deadline), timeout)

    def read(self, path: str, *, headers: Mapping[str, str], timeout: float = 0.0) -> bytes | None:
        """The bytes at a public address, or None for a 404. Raises CannotDecide. Retries once, like `ask`."""
        return self._retried(lambda deadline: self._bytes(path, headers, deadline), timeout)

    def _retried(self, attempt: Callable[[float], _Result], timeout: float) -> _Result:
        deadline = self._monotonic() + max(timeout, self._timeout)
        try:
            return attempt(deadline)
        except (Unreachable, Unavailable) as failure:
            throttled = isinstance(failure, Unavailable) and failure.status == 429
            if throttled or deadline - self._monotonic() < RETRY_PAUSE + WORTH_RETRYING:
                raise
        self._sleep(RETRY_PAUSE)
        return attempt(deadline)

    def _object(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> tuple[Json, bytes]:
        response, content = self._exchange(method, path, headers, body, deadline)
        return _answer(response, content), content

    def _bytes(self, path: str, headers: Mapping[str, str], deadline: float) -> bytes | None:
        response, content = self._exchange("GET", path, headers, None, deadline)
        if response.status_code == 404:
            return None
        if response.status_code == 429 or response.status_code >= 500:
            raise Unavailable(f"the service answered {response.status_code}", status=response.status_code)
        if response.status_code != 200:
            raise BadAnswer(f"the answer ({response.status_code}) is not duecare's; check the URL")
        return content

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> tuple[httpx.Response, bytes]:
        remaining = max(deadline - self._monotonic(), 0.001)
        url = self.base + path
        try:
            with self._http.stream(method, url, headers=dict(headers), content=body, timeout=remaining) as response:
                return response, self._content(response, deadline)
        except FAILURES as error:
            raise unreachable(self.base, error, proxied=self._proxied) from error

    def _content(self, response: httpx.Response, deadline: float) -> bytes:
        """The body. httpx restarts its own time-out with every byte, so a slow trickle is stopped here."""
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise BadAnswer("the answer is too long to be duecare's; check the URL")
            if self._monotonic() > deadline:
                raise httpx.ReadTimeout("no complete response before the deadline")
        return bytes(content)


def _answer(response: httpx.Response, content: bytes) -> Json:
    status = response.status_code
    body = _json_object(content)
    if status == 429 or status >= 500:
        why = (body or {}).get("detail") or (body or {}).get("message") or response.reason_phrase
        raise Unavailable(f"the service answered {status}: {why}", status=status, retry_after=_retry_after(response))
    if _is_token_refused(status, body):
        raise token_refused(status, body or {}, _server_time(body) or _date(response))
    if status in (401, 403) or (400 <= status < 500 and body is not None and "type" in body):
        raise request_error(status, body or {})
    if not 200 <= status < 300 or body is None:
        # A 404 without a problem, a redirect, a page: whatever answered does not implement this contract.
        raise BadAnswer(f"the answer ({status}) is not duecare's; check the URL")
    return body


def _is_token_refused(status: int, body: Json | None) -> bool:
    """Whether the token was refused, by API Gateway in its own form or by a function with a problem about it."""
    if status not in (401, 403):
        return False
    name = str((body or {}).get("type", "")).removeprefix(PROBLEM)
    return not name or name.startswith("token-") or name == "key-refused"


def _server_time(body: Json | None) -> datetime | None:
    """The service's clock, from a problem."""
    try:
        at = datetime.fromisoformat(str((body or {}).get("server_time")))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _date(response: httpx.Response) -> datetime | None:
    """The service's clock, from the Date header."""
    try:
        date = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _json_object(content: bytes) -> Json | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None
