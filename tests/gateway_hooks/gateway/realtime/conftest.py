"""The openai SDK's realtime client, plain WebSockets, and a backend that does what it is told."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve

MODEL = "gpt-realtime"
KEY = "the-clients-own-key"
PATH = f"/openai/v1/realtime?model={MODEL}"


@pytest.fixture
def azure() -> Callable[[str], AsyncAzureOpenAI]:
    """Azure's client: the dated path, with the deployment in the query."""
    return lambda url: AsyncAzureOpenAI(
        azure_endpoint=url,
        websocket_base_url=url.replace("http", "ws") + "/openai",
        api_key=KEY,
        api_version="2025-04-01-preview",
    )


@pytest.fixture
def release() -> Callable[[str], AsyncOpenAI]:
    """OpenAI's client: the path of version 1, with the model in the query."""
    return lambda url: AsyncOpenAI(
        api_key=KEY, websocket_base_url=url.replace("http", "ws") + "/openai/v1"
    )


@pytest.fixture
def plain() -> Callable[..., connect]:
    """A WebSocket without any SDK, to be entered with `async with`."""

    def begin(url: str, path: str = PATH, **options: Any) -> connect:
        options.setdefault("additional_headers", {"api-key": KEY})
        options.setdefault("max_size", None)
        return connect(url.replace("http", "ws") + path, compression=None, proxy=None, **options)

    return begin


Act = Callable[[ServerConnection], Awaitable[None]]


@dataclass
class ToldBackend:
    """A WebSocket server in the test's own loop."""

    act: Act
    url: str = ""
    seen: list[ServerConnection] = field(default_factory=list)
    server: Server | None = None

    async def __call__(self, connection: ServerConnection) -> None:
        """One session."""
        self.seen.append(connection)
        await self.act(connection)


class StartBackend(Protocol):
    """Starts a backend that does as `act` says in each session."""

    async def __call__(self, act: Act, **options: Any) -> ToldBackend:
        """It runs until the test ends."""


@pytest.fixture
async def start_backend() -> AsyncIterator[StartBackend]:
    """Start backends; all of them end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(act: Act, **options: Any) -> ToldBackend:
            backend = ToldBackend(act)
            options.setdefault("max_size", None)
            server = serve(backend, "127.0.0.1", 0, compression=None, **options)
            backend.server = await stack.enter_async_context(server)
            port = next(iter(backend.server.sockets)).getsockname()[1]
            backend.url = f"http://127.0.0.1:{port}"
            return backend

        yield start
