"""Bytes as they come over the wire: too many, too slow, and those that try to smuggle."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from gateway_hooks.asgi_types import App
from gateway_hooks.gateway import Backend
from gateway_hooks.gateway.bounds import Bounds, RequestBounds
from gateway_hooks.gateway.pool.pools import Pool, Route
from gateway_hooks.gateway.serving.http_protocol import BoundedHttp
from tests.gateway_hooks.gateway.conftest import RecordingBackend

BOUNDS = Bounds(max_body_bytes=5000, body_seconds=0.2, kept_body_bytes=2000)
LINE = b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: gate\r\n"
SMALL = LINE + b"content-length: 2\r\n\r\n{}"


class Wire:
    """A gateway with bounds, its backend, and connections to it."""

    def __init__(self, gateway: Any, backend: RecordingBackend) -> None:
        self.gateway = gateway
        self.backend = backend
        host, port = gateway.url.removeprefix("http://").split(":")
        self.address = host, int(port)

    def connect(self) -> socket.socket:
        """A connection of a caller."""
        return socket.create_connection(self.address, timeout=10)

    def said(self, *pieces: bytes) -> bytes:
        """All that comes back until the gateway closes, or is silent for half a second."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return heard(connection)

    @property
    def requests(self) -> int:
        """How many the backend has seen."""
        return len(self.backend.seen)


def heard(connection: socket.socket, seconds: float = 2.0) -> bytes:
    """What comes until the end or a silence."""
    connection.settimeout(seconds)
    text = b""
    try:
        while piece := connection.recv(65536):
            text += piece
    except (TimeoutError, ConnectionResetError):
        return text
    return text + b"<closed>"


def answer(connection: socket.socket) -> bytes:
    """One whole answer of a connection that stays open."""
    connection.settimeout(20)
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(65536)
    head, _, body = text.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head


def statuses(text: bytes) -> list[int]:
    """Of the answers in what came back."""
    return [int(part[:3]) for part in text.split(b"HTTP/1.1 ")[1:]]


