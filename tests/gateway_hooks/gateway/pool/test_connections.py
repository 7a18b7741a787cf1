"""What passes when: streams, clients that leave, backends that hang up. With raw sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gatemeter.simulator import RunningSimulator

CHAT = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
StartSimulator = Callable[..., RunningSimulator]


def request_bytes(url: str, **body: Any) -> bytes:
    """A chat request as it goes over the wire."""
    content = json.dumps({"messages": [{"role": "user", "content": "hi"}]} | body).encode()
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: {url.removeprefix('http://')}\r\napi-key: k\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def connect(url: str) -> socket.socket:
    """A connection to a server."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.settimeout(20)
    return connection


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


class ScriptedBackend:
    """A backend that answers each connection with given pieces, when it is told to go on."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.go_on = threading.Semaphore(0)
        self.client_left = threading.Event()
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            self._connection = connection
            with connection:
                connection.settimeout(20)
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65536)
                for piece in self._pieces:
                    connection.sendall(piece)
                    self.go_on.acquire(timeout=20)
                while connection.recv(65536):
                    pass
                self.client_left.set()

    def close(self) -> None:
        """End it."""
        self._listener.close()
        self.go_on.release(1000)
        if self._connection is not None:
            with contextlib.suppress(OSError):  # a kept connection is waited for otherwise
                self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(25)


@pytest.fixture
def scripted() -> Iterator[Callable[[list[bytes]], ScriptedBackend]]:
    """Backends that end with the test."""
    with contextlib.ExitStack() as stack:

        def start(pieces: list[bytes]) -> ScriptedBackend:
            backend = ScriptedBackend(pieces)
            stack.callback(backend.close)
            return backend

        yield start


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_each_piece_of_a_stream_arrives_before_the_next_is_sent(
    start_gateway: Any, scripted: Callable[[list[bytes]], ScriptedBackend]
) -> None:
    """Nothing is held back: the second frame is sent only after the first was received."""
    frames = [b'data: {"choices":[],"n":%d}\n\n' % n for n in range(3)]
    backend = scripted([HEAD + chunk(frames[0]), *map(chunk, frames[1:]), b"0\r\n\r\n"])
    gateway = start_gateway(backend.url)
    with httpx.stream(
        "POST",
        gateway.url + CHAT,
        json={"messages": [], "stream": True},
        headers={"api-key": "k"},
        timeout=20,
    ) as response:
        pieces = response.iter_raw()
        for frame in frames:
            assert next(pieces) == frame
            backend.go_on.release()
        backend.go_on.release()


@pytest.mark.parametrize("begun", [False, True])
def test_a_caller_that_leaves_ends_the_backends_work(
    start_gateway: Any, scripted: Callable[[list[bytes]], ScriptedBackend], *, begun: bool
) -> None:
    """The connection to the backend is closed, before its answer began or in the middle."""
    pieces = [HEAD + chunk(b'data: {"choices":[]}\n\n')] if begun else [b""]
    backend = scripted(pieces)
    gateway = start_gateway(backend.url)
    with connect(gateway.url) as caller:
        caller.sendall(request_bytes(gateway.url, stream=True))
        if begun:
            assert caller.recv(65536).startswith(b"HTTP/1.1 200 OK")
        else:
            time.sleep(0.2)
    backend.go_on.release()
    assert backend.client_left.wait(20)
    (event,) = gateway.wait_for_events(1)
    assert event["client_disconnected"] is True


def test_a_client_disconnect_still_tells_what_was_used(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """A stream that its reader left is estimated from what had passed."""
    simulator = start_simulator(token_ms=20.0, answer_tokens=(300, 300))
    gateway = start_gateway(simulator.url)
    with connect(gateway.url) as caller:
        caller.sendall(request_bytes(gateway.url, stream=True))
        received = b""
        while received.count(b'"content"') < 8:
            received += caller.recv(65536)
    (event,) = gateway.wait_for_events(1)
    assert event["client_disconnected"] is True
    assert event["usage_source"] == "estimated"
    assert 0 < event["output_tokens"] < 300
    assert event["input_tokens"] == 8


def test_a_backend_that_hangs_up_ends_the_callers_connection_too(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """An answer without end is never made to look complete."""
    cutting = start_simulator(failures={"cut-stream": 1.0})
    good = start_simulator()
    gateway = start_gateway(f"{cutting.url},name=cutting", f"{good.url},name=good")
    with connect(gateway.url) as caller:
        caller.sendall(request_bytes(gateway.url, stream=True))
        received = read_all(caller)
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert b"[DONE]" not in received
    assert not received.endswith(b"0\r\n\r\n")
    (event,) = gateway.wait_for_events(1)
    (attempt,) = event["attempts"]
    assert attempt["backend"] == "cutting"
    assert attempt["error_type"] == "RemoteProtocolError"
    assert good.ledger.entries() == []


def test_a_whole_answer_that_breaks_off_is_had_from_another_backend(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Half of a JSON text is no use to anybody, so the caller has not seen any of it."""
    cutting = start_simulator(failures={"cut-stream": 1.0})
    good = start_simulator()
    body = {"messages": [{"role": "user", "content": "hi"}]}
    statuses = []
    for backends in ((cutting.url, good.url), (cutting.url,)):
        gateway = start_gateway(*backends)
        answer = httpx.post(gateway.url + CHAT, json=body, headers={"api-key": "k"})
        statuses.append((answer.status_code, len(gateway.events[0]["attempts"])))
        assert gateway.events[0]["attempts"][0]["error_type"] == "RemoteProtocolError"
    assert statuses == [(200, 2), (502, 1)]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (b"text/html", b"<html>Please log in</html>"),
        (b"application/json", b'{"id": "chatcmpl-1", "choices": ['),
        (b"text/event-stream", b"<html>no stream"),
    ],
)
def test_garbage_with_a_good_status_is_followed_by_another_backend(
    start_gateway: Any,
    start_simulator: StartSimulator,
    scripted: Callable[[list[bytes]], ScriptedBackend],
    kind: bytes,
    text: bytes,
) -> None:
    """A login page, half a JSON text or a page in place of a stream is no answer of a model."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(text))
    backend = scripted([head + text])
    gateway = start_gateway(backend.url, start_simulator().url)
    answer = httpx.post(
        gateway.url + CHAT,
        json={"messages": [{"role": "user", "content": "hi"}], "stream": b"stream" in kind},
        headers={"api-key": "k"},
    )
    assert answer.status_code == 200
    assert "chat.completion" in answer.text
    first, second = gateway.events[0]["attempts"]
    assert (first["error_type"], second["status_code"]) == ("InvalidAnswer", 200)


def test_a_stream_that_ends_before_it_began_is_had_from_another_backend(
    start_gateway: Any,
    start_simulator: StartSimulator,
    scripted: Callable[[list[bytes]], ScriptedBackend],
) -> None:
    """Headers alone are no beginning of an answer."""
    backend = scripted([HEAD + b"nonsense\r\n"])
    gateway = start_gateway(backend.url, start_simulator().url)
    with httpx.stream(
        "POST",
        gateway.url + CHAT,
        json={"messages": [{"role": "user", "content": "hi"}], "stream": True},
        headers={"api-key": "k"},
    ) as answer:
        text = answer.read()
    assert answer.status_code == 200
    assert text.endswith(b"data: [DONE]\n\n")


def test_a_kept_connection_that_the_backend_closes_is_replaced(start_gateway: Any) -> None:
    """A backend that hangs up on an idle connection just as it is used again did not fail."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def serve() -> None:
            for requests in (1, 1):
                connection, _ = listener.accept()
                with connection:
                    for _ in range(requests):
                        connection.recv(65536)
                        connection.sendall(answer)
                    connection.recv(65536)  # the next request is read, and never answered

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        gateway = start_gateway(f"http://127.0.0.1:{listener.getsockname()[1]},name=only")
        statuses = [
            httpx.post(gateway.url + CHAT, json={}, headers={"api-key": "k"}).status_code
            for _ in range(2)
        ]
    assert statuses == [200, 200]
    assert [len(event["attempts"]) for event in gateway.events] == [1, 1]


