"""A kept-alive HTTP/1.1 connection (RFC 9112), with the parts of the protocol that AWS's JSON protocols use.

http.client parses response headers with the e-mail package, and sends the head and the body of a request separately.
On the decision path that takes as long as everything else in a call (docs/decisions/0003). Here a request is one
`sendall`, and a response usually one `recv`.

The parser accepts less than the RFC allows: whatever could be read in two ways is an error, and every response is
bounded in size and time. tests/properties/test_http1.py fuzzes it against a hostile server.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from typing import NamedTuple

_MAX_HEAD = 64 * 1024
_MAX_BODY = 64 * 1024 * 1024  # DynamoDB's largest responses have 16 MB of items
_MAX_INTERIM = 8
_MAX_TRAILERS = 64
_TOTAL_TIMEOUTS = 10  # a response may take this many times the time-out of one wait
_RECEIVE = 64 * 1024
_FRAMING = (b"content-length", b"transfer-encoding")
_DECIMAL, _HEXADECIMAL = frozenset(b"0123456789"), frozenset(b"0123456789abcdefABCDEF")


class GarbledResponse(OSError):
    """The response is not valid HTTP/1.1, too large, or uses a part of the protocol that is not supported."""


class HttpResponse(NamedTuple):
    status: int
    body: bytes


class Connection:
    """Requests and responses must alternate. After any error the connection must be closed. Not safe for threads."""

    def __init__(self, host: str, port: int, timeout: float, tls: ssl.SSLContext | None) -> None:
        """Connect. `timeout`: of each wait for the network, in seconds. Raises OSError."""
        plain = socket.create_connection((host, port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket = tls.wrap_socket(plain, server_hostname=host) if tls else plain
        except BaseException:
            plain.close()
            raise
        self._readable = select.poll()
        self._readable.register(self._socket, select.POLLIN)
        self._timeout = timeout
        self._deadline = 0.0
        self._unread = b""
        self._keep_alive = True

    def reusable(self) -> bool:
        """Whether another request may be sent: the server has neither closed the connection nor sent anything since the
        last response."""
        return self._keep_alive and not self._unread and not self.ready()

    def ready(self) -> bool:
        """Whether something can be read without waiting."""
        return bool(self._readable.poll(0))

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Send a request. Raises OSError."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\n{lines}accept-encoding: identity\r\ncontent-length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode("latin-1") + body)

    def response(self) -> HttpResponse:
        """Read a whole response. Raises OSError: GarbledResponse, TimeoutError, or ConnectionError if the server closed
        the connection early."""
        self._deadline = time.monotonic() + _TOTAL_TIMEOUTS * self._timeout
        for _ in range(_MAX_INTERIM):
            status, headers = self._head()
            if status >= 200:
                break
        else:  # only interim responses (RFC 9110, section 15.2)
            raise GarbledResponse("too many interim responses")
        if b"close" in headers.get(b"connection", b"").lower():
            self._keep_alive = False
        length, encoding = (headers.get(name) for name in _FRAMING)
        if encoding is None:
            return HttpResponse(status, self._exactly(_number(length or b"", _DECIMAL)))
        if length is not None or encoding.lower() != b"chunked":
            raise GarbledResponse("the length of the body is ambiguous")
        return HttpResponse(status, self._chunks())

    def close(self) -> None:
        self._socket.close()

    def _head(self) -> tuple[int, dict[bytes, bytes]]:
        head = self._until(b"\r\n\r\n")
        if head.count(b"\n") != head.count(b"\r\n"):
            raise GarbledResponse("a line that ends without CR")  # which some read as the end of the line, some not
        first, *lines = head.split(b"\r\n")
        protocol, status = first[:9], first[9:12]
        if protocol != b"HTTP/1.1 ":
            if protocol != b"HTTP/1.0 ":
                raise GarbledResponse("not HTTP")
            self._keep_alive = False
        if len(status) != 3 or not b"100" <= status <= b"599" or first[12:13] not in (b" ", b""):
            raise GarbledResponse("not a status")
        headers: dict[bytes, bytes] = {}
        for line in lines:
            name, _, value = line.partition(b":")
            name = name.lower()
            if name in headers and name in _FRAMING:
                raise GarbledResponse("the length of the body is ambiguous")
            headers[name] = value.strip(b" \t")
        return _number(status, _DECIMAL), headers

    def _chunks(self) -> bytes:
        """A chunked body (RFC 9112, section 7.1). AWS sends a length instead; local emulators may not."""
        body = b""
        while size := self._chunk_size():
            body += self._exactly(size)
            if len(body) > _MAX_BODY:
                raise GarbledResponse("the body of a response is too long")
            if self._exactly(2) != b"\r\n":
                raise GarbledResponse("a chunk that is longer than its size")
        for _ in range(_MAX_TRAILERS):
            if not self._until(b"\r\n"):
                return body
        raise GarbledResponse("too many trailers")

    def _chunk_size(self) -> int:
        line = self._until(b"\r\n")
        if b"\n" in line:
            raise GarbledResponse("a line that ends without CR")
        return _number(line.partition(b";")[0].rstrip(b" \t"), _HEXADECIMAL)

    def _until(self, end: bytes) -> bytes:
        while end not in self._unread:
            if len(self._unread) > _MAX_HEAD:
                raise GarbledResponse("the head of a response is too long")
            self._receive()
        before, _, self._unread = self._unread.partition(end)
        return before

    def _exactly(self, size: int) -> bytes:
        if size > _MAX_BODY:
            raise GarbledResponse("the body of a response is too long")
        while len(self._unread) < size:
            self._receive()
        body, self._unread = self._unread[:size], self._unread[size:]
        return body

    def _receive(self) -> None:
        if time.monotonic() > self._deadline:
            raise TimeoutError("the response takes too long")
        data = self._socket.recv(_RECEIVE)
        if not data:
            raise ConnectionResetError("the connection was closed before the end of a response")
        self._unread += data


def _number(text: bytes, digits: frozenset[int]) -> int:
    if not 0 < len(text) <= 18 or not digits.issuperset(text):
        raise GarbledResponse("not a number")
    return int(text, 10 if digits is _DECIMAL else 16)
