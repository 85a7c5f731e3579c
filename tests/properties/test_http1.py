"""The lean client's HTTP/1.1 parser against a hostile server: whatever comes, in whatever pieces, it returns the body
that an independent parser (h11) reads, or raises OSError; and it never waits for more than its time-out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from unittest.mock import patch

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from duecare.adapters import http1
from duecare.adapters.http1 import Connection, GarbledResponse, HttpResponse

TIMEOUT = 0.05
BODY = b'{"Item":{"pk":{"S":"P#a"}}}'


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server


def read(server: socket.socket, data: bytes, *, piece: int = 65536, closes: bool = True) -> tuple[HttpResponse, bool]:
    """The response that a connection reads of this data, in pieces, and whether it may be used again."""
    host, port = server.getsockname()
    with closing(Connection(host, port, TIMEOUT, None)) as connection:
        peer, _ = server.accept()
        with closing(peer), patch.object(http1, "_RECEIVE", piece):
            connection.send("POST", "/", {"host": host}, b"{}")
            peer.recv(4096)  # or closing the peer would reset the connection
            peer.sendall(data)
            if closes:
                peer.shutdown(socket.SHUT_WR)
            response = connection.response()
            return response, connection.reusable()


def reference(data: bytes) -> HttpResponse | None:
    """The response that h11 reads; None if it rejects the data, or needs more of it."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("content-length", "0")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(data)
    status, body = 0, b""
    try:
        while True:
            event = parser.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return HttpResponse(status, body)
            elif event is h11.NEED_DATA or event is h11.PAUSED:
                return None
    except h11.RemoteProtocolError:
        return None


def with_length(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d OK\r\ncontent-length: %d\r\nx-amz-crc32: 1\r\n\r\n%b" % (status, len(body), body)


def in_chunks(status: int, pieces: list[bytes]) -> bytes:
    chunks = b"".join(b"%x;name=value\r\n%b\r\n" % (len(one), one) for one in pieces if one)
    return b"HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\nx-checksum: 1\r\n\r\n" % (status, chunks)


STATUSES = st.sampled_from([200, 400, 500, 503])
PIECES = st.sampled_from([1, 2, 7, 65536])
RESPONSES = st.one_of(
    st.builds(with_length, STATUSES, st.binary(max_size=200)),
    st.builds(in_chunks, STATUSES, st.lists(st.binary(max_size=40), max_size=5)),
)


@given(data=RESPONSES, interim=st.integers(0, 3), piece=PIECES)
def test_a_valid_response_is_read_from_pieces_of_any_size(
    listener: socket.socket, data: bytes, interim: int, piece: int
) -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\n" * interim + data
    assert read(listener, data, piece=piece, closes=False) == (reference(data), True)


TOKENS = st.sampled_from(
    [
        *(
            b"\r\n",
            b"\n",
            b"\r",
            b"\r\n\r\n",
            b" ",
            b"\t",
            b":",
            b";",
            b"\0",
            b"0",
            b"00",
            b"-1",
            b"+5",
            b"0x1",
            b"1_0",
        ),
        *(
            b"HTTP/1.0 ",
            b"HTTP/1.1 ",
            b"HTTP/2 ",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 1000 OK",
            b" 99",
            b"2e1",
        ),
        *(
            b"content-length: 3\r\n",
            b"Content-Length:9\r\n",
            b"content-length: 3, 3\r\n",
            b"transfer-encoding: gzip\r\n",
        ),
        *(b"Transfer-Encoding: chunked\r\n", b"transfer-encoding: identity\r\n", b"connection: close\r\n"),
        *(b"ffffffffffffffffffff", b"99999999999999999999", b"fffffff\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n"),
    ]
)
# What a hostile server does to a valid response: at a place, remove so many bytes, and put others there.
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 4), st.one_of(st.just(b""), TOKENS, st.binary(max_size=4))), max_size=4
)


@given(data=RESPONSES, changes=CHANGES, extra=st.binary(max_size=8), piece=PIECES, closes=st.booleans())
@example(data=with_length(200, b"abc"), changes=[(0.9, 0, b"d")], extra=b"", piece=1, closes=False)
def test_a_changed_response_is_read_as_an_independent_parser_reads_it_or_is_an_error(
    listener: socket.socket,
    data: bytes,
    changes: list[tuple[float, int, bytes]],
    extra: bytes,
    piece: int,
    closes: bool,
) -> None:
    for place, removed, put in changes:
        at = int(place * len(data))
        data = data[:at] + put + data[at + removed :]
    data += extra
    try:
        response, reusable = read(listener, data, piece=piece, closes=closes)
    except OSError:
        return
    expected = reference(data)
    if expected is not None:
        assert response == expected
    assert not (reusable and closes)


@given(data=st.binary(max_size=300), piece=PIECES)
def test_noise_is_an_error(listener: socket.socket, data: bytes, piece: int) -> None:
    with pytest.raises(OSError):  # noqa: PT011  any of them
        read(listener, data, piece=piece)


@given(data=RESPONSES, left=st.floats(0, 0.999), piece=PIECES)
def test_a_response_that_ends_early_is_an_error(listener: socket.socket, data: bytes, left: float, piece: int) -> None:
    with pytest.raises(ConnectionError):
        read(listener, data[: int(left * len(data))], piece=piece)


@given(data=RESPONSES, left=st.floats(0, 0.999))
def test_a_response_that_stops_is_an_error_within_the_timeout(
    listener: socket.socket, data: bytes, left: float
) -> None:
    with pytest.raises(TimeoutError):
        read(listener, data[: int(left * len(data))], closes=False)


@given(data=RESPONSES, extra=st.binary(min_size=1, max_size=50))
def test_extra_bytes_are_never_part_of_a_response_and_end_the_connection(
    listener: socket.socket, data: bytes, extra: bytes
) -> None:
    assert read(listener, data + extra, closes=False) == (reference(data), False)


AMBIGUOUS = {
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "length and chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nabc",
    "a prefixed size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk over its size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
    "a negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_response_that_could_be_read_in_two_ways_is_an_error(listener: socket.socket, data: bytes) -> None:
    with pytest.raises(GarbledResponse):
        read(listener, data)


OVERSIZE = {
    "a head": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 30_000,
    "a length": b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
    "a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffff\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"400\r\n%b\r\n" % (b"x" * 1024) * 100,
    "trailers": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 1000,
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
}


@pytest.mark.parametrize("data", OVERSIZE.values(), ids=OVERSIZE)
def test_a_response_without_end_is_an_error(listener: socket.socket, data: bytes) -> None:
    with patch.object(http1, "_MAX_BODY", 64 * 1024), pytest.raises(GarbledResponse):
        read(listener, data, closes=False)


def test_a_response_that_comes_byte_by_byte_is_an_error_when_it_takes_too_long(listener: socket.socket) -> None:
    ticks = iter(range(1000))
    with patch.object(http1.time, "monotonic", lambda: next(ticks) * TIMEOUT), pytest.raises(TimeoutError):
        read(listener, with_length(200, BODY), piece=1, closes=False)
