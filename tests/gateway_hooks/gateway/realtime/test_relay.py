"""Frames between two sides: unchanged, in order, and no more of them held than has to be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from gateway_hooks import MemorySink, Meter
from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.clock import SystemClock
from gateway_hooks.gateway import Backend
from gateway_hooks.gateway.pool.memory import Memory
from gateway_hooks.gateway.pool.pools import Pools
from gateway_hooks.gateway.realtime import MemoryPool, RealtimeProxy, RealtimeSettings
from gateway_hooks.gateway.serving.server import server_for
from gateway_hooks.settings import HookSettings
from tests.gateway_hooks.gateway.conftest import serving
from tests.gateway_hooks.gateway.realtime.talking import CREATE, close_code, frames_until

Plain = Callable[..., connect]
BIG = bytes(range(256)) * 1024
PIECES = 800


async def echo(connection: ServerConnection) -> None:
    """Says what it hears."""
    async for message in connection:
        await connection.send(message)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(messages=st.lists(st.text(max_size=300) | st.binary(max_size=300), max_size=8))
def test_every_message_passes_both_ways_as_it_is(messages: list[str | bytes], both: Any) -> None:
    """Text as text, binary as binary, byte by byte, in order, whatever is in it."""
    both(messages)


@pytest.fixture
def both(start_gateway: Any, plain: Plain, echoing: str) -> Callable[[list[str | bytes]], None]:
    """Sends messages through a gateway to an echo, and compares what comes back."""
    gateway = start_gateway(echoing)

    async def talk(messages: list[str | bytes]) -> None:
        async with plain(gateway.url) as session:
            for message in messages:
                await session.send(message)
            assert [await session.recv() for _ in messages] == messages

    return lambda messages: asyncio.run(talk(messages))


@pytest.fixture
def echoing() -> Any:
    """The address of an echo that runs in a thread."""
    import threading

    from websockets.sync.server import serve

    def answer(connection: Any) -> None:
        for message in connection:
            connection.send(message)

    server = serve(answer, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    server.shutdown()
    thread.join()


async def test_a_client_that_does_not_read_stops_the_backend(
    start_gateway: Any, start_backend: Any, plain: Plain
) -> None:
    """Of 200 MB the gateway holds a few; and when the client reads, nothing is missing."""
    sent = 0

    async def flood(connection: ServerConnection) -> None:
        nonlocal sent
        for _ in range(PIECES):
            await connection.send(BIG)
            sent += 1

    backend = await start_backend(flood)
    gateway = start_gateway(backend.url)
    async with plain(gateway.url, max_queue=1) as session:
        before = -1
        while before != sent or not sent:
            before = sent
            await asyncio.sleep(0.5)
        assert sent * len(BIG) < 64 << 20
        for _ in range(PIECES):
            assert await session.recv() == BIG


async def test_a_backend_that_does_not_read_stops_the_client(
    start_gateway: Any, start_backend: Any, plain: Plain
) -> None:
    """The other way round as well."""
    reads = asyncio.Event()

    async def deaf(connection: ServerConnection) -> None:
        await reads.wait()
        for _ in range(PIECES):
            assert await connection.recv() == BIG
        await connection.send("all")

    backend = await start_backend(deaf, max_queue=1)
    gateway = start_gateway(backend.url)
    sent = 0

    async def flood(session: Any) -> None:
        nonlocal sent
        for _ in range(PIECES):
            await session.send(BIG)
            sent += 1

    async with plain(gateway.url) as session:
        flooding = asyncio.create_task(flood(session))
        before = -1
        while before != sent or not sent:
            before = sent
            await asyncio.sleep(0.5)
        assert sent * len(BIG) < 64 << 20
        reads.set()
        assert await session.recv() == "all"
        await flooding


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (3000, ""), (4321, "own"), (1008, "")])
async def test_close_codes_pass_both_ways(
    start_gateway: Any, start_backend: Any, plain: Plain, code: int, reason: str
) -> None:
    """Each side learns why the other has left."""

    async def close(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(code, reason)

    backend = await start_backend(close)
    gateway = start_gateway(backend.url)
    async with plain(gateway.url) as session:
        await session.send("close")
        with pytest.raises(ConnectionClosed) as closed:
            await session.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)

    listening = await start_backend(echo)
    gateway = start_gateway(listening.url)
    async with plain(gateway.url) as session:
        await session.send("hello")
        await session.recv()
        await session.close(code, reason)
    (seen,) = listening.seen
    await seen.wait_closed()
    assert (seen.close_code, seen.close_reason) == (code, reason)


async def test_a_message_that_is_too_long_ends_the_session(
    start_backend: Any, plain: Plain, serve_app: Any
) -> None:
    """With 1009, whoever sends it; the other side is told."""

    async def shout(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("x" * 5000)
        await connection.wait_closed()

    backend = await start_backend(shout)
    url = serve_app(backend.url, RealtimeSettings(message_bytes=4096), message_bytes=4096)
    for loud in (False, True):
        async with plain(url) as session:
            await session.send("x" * (5000 if loud else 1))
            assert await close_code(session) == 1009


@pytest.mark.parametrize(
    "limits", [RealtimeSettings(idle_seconds=0.3), RealtimeSettings(session_seconds=0.3)]
)
async def test_a_session_ends_when_its_time_is_over(
    start_backend: Any, plain: Plain, serve_app: Any, limits: RealtimeSettings
) -> None:
    """Both sides are told that it was the gateway that is going away."""
    backend = await start_backend(echo)
    async with plain(serve_app(backend.url, limits)) as session:
        assert await close_code(session) == 1001
    (seen,) = backend.seen
    await seen.wait_closed()
    assert seen.close_code == 1001


async def test_a_backend_that_is_only_half_there_is_noticed(
    start_backend: Any, plain: Plain, serve_app: Any
) -> None:
    """One that answers no ping has gone, though its connection stays open."""
    over = asyncio.Event()

    async def freeze(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await over.wait()
        connection.transport.abort()

    backend = await start_backend(freeze)
    limits = RealtimeSettings(ping_seconds=0.2, pong_seconds=0.2, close_seconds=0.2)
    async with plain(serve_app(backend.url, limits)) as session:
        assert await close_code(session) == 1011
    over.set()


async def test_a_server_that_stops_lets_the_response_end(
    start_simulator: Any, plain: Plain, serve_app: Any
) -> None:
    """Then it says that it restarts; an idle session is told at once."""
    simulator = start_simulator(token_ms=10, answer_tokens=(60, 60))
    url = serve_app(simulator.url, RealtimeSettings())
    async with plain(url) as busy, plain(url) as idle:
        await busy.send(CREATE)
        await frames_until(busy, "response.output_audio.delta")
        await frames_until(idle, "session.created")
        serve_app.servers[0].should_exit = True
        assert await close_code(idle) == 1012
        await frames_until(busy, "response.done")
        assert await close_code(busy) == 1012
    (line,) = serve_app.sink.lines
    assert b'"usage_source":"reported"' in line


class ServeApp:
    """Serves a proxy with settings of its own."""

    def __init__(self, stack: contextlib.ExitStack, home: Path) -> None:
        self._stack = stack
        self._home = home
        self.sink = MemorySink()
        self.servers: list[Any] = []

    def __call__(self, backend: str, limits: RealtimeSettings, **options: Any) -> str:
        """Its address."""
        meter = Meter(HookSettings.load(home=self._home), self.sink)
        self._stack.callback(meter.close)
        pools = Pools.in_order([Backend.parse(backend)])
        proxy = RealtimeProxy(MemoryPool(pools, Memory.begin(SystemClock())), limits)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "websocket":
                await proxy(scope, receive, send)
                return
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": message["type"] + ".complete"})
            await send({"type": "lifespan.shutdown.complete"})

        server = server_for(UsageMiddleware(app, meter), drain_seconds=5, **options)
        self.servers.append(server)
        return self._stack.enter_context(serving(server))


@pytest.fixture
def serve_app(tmp_path: Path) -> Any:
    """Serve proxies; all of them end with the test."""
    with contextlib.ExitStack() as stack:
        yield ServeApp(stack, tmp_path)