def test_a_request_line_with_a_host_goes_to_the_backend_all_the_same(
    start_gateway: Any, start_recorder: Callable[..., Any]
) -> None:
    """The gateway is no open proxy."""
    backend = start_recorder()
    gateway = start_gateway(backend.url)
    with connect(gateway.url) as caller:
        caller.sendall(
            b"GET http://elsewhere.example/x HTTP/1.1\r\nHost: elsewhere.example\r\n"
            b"Connection: close\r\n\r\n"
        )
        assert read_all(caller).startswith(b"HTTP/1.1 200")
    (seen,) = backend.seen
    assert seen.target == "/x"
    assert seen.headers["host"] == backend.url.removeprefix("http://")


def test_one_connection_serves_many_requests(
    start_gateway: Any, start_simulator: StartSimulator
) -> None:
    """Keep-alive works on the caller's side, errors included."""
    gateway = start_gateway(start_simulator().url)
    with httpx.Client(base_url=gateway.url, headers={"api-key": "k"}) as client:
        for body, status in (({}, 400), ({"messages": [{"role": "user", "content": "x"}]}, 200)):
            for _ in range(3):
                assert client.post(CHAT, json=body).status_code == status
    assert len(gateway.events) == 6


def test_a_status_that_is_none_in_http_becomes_a_bad_gateway(
    start_gateway: Any, scripted: Callable[[list[bytes]], ScriptedBackend]
) -> None:
    """What no server could pass on ends as a clear answer, not as a broken connection."""
    backend = scripted([b"HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\n{}"])
    gateway = start_gateway(backend.url)
    response = httpx.post(
        gateway.url + CHAT, json={"messages": []}, headers={"api-key": "k"}, timeout=20
    )
    assert (response.status_code, response.json()["error"]["code"]) == (502, "BackendUnreachable")
    (event,) = gateway.events
    assert event["status_code"] == 502
    assert event["attempts"][0]["error_type"] == "ValueError"
