"""One kept-alive connection that speaks HTTP/1.1 (RFC 9112), as much of it as AWS's JSON protocols use.

http.client reads the headers of every answer with the e-mail package and sends a request's head and body apart. On the
decision path that takes as much time as all else that a call costs (docs/decisions/0003); here a request is one
`sendall` and an answer usually one `recv`.
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import NamedTuple

_HEAD_AT_MOST = 64 * 1024
_AT_ONCE = 64 * 1024


class GarbledResponse(OSError):
    """What came is not HTTP as it is read here."""


class HttpResponse(NamedTuple):
    status: int
    body: bytes


class Connection:
    """Requests and answers must alternate; after any error the connection is of no more use. Not safe for threads."""

    def __init__(self, host: str, port: int, timeout: float, tls: ssl.SSLContext | None) -> None:
        """Connects. `timeout` bounds each wait for the network, in seconds. Raises OSError."""
        plain = socket.create_connection((host, port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket = tls.wrap_socket(plain, server_hostname=host) if tls else plain
        except BaseException:
            plain.close()
            raise
        self._unread = b""
        self._stays = True

    def reusable(self) -> bool:
        """Whether another request may go out: nothing has come since the last answer, neither the other side's end nor
        an answer that nobody asked for."""
        return self._stays and not self._unread and not self.ready()

    def ready(self) -> bool:
        """Whether something has come that can be read without waiting."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return bool(waiting.poll(0))

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Send a request. Raises OSError."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\n{lines}accept-encoding: identity\r\ncontent-length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode("latin-1") + body)

    def answer(self) -> HttpResponse:
        """Read the answer, whole. Raises OSError: ConnectionError where the other side closed before its end."""
        status, headers = self._head()
        while 100 <= status < 200:  # an interim answer (RFC 9110, section 15.2): the real one follows
            status, headers = self._head()
        if b"close" in headers.get(b"connection", b"").lower():
            self._stays = False
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
            self._stays = False
        parts = (line.partition(b":") for line in lines)
        return _number(rest[:3], 10), {name.lower(): value.strip() for name, _, value in parts}

    def _chunks(self) -> bytes:
        """RFC 9112, section 7.1. AWS sends a length instead; local stand-ins may not."""
        body = b""
        while size := _number(self._until(b"\r\n").partition(b";")[0], 16):
            body += self._exactly(size)
            self._until(b"\r\n")
        while self._until(b"\r\n"):  # trailers
            pass
        return body

    def _until(self, end: bytes) -> bytes:
        while end not in self._unread:
            if len(self._unread) > _HEAD_AT_MOST:
                raise GarbledResponse("a head without an end")
            self._receive()
        before, _, self._unread = self._unread.partition(end)
        return before

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._receive()
        body, self._unread = self._unread[:size], self._unread[size:]
        return body

    def _receive(self) -> None:
        data = self._socket.recv(_AT_ONCE)
        if not data:
            raise ConnectionResetError("closed before the end of an answer")
        self._unread += data


def _number(text: bytes, base: int) -> int:
    if not text.strip().isalnum():
        raise GarbledResponse("not a number")
    try:
        return int(text, base)
    except ValueError as error:
        raise GarbledResponse("not a number") from error
