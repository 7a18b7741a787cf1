"""A gateway on a real port in front of simulated backends, with its events in memory."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import pytest
import uvicorn

from gatemeter.simulator import Deployment, RunningSimulator, SimulatorConfig, running
from gateway_hooks import MemorySink, Meter
from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.asgi_types import App
from gateway_hooks.event import UsageEvent, validate_line
from gateway_hooks.gateway import Backend, Timeouts, build_gateway
from gateway_hooks.gateway.breaker import BreakerSettings
from gateway_hooks.gateway.pool.backend_pool import BackendPool
from gateway_hooks.gateway.pool.credentials import Credentials
from gateway_hooks.gateway.pool.memory import Memory
from gateway_hooks.gateway.pool.pools import Pool, Pools
from gateway_hooks.gateway.serving.lifespan import live
from gateway_hooks.gateway.serving.listening import listen
from gateway_hooks.gateway.serving.server import server_for
from gateway_hooks.settings import HookSettings


class FakeClock:
    """A clock that the test moves; wall and monotonic time go together."""

    def __init__(self) -> None:
        self.now_ns = 1_800_000_000_000_000_000

    def wall_ns(self) -> int:
        """UTC."""
        return self.now_ns

    def monotonic_ns(self) -> int:
        """For durations."""
        return self.now_ns

    def advance_ms(self, milliseconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(milliseconds * 1_000_000)


@pytest.fixture
def clock() -> FakeClock:
    """Time stands still until the test moves it."""
    return FakeClock()


@dataclass
class RunningGateway:
    """A gateway that is up."""

    url: str
    sink: MemorySink
    clock: FakeClock
    meter: Meter
    memory: Memory | None = None

    @property
    def events(self) -> list[UsageEvent]:
        """What was recorded so far, each line checked."""
        return [validate_line(line) for line in self.sink.lines]

    def wait_for_events(self, count: int) -> list[UsageEvent]:
        """The events, when there are so many: those of answers without end come a moment later."""
        wait_for_lines(self.sink, count)
        return self.events


def wait_for_lines(sink: MemorySink, count: int) -> None:
    """Wait until so many events were recorded, a moment after their answers."""
    deadline = time.monotonic() + 15
    while len(sink.lines) < count:
        assert time.monotonic() < deadline, f"{len(sink.lines)} of {count} events"
        time.sleep(0.005)


@contextlib.contextmanager
def serving(server: uvicorn.Server) -> Iterator[str]:
    """A server in a thread on a port of its own; its address."""
    listener = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


class StartGateway(Protocol):
    """Starts a gateway in front of backends given as the command line gives them."""

    def __call__(
        self, *backends: str, timeouts: Timeouts | None = None, kept_bytes: int = 1 << 20
    ) -> RunningGateway:
        """It runs until the test ends."""


@pytest.fixture
def start_gateway(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StartGateway]:
    """Start gateways; all of them end with the test."""
    monkeypatch.setenv("BACKEND_KEY", "the-backends-own-key")
    with ExitStack() as stack:

        def start(
            *backends: str, timeouts: Timeouts | None = None, kept_bytes: int = 1 << 20
        ) -> RunningGateway:
            sink = MemorySink()
            meter = Meter(HookSettings.load(home=tmp_path, gateway="under-test"), sink)
            stack.callback(meter.close)
            app = build_gateway(
                [Backend.parse(text) for text in backends],
                meter=meter,
                clock=clock,
                timeouts=timeouts,
                kept_bytes=kept_bytes,
            )
            server = server_for(app, drain_seconds=2)
            url = stack.enter_context(serving(server))
            return RunningGateway(url, sink, clock, meter)

        yield start


class StartPools(Protocol):
    """Starts a gateway of pools."""

    def __call__(
        self,
        *pools: Pool,
        timeouts: Timeouts | None = None,
        breaker: BreakerSettings | None = None,
        credentials: Credentials | None = None,
        around: Callable[[App], App] | None = None,
        outside: Callable[[App], App] | None = None,
        kept_bytes: int = 1 << 20,
    ) -> RunningGateway:
        """It runs until the test ends; `around` stands inside the meter, `outside` outside."""


@pytest.fixture
def start_pools(tmp_path: Path, clock: FakeClock) -> Iterator[StartPools]:
    """Start gateways of pools; all of them end with the test."""
    with ExitStack() as stack:

        def start(
            *pools: Pool,
            timeouts: Timeouts | None = None,
            breaker: BreakerSettings | None = None,
            credentials: Credentials | None = None,
            around: Callable[[App], App] | None = None,
            outside: Callable[[App], App] | None = None,
            kept_bytes: int = 1 << 20,
        ) -> RunningGateway:
            sink = MemorySink()
            meter = Meter(HookSettings.load(home=tmp_path, gateway="under-test"), sink)
            stack.callback(meter.close)
            memory = Memory.begin(clock, timeouts)
            memory.breakers.settings = breaker or BreakerSettings()
            if credentials is not None:
                memory = replace(memory, credentials=credentials)
            pool: App = BackendPool(Pools(pools), memory, kept_bytes=kept_bytes)
            app: App = UsageMiddleware(pool if around is None else around(pool), meter)
            app = app if outside is None else outside(app)
            server = server_for(_Living(app, memory), drain_seconds=2)
            url = stack.enter_context(serving(server))
            return RunningGateway(url, sink, clock, meter, memory)

        yield start


class _Living:
    """An application whose memory ends with its server."""

    def __init__(self, app: App, memory: Memory) -> None:
        self._app = app
        self._memory = memory

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await live(receive, send, start=_nothing, end=self._end)

    async def _end(self) -> None:
        await self._memory.credentials.close()
        await self._memory.upstream.close()


async def _nothing() -> None:
    """There is nothing to start."""


@pytest.fixture
def start_simulator() -> Iterator[Callable[..., RunningSimulator]]:
    """Start simulated backends; all of them end with the test."""
    with ExitStack() as stack:

        def start(**settings: Any) -> RunningSimulator:
            deployments = settings.pop("deployments", None)
            if deployments is not None:
                settings["deployments"] = tuple(Deployment.parse(text) for text in deployments)
            return stack.enter_context(running(SimulatorConfig(**settings)))

        yield start


@dataclass
class SeenRequest:
    """What arrived at a backend."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RecordingBackend:
    """A backend that writes down what arrives and answers what it is told to."""

    url: str = ""
    seen: list[SeenRequest] = field(default_factory=list)
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b"{}"
    keeps_bodies: bool = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"") if self.keeps_bodies else b""
            more = message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        target = scope["raw_path"] + (
            b"?" + scope["query_string"] if scope["query_string"] else b""
        )
        self.seen.append(SeenRequest(scope["method"], target.decode(), headers, body))
        length = (b"content-length", b"%d" % len(self.body))
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [length, *self.headers],
            }
        )
        await send({"type": "http.response.body", "body": self.body})


@pytest.fixture
def start_recorder() -> Iterator[Callable[[], RecordingBackend]]:
    """Start recording backends; all of them end with the test."""
    with ExitStack() as stack:

        def start() -> RecordingBackend:
            backend = RecordingBackend()
            config = uvicorn.Config(
                backend, lifespan="off", log_config=None, access_log=False, server_header=False
            )
            backend.url = stack.enter_context(serving(uvicorn.Server(config)))
            return backend

        yield start
