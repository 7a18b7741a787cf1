"""The client's keys stay at the gateway, whichever way they came; all the rest passes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from gateway_hooks.gateway.pool.backends import Backend
from gateway_hooks.gateway.realtime.handshake import read_handshake

Plain = Callable[..., connect]
PATH = "/openai/v1/realtime?model=gpt-realtime"
SECRET = "sk-of-the-client"


async def say_hello(connection: ServerConnection) -> None:
    """A backend's first word."""
    await connection.send("hello")


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"api-key": SECRET}},
        {"additional_headers": {"Authorization": f"Bearer {SECRET}"}},
        {"additional_headers": {"Ocp-Apim-Subscription-Key": SECRET, "x-api-key": SECRET}},
        {"path": f"{PATH}&api-key={SECRET}&x=%20y", "additional_headers": {}},
        {"path": f"/openai/v1/realtime?API%2DKEY={SECRET}&model=m", "additional_headers": {}},
        {"path": f"{PATH}&subscription-key={SECRET}", "additional_headers": {}},
        {
            "subprotocols": ["realtime", f"openai-insecure-api-key.{SECRET}", "openai-beta.x"],
            "additional_headers": {},
        },
    ],
)
async def test_a_clients_key_never_reaches_a_backend_with_a_key_of_its_own(
    start_gateway: Any, start_backend: Any, plain: Plain, options: dict[str, Any]
) -> None:
    """Not in a header, not in the query, not among the subprotocols; the event tells callers."""
    backend = await start_backend(
        say_hello, select_subprotocol=lambda _, offered: next(iter(offered), None)
    )
    gateway = start_gateway(f"{backend.url},key=BACKEND_KEY")
    async with plain(gateway.url, **options) as session:
        assert await session.recv() == "hello"
        assert session.subprotocol == ("realtime" if "subprotocols" in options else None)
    (seen,) = backend.seen
    request = seen.request
    assert SECRET not in request.path
    assert SECRET not in str(request.headers)
    assert request.headers["api-key"] == "the-backends-own-key"
    assert "model=" in request.path
    if "%20y" in options.get("path", ""):
        assert request.path.endswith("&x=%20y")
    if "subprotocols" in options:
        assert request.headers["Sec-WebSocket-Protocol"] == "realtime, openai-beta.x"


async def test_without_a_key_of_its_own_a_backend_gets_the_clients(
    start_gateway: Any, start_backend: Any, plain: Plain
) -> None:
    """And whatever else the client says; only the connection's own headers are made anew."""
    backend = await start_backend(say_hello)
    gateway = start_gateway(backend.url)
    headers = {"api-key": SECRET, "OpenAI-Beta": "realtime=v1", "x-mine": "1"}
    async with plain(gateway.url, additional_headers=headers) as session:
        await session.recv()
    request = backend.seen[0].request
    assert (request.path, request.headers["api-key"]) == (PATH, SECRET)
    assert (request.headers["OpenAI-Beta"], request.headers["x-mine"]) == ("realtime=v1", "1")
    assert request.headers["Host"] == backend.url.removeprefix("http://")
    assert len(request.headers.get_all("Sec-WebSocket-Key")) == 1


async def test_callers_who_can_send_no_header_are_told_apart(
    start_gateway: Any, start_simulator: Any, plain: Plain
) -> None:
    """A browser's key counts as the same key in a header does."""
    gateway = start_gateway(start_simulator().url)
    offered = ["realtime", f"openai-insecure-api-key.{SECRET}"]
    for options in (
        {"subprotocols": offered, "additional_headers": {}},
        {"additional_headers": {"api-key": SECRET}},
    ):
        async with plain(gateway.url, **options) as session:
            await session.send('{"type":"response.create"}')
            async for text in session:
                if '"response.done"' in text:
                    break
    one, other = gateway.events
    assert one["auth_type"] == other["auth_type"] == "api_key"
    assert one["key_id"] == other["key_id"]


def test_what_a_path_asks_for() -> None:
    """Deployment or model of the query; other paths are none of ours."""

    def scope(path: str, query: bytes) -> dict[str, Any]:
        return {"type": "websocket", "path": path, "query_string": query, "headers": []}

    dated = read_handshake(scope("/openai/realtime", b"api-version=x&deployment=my%20voice"))
    released = read_handshake(scope("/openai/v1/realtime", b"model=gpt-realtime#a"))
    assert dated is not None
    assert released is not None
    assert dated.deployment == "my voice"
    url = released.url(Backend.parse("https://one.example/base"))
    assert url == "wss://one.example/base/openai/v1/realtime?model=gpt-realtime%23a"
    backend = Backend.parse("https://one.example")
    renamed = dated.url(backend, "eastern voice")
    assert renamed.endswith("?api-version=x&deployment=eastern%20voice")
    assert read_handshake(scope("/openai/v1/responses", b"")) is None
