"""One question, one answer, over HTTP: the deadline, the one repetition, and status codes → exceptions.

Everything here fails closed: whatever is not an answer in the form of the contract raises.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from duecare_client.errors import BadAnswer, BadSettings, Unavailable, Unreachable, refused

# No answer of the contract comes near this; what does is not ours, and must not fill a gateway's memory.
MAX_ANSWER = 8 * 1024 * 1024
# How long to wait before the one repetition, and what must be left of the time for it to make sense.
PAUSE = 0.05
WORTH_TRYING = 0.2

Json = dict[str, Any]


class Transport:
    """Keeps connections alive and is safe to share between threads.

    `timeout`: seconds for a whole call, connection and repetition included. `edge` stands in for the network in tests.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        edge: httpx.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            base = httpx.URL(url.rstrip("/"))
        except httpx.InvalidURL:
            base = httpx.URL("")
        if base.scheme not in {"http", "https"} or not base.host:
            raise BadSettings("the service's URL must be http:// or https:// with a host")
        self._base, self._host = str(base), base.netloc.decode("ascii")  # which has no password in it
        self._timeout = timeout
        self._direct = edge is not None  # no proxy of the environment counts
        self._monotonic = monotonic
        self._sleep = sleep
        # API Gateway closes idle connections later than httpx's five seconds; a reused one saves two round trips.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30)
        self._http = httpx.Client(transport=edge, limits=limits, follow_redirects=False)

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
        """The answer's JSON object. Raises CannotDecide or RequestError (duecare_client.errors).

        Repeats once, the same bytes, after a broken connection or a 5xx: every call of the contract may be repeated,
        because messages are known by their id, statements and manifests by their digest. The deadline holds for both
        together.
        """
        return self._asked(method, path, headers, body, timeout)[0]

    def fetch(self, path: str, *, headers: Mapping[str, str], timeout: float = 0.0) -> tuple[Json, bytes]:
        """As `ask` with GET; the answer's JSON object, and its very bytes."""
        return self._asked("GET", path, headers, None, timeout)

    def _asked(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> tuple[Json, bytes]:
        deadline = self._monotonic() + max(timeout, self._timeout)
        try:
            return self._ask_once(method, path, headers, body, deadline)
        except (Unreachable, Unavailable) as failure:
            throttled = isinstance(failure, Unavailable) and failure.status == 429
            if throttled or deadline - self._monotonic() < PAUSE + WORTH_TRYING:
                raise
        self._sleep(PAUSE)
        return self._ask_once(method, path, headers, body, deadline)

    def read(self, path: str, *, headers: Mapping[str, str], timeout: float = 0.0) -> bytes | None:
        """The bytes at a public address, or None for a 404. Raises CannotDecide. Repeats once, as `ask` does."""
        deadline = self._monotonic() + max(timeout, self._timeout)
        try:
            return self._read_once(path, headers, deadline)
        except (Unreachable, Unavailable):
            if deadline - self._monotonic() < PAUSE + WORTH_TRYING:
                raise
        self._sleep(PAUSE)
        return self._read_once(path, headers, deadline)

    def _read_once(self, path: str, headers: Mapping[str, str], deadline: float) -> bytes | None:
        response, content = self._exchange("GET", path, headers, None, deadline)
        if response.status_code == 404:
            return None
        if response.status_code == 429 or response.status_code >= 500:
            raise Unavailable(f"the service answered {response.status_code}", status=response.status_code)
        if response.status_code != 200:
            raise BadAnswer(f"the answer ({response.status_code}) is not duecare's; check the URL")
        return content

    def _ask_once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> tuple[Json, bytes]:
        response, content = self._exchange(method, path, headers, body, deadline)
        return _answer(response, content), content

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> tuple[httpx.Response, bytes]:
        left = max(deadline - self._monotonic(), 0.001)
        try:
            with self._http.stream(
                method, self._base + path, headers=dict(headers), content=body, timeout=left
            ) as response:
                return response, self._read(response, deadline)
        except httpx.TimeoutException:
            raise Unreachable(f"no answer from {self._host} in time{self._proxy_hint()}; ask again") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            # The last three: a host that is none shows only here.
            said = f"no answer from {self._host} ({type(error).__name__})"
            advice = self._proxy_hint() or "; check the URL and the network"
            raise Unreachable(f"{said}{advice}, and ask again") from error

    def _proxy_hint(self) -> str:
        """Names the proxy that the environment demands, without its password; empty if there is none."""
        proxies, url = urllib.request.getproxies(), httpx.URL(self._base)
        variable = next((name for name in (url.scheme, "all") if proxies.get(name)), None)
        if self._direct or variable is None or urllib.request.proxy_bypass(url.host):
            return ""
        proxy = proxies[variable].rpartition("@")[2].rpartition("//")[2].rstrip("/")
        return f" through the proxy {proxy}, which {variable.upper()}_PROXY names; unset it or set NO_PROXY={url.host}"

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        """The body. httpx's own time-out starts anew with every byte, so a trickle is stopped here."""
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER:
                raise BadAnswer("the answer is too long to be duecare's")
            if self._monotonic() > deadline:
                raise Unreachable(f"no whole answer from {self._host} in time; ask again")
        return bytes(content)


def _answer(response: httpx.Response, content: bytes) -> Json:
    status = response.status_code
    body = _object(content)
    if status == 429 or status >= 500:
        said = (body or {}).get("detail") or (body or {}).get("message") or response.reason_phrase
        raise Unavailable(f"the service answered {status}: {said}", status=status, retry_after=_retry_after(response))
    if status in (401, 403) or (400 <= status < 500 and body is not None and "type" in body):
        raise refused(status, body or {})
    if not 200 <= status < 300 or body is None:
        # A 404 without a problem, a redirect, a page: nothing there speaks this contract.
        raise BadAnswer(f"the answer ({status}) is not duecare's; check the URL")
    return body


def _object(content: bytes) -> Json | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None
