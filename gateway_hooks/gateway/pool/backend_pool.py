"""The innermost of the gateway: requests and realtime sessions go to the backends of their pool."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.gateway.incoming import KEPT_BYTES, incoming
from gateway_hooks.gateway.pool.forward import Forwarder
from gateway_hooks.gateway.realtime import MemoryPool, RealtimeProxy
from gateway_hooks.gateway.request_body import ClientLeft

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway_hooks.asgi_types import Receive, Scope, Send
    from gateway_hooks.gateway.pool.memory import Memory
    from gateway_hooks.gateway.pool.pools import Pools
    from gateway_hooks.gateway.realtime import RealtimeSettings
    from gateway_hooks.gateway.request_body import RequestBody

UNWATCHED_SECONDS: Final = 0.02
"""A caller may be gone for so long before its request is stopped."""


class BackendPool:
    """Forwards to backends; an ASGI application."""

    def __init__(
        self,
        pools: Pools,
        memory: Memory,
        *,
        kept_bytes: int = KEPT_BYTES,
        realtime: RealtimeSettings | None = None,
    ) -> None:
        self._forwarder = Forwarder(pools, memory)
        self._kept_bytes = kept_bytes
        self._realtime = RealtimeProxy(MemoryPool(pools, memory), realtime)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or session, for as long as its caller is there."""
        if scope["type"] == "websocket":
            await self._realtime(scope, receive, send)
            return
        with contextlib.suppress(ClientLeft):
            request = await incoming(scope, receive, kept_bytes=self._kept_bytes)
            await _while_there(request.body, self._forwarder.forward(request, send))


async def _while_there(body: RequestBody, work: Coroutine[Any, Any, None]) -> None:
    """Do some work for a caller, and stop it when the caller leaves.

    Work that is done at once is not watched: a task costs more than what could be saved.

    Raises:
        ClientLeft: the caller is gone.
    """
    task = asyncio.current_task()
    has_left = False
    watch: asyncio.Task[None] | None = None

    def stop(watch: asyncio.Task[None]) -> None:
        nonlocal has_left
        if task is not None and not watch.cancelled():
            has_left = True
            task.cancel()

    def begin() -> None:
        nonlocal watch
        watch = asyncio.create_task(_until_left(body))
        watch.add_done_callback(stop)

    timer = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, begin)
    try:
        await work
    except asyncio.CancelledError:
        if not has_left or task is None or task.uncancel():
            raise
        raise ClientLeft from None
    finally:
        timer.cancel()
        if watch is not None:
            watch.remove_done_callback(stop)
            watch.cancel()


async def _until_left(body: RequestBody) -> None:
    await body.ended.wait()
    await body.left()
