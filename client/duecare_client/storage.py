"""The bucket that a file is sent to and its rejects are read from, by presigned URLs. No token is sent there.

A failure raises CannotDecide, or RequestError if the bucket does not accept this file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from itertools import islice

import httpx

from duecare_client.errors import BadAnswer, RequestError, Unavailable, Unreachable
from duecare_client.network import FAILURES, connections, is_private, unreachable

# Seconds for one step, not for a whole file: a slow line may take an hour, but it must not stall for a minute. The
# bucket responds only after the last byte, and may take a while for a large file.
_TIMEOUTS = httpx.Timeout(connect=10.0, write=60.0, read=120.0, pool=10.0)
# S3's codes of a 400 that a retry may cure.
_TRANSIENT_CODES = frozenset({"RequestTimeout", "IncompleteBody", "RequestTimeTooSkewed"})
# 403: the URL has expired. 409 and 412: a lost earlier attempt, or someone else, wrote the object first.
_NEEDS_NEW_URL = frozenset({403, 409, 412})
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
REJECT_COLUMNS = ("row", "column", "code", "message")
_LONG_NUMBER = re.compile(r"[0-9]{7,}")
_MAX_ERROR_BYTES = 4096  # of an error's body, which holds its code


class Storage:
    """`secure`: whether the service is reached by https. Then no URL from it may send a file over plain http; otherwise
    it may within this machine."""

    def __init__(self, *, secure: bool, transport: httpx.BaseTransport | None = None) -> None:
        self._secure = secure
        self._transport = transport

    def put(self, url: str, headers: Mapping[str, str], chunks: Iterable[bytes], size: int) -> None:
        """PUTs `size` bytes as a stream, with exactly these headers (they are signed).

        Raises Unavailable with status 403 (also for 409 and 412) if a new URL is needed; Unreachable, Unavailable or
        BadAnswer if a retry may help; RequestError if the bucket does not accept this file.
        """
        # Without a length, httpx would use chunked encoding, which a presigned PUT does not accept.
        sent_headers = _headers(size, headers)
        with self._connection(url) as http:
            try:
                # An error of the iterator (the file cannot be read) is not the network's and passes unchanged.
                with http.stream("PUT", url, headers=sent_headers, content=iter(chunks)) as response:
                    body = b"" if response.is_success else _start(response, _MAX_ERROR_BYTES)
            except httpx.TimeoutException:
                raise Unreachable("the storage did not go on in time; ask again") from None
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
                raise unreachable(url, error, proxied=self._transport is None) from None
        if not response.is_success:
            raise _failure(response, body)

    def start_of(self, url: str, size: int) -> bytes:
        """The first bytes of an object, at most `size`. Raises CannotDecide."""
        with self._connection(url) as http:
            try:
                with http.stream("GET", url) as response:
                    content = _start(response, size)
            except FAILURES as error:
                raise unreachable(url, error, proxied=self._transport is None) from None
        if response.status_code != 200:
            raise Unavailable(f"the storage answered {response.status_code}", status=response.status_code)
        return content

    def _connection(self, url: str) -> httpx.Client:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise BadAnswer("the service gave no valid URL of its storage")
        if self._secure and parsed.scheme != "https":
            raise BadAnswer("the service is reached by https but gave an http URL for its storage; nothing was sent")
        if not is_private(parsed):
            raise BadAnswer("the service gave an http URL on another machine for its storage; nothing was sent")
        # One connection for one file. A gateway, which never uploads, opens none.
        return connections(
            transport=self._transport,
            timeout=_TIMEOUTS,
            headers={"User-Agent": "duecare-client"},
            trust_env=parsed.scheme == "https",  # no proxy for plain http within this machine
        )


def first_rejects(start: bytes, limit: int) -> list[dict[str, str]]:
    """The first rows of a rejects file (RFC 4180: row, column, code, message), read from the start of it.

    Long digit sequences are masked, although the service writes no telephone number there. Raises BadAnswer for a file
    of another form.
    """
    *lines, _ = start.decode(errors="replace").split("\n")  # after the last line end: nothing, or an incomplete line
    rows = csv.DictReader(lines)
    try:
        if rows.fieldnames != list(REJECT_COLUMNS):
            raise BadAnswer("the rejects file does not have the columns row, column, code, message")
        first = list(islice(rows, limit))
    except csv.Error as error:
        raise BadAnswer(f"the rejects file is not CSV: {error}") from None
    return [{name: _LONG_NUMBER.sub("***", row.get(name) or "") for name in REJECT_COLUMNS} for row in first]


def _headers(size: int, given: Mapping[str, str]) -> httpx.Headers:
    headers = httpx.Headers({"Content-Length": str(size)})
    try:
        headers.update(given)
        return headers
    except UnicodeError:
        raise BadAnswer("the service gave headers for its storage that cannot be sent") from None


def _start(response: httpx.Response, size: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) >= size:
            break
    return bytes(content[:size])


def _failure(response: httpx.Response, body: bytes) -> Exception:
    status = response.status_code
    found = _CODE.search(body)
    code = found[1].decode() if found else response.reason_phrase
    response_line = f"the storage answered {status} ({code})"
    if status in _NEEDS_NEW_URL:
        return Unavailable(response_line, status=403)
    if status == 429 or status >= 500 or code in _TRANSIENT_CODES:
        return Unavailable(response_line, status=status)
    if 400 <= status < 500:
        return RequestError(f"{response_line}: it does not accept this file", name="file-not-taken")
    return BadAnswer(f"{response_line}, which is not an answer to a PUT")
