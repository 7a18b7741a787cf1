"""The openai SDK comes back when a refusal tells it to, and not when it tells it not to."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx2
import openai
import pytest

from gateway_hooks.gateway.limits import Limit, TokenLimits
from tests.gateway_hooks.fakes import chat_answer


class _SlowOnce:
    """The first request takes until it is let go."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        assert scope["type"] == "http"
        assert (await receive())["type"] == "http.request"
        self.calls += 1
        self.asked.set()
        if self.calls == 1:
            await self.go_on.wait()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": chat_answer()})


def _client(app: Any) -> openai.AsyncAzureOpenAI:
    return openai.AsyncAzureOpenAI(
        azure_endpoint="http://gateway",
        api_key="made-up",
        api_version="2024-10-21",
        max_retries=2,
        http_client=httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)),
    )


async def _chat(client: openai.AsyncAzureOpenAI, **options: Any) -> Any:
    return await client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hello"}], **options
    )


async def test_the_sdk_waits_as_long_as_it_is_told() -> None:
    """A refused call succeeds by itself after Retry-After, not after the SDK's own short guess."""
    backend = _SlowOnce()
    app = TokenLimits(backend, limits=[Limit(name="one", concurrent_requests=1)])
    async with _client(app) as client:
        first = asyncio.create_task(_chat(client))
        await backend.asked.wait()
        refused_at = time.monotonic()
        second = asyncio.create_task(_chat(client))
        await asyncio.sleep(0.1)
        backend.go_on.set()
        await first
        await second
    assert time.monotonic() - refused_at >= 1.0
    assert backend.calls == 2


async def test_the_sdk_does_not_repeat_what_can_never_pass() -> None:
    """A request larger than its limit fails at once, with the gateway's own words."""
    backend = _SlowOnce()
    app = TokenLimits(backend, limits=[Limit(name="tiny", tokens_per_minute=50)])
    async with _client(app) as client:
        with pytest.raises(openai.RateLimitError, match="lower its max_tokens") as caught:
            await _chat(client, max_tokens=51)
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"
    assert backend.calls == 0
