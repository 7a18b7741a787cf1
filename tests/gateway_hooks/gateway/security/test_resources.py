"""Callers and backends that want all of the memory, or all of the time."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gateway_hooks.gateway.conftest import RecordingBackend
from tests.gateway_hooks.gateway.security.conftest import CHAT, StartWhole
from tests.gateway_hooks.gateway.security.raw import connect

MEBIBYTE = 1 << 20
ENDLESS = 200 * MEBIBYTE
ROOM = 100 * MEBIBYTE
"""What a process of many tests may grow meanwhile: its other threads do not rest."""
"""What the process may grow by; both sides of the connection are in it."""


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Flood:
    """A backend that answers with a beginning and then with the same piece, on and on."""

    def __init__(self, head: bytes, piece: bytes) -> None:
        self._head, self._piece = head, piece
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    connection.recv(1 << 16)
                    connection.sendall(self._head)
                    while self.sent < ENDLESS:
                        connection.sendall(self._piece)
                        self.sent += len(self._piece)

    def close(self) -> None:
        """End."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)


@pytest.fixture
def flood() -> Iterator[Callable[[bytes, bytes], Flood]]:
    """Start such backends."""
    with contextlib.ExitStack() as stack:

        def start(head: bytes, piece: bytes) -> Flood:
            started = Flood(head, piece)
            stack.callback(started.close)
            return started

        yield start


def chunked(data: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: %s\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (b"text/event-stream", b"x" * MEBIBYTE),
        (b"text/event-stream", b'data: {"a": "' + b"x" * 5000 + b'"}\n\n'),
        (b"application/json", b'{"a": "' + b"x" * MEBIBYTE),
        (b"application/octet-stream", b"\0" * MEBIBYTE),
    ],
    ids=["a line", "events", "json", "bytes"],
)
def test_an_answer_without_end_does_not_grow_memory(
    start_whole: StartWhole, flood: Callable[[bytes, bytes], Flood], kind: bytes, text: bytes
) -> None:
    """It passes, however long; what is read of it for its usage is bounded."""
    backend = flood(HEAD % kind, chunked((b"data: x" if b"event" in kind else b"") + text))
    gateway = start_whole(backend.url)
    headers = {"api-key": gateway.made["small"]}
    body = {"messages": [], "stream": True}
    before = most = resident_bytes()
    with (
        contextlib.suppress(Exception),
        gateway.client.stream("POST", gateway.url + CHAT, headers=headers, json=body) as answer,
    ):
        for count, _ in enumerate(answer.iter_raw(MEBIBYTE)):
            if count % 10 == 0:
                most = max(most, resident_bytes())
    assert backend.sent >= ENDLESS
    assert most - before < ROOM


@pytest.mark.parametrize(
    "piece", [b"x" * MEBIBYTE, b"a: b\r\n" * 100_000, b"a: " + b"b" * 5000 + b"\r\n"], ids=range(3)
)
def test_headers_without_end_are_given_up(
    start_whole: StartWhole, flood: Callable[[bytes, bytes], Flood], piece: bytes
) -> None:
    """502 before memory is full of them."""
    backend = flood(b"HTTP/1.1 200 OK\r\n", piece)
    gateway = start_whole(backend.url)
    before = resident_bytes()
    answer = gateway.post(json={"messages": []})
    assert answer.status_code == 502
    assert backend.sent < ENDLESS // 3
    assert resident_bytes() - before < ROOM


def test_a_caller_that_does_not_read_is_waited_for(
    start_whole: StartWhole, flood: Callable[[bytes, bytes], Flood]
) -> None:
    """The backend is read no faster than the caller reads."""
    backend = flood(HEAD % b"text/event-stream", chunked(b"data: {}\n\n" * 10_000))
    gateway = start_whole(backend.url)
    before = resident_bytes()
    with connect(gateway.url) as caller:
        caller.sendall(
            b"POST %s HTTP/1.1\r\nhost: g\r\napi-key: %s\r\ncontent-length: 2\r\n\r\n{}"
            % (CHAT.encode(), gateway.made["small"].encode())
        )
        caller.recv(1)
        time.sleep(1.0)
        assert backend.sent < 40 * MEBIBYTE
        assert resident_bytes() - before < ROOM


def test_slow_callers_keep_nobody_from_being_served(
    start_whole: StartWhole, start_recorder: Callable[[], RecordingBackend]
) -> None:
    """Two hundred of them, half in their heads, half in their bodies."""
    backend = start_recorder()
    gateway = start_whole(backend.url)
    body = b"POST %s HTTP/1.1\r\nhost: g\r\napi-key: %s\r\ncontent-length: 100\r\n\r\n" % (
        CHAT.encode(),
        gateway.made["small"].encode(),
    )
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(gateway.url)) for _ in range(200)]
        for number, one in enumerate(slow):
            one.sendall(body if number % 2 else b"POST / HT")
        for _ in range(3):
            for one in slow:
                one.sendall(b"T")
            assert gateway.post(key="other", json={}).status_code == 200
            assert gateway.client.get(f"{gateway.url}/health/ready").status_code == 200
    assert len(backend.seen) == 3


def test_a_large_body_is_refused_or_passed_on_in_pieces(
    start_whole: StartWhole, start_recorder: Callable[[], RecordingBackend]
) -> None:
    """Announced or not, more than the bound is refused before it is kept."""
    backend = start_recorder()
    backend.keeps_bodies = False
    gateway = start_whole(
        backend.url, "[bounds]\nmax_body_bytes = 200_000_000\nkept_body_bytes = 1_000_000\n"
    )
    before = most = resident_bytes()
    piece = b"x" * MEBIBYTE

    def body() -> Iterator[bytes]:
        nonlocal most
        for _ in range(300):
            most = max(most, resident_bytes())
            yield piece

    with contextlib.suppress(Exception):
        assert gateway.post("/openai/v1/files", key="large", content=body()).status_code == 413
    headers = {"content-length": "300000000"}
    with contextlib.suppress(Exception):
        gateway.post("/openai/v1/files", key="large", headers=headers, content=body())
    assert backend.seen == []
    assert most - before < ROOM


def test_what_callers_make_up_is_not_remembered_for_ever(
    start_whole: StartWhole, start_recorder: Callable[[], RecordingBackend]
) -> None:
    """Not an object a request stays, and names that no backend knows are no labels."""
    backend = start_recorder()
    backend.status = 404
    gateway = start_whole(backend.url)
    metrics = gateway.app._parts.metrics

    def ask(start: int, count: int) -> int:
        for number in range(start, start + count):
            path = f"/openai/deployments/made-up-{number % 300}/chat/completions"
            answer = gateway.post(path, key="large", json={"user": f"somebody-{number}"})
            assert answer.status_code == 404
        backend.seen.clear()
        gc.collect()
        return len(gc.get_objects())

    ask(0, 300)
    shown = len(metrics.text())
    before = ask(300, 300)
    assert ask(600, 600) - before < 600
    assert len(metrics.text()) < shown * 1.2
