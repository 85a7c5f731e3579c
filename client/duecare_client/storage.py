"""The bucket that a file goes to and its rejects come from, by presigned URLs: not our API, and no token goes there.

Whatever goes wrong there raises CannotDecide, except where the file itself is not taken, which raises RequestError.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from itertools import islice

import httpx

from duecare_client.errors import BadAnswer, RequestError, Unavailable, Unreachable

# For one step, not for a whole file: a slow line may take an hour, but no minute in which nothing moves. The bucket
# answers only when it has everything, and may think about a large file.
_PATIENCE = httpx.Timeout(connect=10.0, write=60.0, read=120.0, pool=10.0)
# S3's own codes behind a 400 that would not come back the next time.
_PASSING = frozenset({"RequestTimeout", "IncompleteBody", "RequestTimeTooSkewed"})
# A URL that is no longer good; 409 and 412: somebody else, or our own lost attempt, was there before.
_ASK_AGAIN = frozenset({403, 409, 412})
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
REJECTS = ("row", "column", "code", "message")
_LONG_NUMBER = re.compile(r"[0-9]{7,}")
_SAID = 4096  # bytes of an error's body, in which its code stands


class Storage:
    """`secure`: whether the service is spoken to by https; then no URL of its may lead a file over plain http."""

    def __init__(self, *, secure: bool, edge: httpx.BaseTransport | None = None) -> None:
        self._secure = secure
        self._edge = edge

    def put(self, url: str, headers: Mapping[str, str], chunks: Iterable[bytes], size: int) -> None:
        """PUT `size` bytes with exactly these headers (they are signed), streaming.

        Raises Unavailable with status 403 (also for 409 and 412) where another URL must be asked for; Unreachable,
        Unavailable, BadAnswer where it is worth another try; RequestError where this file is not taken.
        """
        # A presigned PUT takes no chunked encoding, which is what an iterator is sent with unless its length is given.
        sent = httpx.Headers({"Content-Length": str(size)})
        sent.update(headers)
        with self._connection(url) as http:
            try:
                # The iterator's own errors (the file cannot be read) are not the network's, and pass as they are.
                with http.stream("PUT", url, headers=sent, content=iter(chunks)) as response:
                    said = b"" if response.is_success else _start(response, _SAID)
            except httpx.TimeoutException:
                raise Unreachable("the storage did not go on in time") from None
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
                raise Unreachable(f"the connection to the storage broke: {type(error).__name__}") from None
        if not response.is_success:
            raise _failure(response, said)

    def start_of(self, url: str, most: int) -> bytes:
        """The first bytes of an object, at most so many. Raises CannotDecide."""
        with self._connection(url) as http:
            try:
                with http.stream("GET", url) as response:
                    content = _start(response, most)
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
                raise Unreachable(f"no answer from the storage: {type(error).__name__}") from None
        if response.status_code != 200:
            raise Unavailable(f"the storage answered {response.status_code}", status=response.status_code)
        return content

    def _connection(self, url: str) -> httpx.Client:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise BadAnswer("the service gave no URL to send the file to")
        if self._secure and parsed.scheme != "https":
            raise BadAnswer("the service, spoken to by https, gave a URL without it; nothing is sent there")
        # One file, one connection; a gateway that never uploads pays for none.
        headers = {"User-Agent": "duecare-client"}
        return httpx.Client(transport=self._edge, timeout=_PATIENCE, follow_redirects=False, headers=headers)


def first_rejects(start: bytes, most: int) -> list[dict[str, str]]:
    """The first rows of a rejects file (RFC 4180: row, column, code, message) of which this is the start.

    The service puts no telephone number there, and neither do we. Raises BadAnswer where it is something else.
    """
    *lines, _ = start.decode(errors="replace").split("\n")  # behind the last line end is nothing, or half a line
    rows = csv.DictReader(lines)
    if rows.fieldnames != list(REJECTS):
        raise BadAnswer("the rejects file is not as the contract has it")
    return [{name: _LONG_NUMBER.sub("***", row.get(name) or "") for name in REJECTS} for row in islice(rows, most)]


def _start(response: httpx.Response, most: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) >= most:
            break
    return bytes(content[:most])


def _failure(response: httpx.Response, said: bytes) -> Exception:
    status = response.status_code
    found = _CODE.search(said)
    code = found[1].decode() if found else response.reason_phrase
    told = f"the storage answered {status} ({code})"
    if status in _ASK_AGAIN:
        return Unavailable(told, status=403)
    if status == 429 or status >= 500 or code in _PASSING:
        return Unavailable(told, status=status)
    if 400 <= status < 500:
        return RequestError(f"{told}: it does not take this file", name="file-not-taken")
    return BadAnswer(f"{told}, which no storage should")
