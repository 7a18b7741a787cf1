"""How answers are written to a caller's connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn.server import ServerState

from gateway_hooks.gateway.serving.http_protocol import BoundedHttp
from gateway_hooks.gateway.serving.server import server_config

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App, Receive, Scope, Send

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"


class Caller(asyncio.Transport):
    """A connection that keeps what is written to it, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self.is_closed

    def close(self) -> None:
        """Close it."""
        self.is_closed = True


def connect(app: App) -> tuple[BoundedHttp, Caller]:
    """A caller's connection to an application."""
    config = server_config(app)
    config.load()
    protocol, caller = BoundedHttp(config, ServerState(), {}), Caller()
    protocol.connection_made(caller)
    return protocol, caller


async def until_idle() -> None:
    """Let the loop do what is ready."""
    for _ in range(10):
        await asyncio.sleep(0)


async def answer_whole(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
    """An application whose head and body come at once."""
    head = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]}
    await send(head)
    await send({"type": "http.response.body", "body": b"hello"})


async def test_head_and_body_that_come_at_once_are_one_write() -> None:
    """Each write to a socket costs; the next answer of the connection is no exception."""
    protocol, caller = connect(answer_whole)
    for _ in range(2):
        protocol.data_received(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        await until_idle()
    assert caller.written == [ANSWER + b"hello"] * 2
    protocol.connection_lost(None)


async def test_a_head_goes_out_though_its_body_takes_time() -> None:
    """A stream's caller sees that it begins, and each piece as it comes."""
    piece = asyncio.Event()

    async def answer_slowly(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
        head = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"5")],
        }
        await send(head)
        await piece.wait()
        await send({"type": "http.response.body", "body": b"he", "more_body": True})
        await send({"type": "http.response.body", "body": b"llo"})

    protocol, caller = connect(answer_slowly)
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
    await until_idle()
    assert caller.written == [ANSWER]
    piece.set()
    await until_idle()
    assert caller.written == [ANSWER, b"he", b"llo"]
    protocol.connection_lost(None)


async def test_an_answer_without_a_body_goes_out() -> None:
    """HEAD has a head and nothing else."""
    protocol, caller = connect(answer_whole)
    protocol.data_received(b"HEAD / HTTP/1.1\r\nhost: h\r\n\r\n")
    await until_idle()
    assert b"".join(caller.written) == ANSWER
    protocol.connection_lost(None)


async def test_a_connection_that_is_to_close_gets_its_whole_answer_first() -> None:
    """`Connection: close` does not cut the answer off."""
    protocol, caller = connect(answer_whole)
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
    await until_idle()
    assert b"".join(caller.written).endswith(b"\r\n\r\nhello")
    assert caller.is_closed
    protocol.connection_lost(None)