@pytest.fixture
def wire(
    start_pools: Any, start_recorder: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Wire:
    """A head of 4000 bytes within 0.3 seconds, a body of 5000 with pauses of 0.2."""
    monkeypatch.setattr(BoundedHttp, "head_bytes", 4000)
    monkeypatch.setattr(BoundedHttp, "head_seconds", 0.3)
    backend = start_recorder()

    def bounded(app: App) -> App:
        return RequestBounds(app, BOUNDS)

    gateway = start_pools(Pool((Route(Backend.parse(backend.url)),)), outside=bounded)
    return Wire(gateway, backend)


def test_a_request_within_bounds_passes(wire: Wire) -> None:
    """Bounds are not noticed by those who keep them, one request after the other."""
    with wire.connect() as connection:
        for _ in range(3):
            connection.sendall(SMALL)
            assert statuses(answer(connection)) == [200]
    assert wire.requests == 3


@pytest.mark.parametrize(
    "head",
    [
        b"a" * 5000 + b": 1\r\n\r\n",
        b"a: " + b"1" * 5000 + b"\r\n\r\n",
        b"a: 12345\r\n" * 500 + b"\r\n",
        b"a: 12345\r\n" * 500,
        b"a: " + b"1" * 100_000,
    ],
)
def test_a_head_that_is_too_long_is_refused(wire: Wire, head: bytes) -> None:
    """431 and an end, however it comes: at once and complete, in one header or in many."""
    text = wire.said(LINE + head)
    assert statuses(text) in ([431], [])  # the end may overtake the answer
    assert wire.requests == 0
    with wire.connect() as connection:
        connection.sendall(SMALL)
        assert statuses(answer(connection)) == [200]
        connection.sendall(LINE + b"a: 12345\r\n" * 500 + b"\r\n")
        assert statuses(heard(connection)) in ([431], [])
    assert wire.requests == 1


def test_a_long_head_is_answered_before_the_end(wire: Wire) -> None:
    """A caller that is a little over reads why."""
    assert statuses(wire.said(LINE + b"a: " + b"1" * 4500 + b"\r\n\r\n")) == [431]
    long_path = b"GET /" + b"x" * 4500 + b" HTTP/1.1\r\nhost: a\r\n\r\n"
    assert statuses(wire.said(long_path)) == [431]


def test_a_body_of_the_same_size_is_no_head(wire: Wire) -> None:
    """What comes in one piece with the head is counted as what it is."""
    body = b"x" * 4900
    text = wire.said(LINE + b"content-length: 4900\r\n\r\n" + body, SMALL)
    assert statuses(text) == [200, 200]
    assert wire.backend.seen[0].body == body


def test_a_slow_head_is_given_up(wire: Wire) -> None:
    """408 within `head_seconds`, for the first request and for a later one of a connection."""
    assert statuses(wire.said(LINE)) == [408]
    with wire.connect() as connection:
        connection.sendall(SMALL)
        assert statuses(answer(connection)) == [200]
        connection.sendall(LINE)
        text = heard(connection, 1)
    assert statuses(text) == [408]
    assert text.endswith(b"<closed>")


def test_an_idle_connection_is_closed_in_silence(wire: Wire) -> None:
    """Who says nothing is told nothing, so that no client takes it for an answer."""
    assert wire.said() == b"<closed>"


def test_a_body_that_announces_too_much_is_refused_unread(wire: Wire) -> None:
    """413 before a byte of it came, and nothing of it is read."""
    text = wire.said(LINE + b"content-length: 5001\r\n\r\n")
    assert statuses(text) == [413]
    assert text.endswith(b"<closed>")
    assert json.loads(text.partition(b"\r\n\r\n")[2].removesuffix(b"<closed>"))["error"]["code"]
    assert wire.requests == 0


@pytest.mark.parametrize("chunks", [2, 4])
def test_a_body_that_becomes_too_long_is_cut_off(wire: Wire, chunks: int) -> None:
    """Also in chunks, of which no length is announced; the backend gets no half request."""
    piece = b"5dc\r\n" + b"x" * 1500 + b"\r\n"
    text = wire.said(LINE + b"transfer-encoding: chunked\r\n\r\n" + piece * chunks * 2)
    assert statuses(text) == [413]
    assert wire.requests == 0
    assert wire.gateway.memory.breakers.failures(wire.backend.url.removeprefix("http://")) == 0


@pytest.mark.parametrize("length", [100, 4000])
def test_a_body_that_stops_coming_is_given_up(wire: Wire, length: int) -> None:
    """408 after a pause, whether it is kept or passed on; the connection ends."""
    text = wire.said(LINE + b"content-length: %d\r\n\r\n" % length + b"x" * (length - 50))
    assert statuses(text) == [408]
    assert text.endswith(b"<closed>")
    assert wire.requests == 0


def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    """A client may send the next before it has the answer; a half one waits its turn."""
    assert statuses(wire.said(SMALL * 3)) == [200, 200, 200]
    assert wire.requests == 3


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "attack",
    [
        LINE + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        LINE + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
        LINE + b"content-length: 0\r\ncontent-length: 36\r\n\r\n" + SMUGGLED,
        LINE + b"content-length: 0\r\ncontent-length: 0\r\n\r\n" + SMUGGLED,
        LINE + b"content-length: 0, 36\r\n\r\n" + SMUGGLED,
        LINE + b"content-length: +36\r\n\r\n" + SMUGGLED,
        LINE + b"content-length : 36\r\n\r\n" + SMUGGLED,
        LINE + b"a: 1\r\n content-length: 36\r\n\r\n" + SMUGGLED,
        LINE + b"transfer-encoding: identity, chunked, identity\r\n\r\n" + SMUGGLED,
        LINE + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        LINE + b"transfer-encoding: chunked\r\n\r\nzz\r\n\r\n" + SMUGGLED,
        LINE + b"transfer-encoding: chunked\r\n\r\n0x0\r\n\r\n" + SMUGGLED,
        LINE + b"transfer-encoding: chunked\r\n\r\n-1\r\n\r\n" + SMUGGLED,
        LINE + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n\r\n" + SMUGGLED,
        LINE + b"transfer-encoding: chunked\r\n\r\n1\r\nAB0\r\n\r\n" + SMUGGLED,
        LINE.replace(b"\r\n", b"\n") + b"content-length: 0\n\n" + SMUGGLED,
        LINE + b"a: x\x00y\r\n\r\n" + SMUGGLED,
        LINE + b"a: x\ry: 1\r\n\r\n" + SMUGGLED,
        LINE + b"a\x00b: 1\r\n\r\n" + SMUGGLED,
        LINE + b"a b: 1\r\n\r\n" + SMUGGLED,
        LINE + b": 1\r\n\r\n" + SMUGGLED,
        b"POST /a b HTTP/1.1\r\nhost: x\r\n\r\n" + SMUGGLED,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SMUGGLED,
    ],
)
def test_what_two_servers_could_read_differently_is_read_once(wire: Wire, attack: bytes) -> None:
    """Refused, or one request at the backend for each answer, and none that nobody sent."""
    text = wire.said(attack)
    got = statuses(text)
    assert got
    assert wire.requests == len([status for status in got if status == 200])
    if got[0] == 400:
        assert wire.requests == 0
    for seen in wire.backend.seen:
        assert ("content-length" in seen.headers) + ("transfer-encoding" in seen.headers) < 2
        assert b"smuggled" not in seen.body
