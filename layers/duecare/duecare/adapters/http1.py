"""A kept-alive HTTP/1.1 connection (RFC 9112), with the parts of the protocol that AWS's JSON protocols use.

http.client parses response headers with the e-mail package, and sends the head and the body of a request separately.
On the decision path that takes as long as everything else in a call (docs/decisions/0003). Here a request is one
`sendall`, and a response usually one `recv`. tests/properties/test_http1.py fuzzes the parser against a hostile server.
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import NamedTuple

_MAX_HEAD = 64 * 1024
_RECEIVE = 64 * 1024


class GarbledResponse(OSError):
    """The response is not valid HTTP/1.1, or uses a part of it that is not supported."""


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
        self._unread = b""
        self._keep_alive = True

    def reusable(self) -> bool:
        """Whether another request may be sent: the server has neither closed the connection nor sent anything since the
        last response."""
        return self._keep_alive and not self._unread and not self.ready()

    def ready(self) -> bool:
        """Whether something can be read without waiting."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(0))

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Send a request. Raises OSError."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\n{lines}accept-encoding: identity\r\ncontent-length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode("latin-1") + body)

    def response(self) -> HttpResponse:
        """Read a whole response. Raises OSError; ConnectionError if the server closed the connection early."""
        status, headers = self._head()
        while 100 <= status < 200:  # an interim response (RFC 9110, section 15.2): the final one follows
            status, headers = self._head()
        if b"close" in headers.get(b"connection", b"").lower():
            self._keep_alive = False
        if b"transfer-encoding" in headers:
            return HttpResponse(status, self._chunks())
        return HttpResponse(status, self._exactly(_number(headers.get(b"content-length", b""), 10)))

    def close(self) -> None:
        self._socket.close()

    def _head(self) -> tuple[int, dict[bytes, bytes]]:
        first, *lines = self._until(b"\r\n\r\n").split(b"\r\n")
        protocol, _, rest = first.partition(b" ")
        if protocol != b"HTTP/1.1":
            if protocol != b"HTTP/1.0":
                raise GarbledResponse("not HTTP")
            self._keep_alive = False
        parts = (line.partition(b":") for line in lines)
        return _number(rest[:3], 10), {name.lower(): value.strip() for name, _, value in parts}

    def _chunks(self) -> bytes:
        """A chunked body (RFC 9112, section 7.1). AWS sends a length instead; local emulators may not."""
        body = b""
        while size := _number(self._until(b"\r\n").partition(b";")[0], 16):
            body += self._exactly(size)
            self._until(b"\r\n")
        while self._until(b"\r\n"):  # trailers
            pass
        return body

    def _until(self, end: bytes) -> bytes:
        while end not in self._unread:
            if len(self._unread) > _MAX_HEAD:
                raise GarbledResponse("the head of a response is too long")
            self._receive()
        before, _, self._unread = self._unread.partition(end)
        return before

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._receive()
        body, self._unread = self._unread[:size], self._unread[size:]
        return body

    def _receive(self) -> None:
        data = self._socket.recv(_RECEIVE)
        if not data:
            raise ConnectionResetError("the connection was closed before the end of a response")
        self._unread += data


def _number(text: bytes, base: int) -> int:
    if not text.strip().isalnum():
        raise GarbledResponse("not a number")
    try:
        return int(text, base)
    except ValueError as error:
        raise GarbledResponse("not a number") from error
