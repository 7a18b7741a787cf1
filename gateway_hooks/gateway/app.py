"""The gateway as an ASGI application.

    app = build_gateway([Backend.parse("https://one.openai.azure.com,key=ONE_KEY"), ...])

Every path is passed on, but `GET /healthz`, which is the gateway's own. Requests are metered by
the middleware around it, like those of any other ASGI gateway.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.clock import SystemClock
from gateway_hooks.gateway.affinity import Affinity
from gateway_hooks.gateway.breaker import Breakers
from gateway_hooks.gateway.cooldown import Cooldowns
from gateway_hooks.gateway.credentials import Credentials
from gateway_hooks.gateway.forward import Forwarder
from gateway_hooks.gateway.incoming import KEPT_BYTES, incoming
from gateway_hooks.gateway.one_try import Memory
from gateway_hooks.gateway.pools import Pools
from gateway_hooks.gateway.realtime import MemoryPool, RealtimeProxy
from gateway_hooks.gateway.request_body import ClientLeft
from gateway_hooks.gateway.upstream import Timeouts, Upstream

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.backends import Backend
    from gateway_hooks.gateway.request_body import RequestBody
    from gateway_hooks.meter import Meter

HEALTH_PATH: Final = "/healthz"
_HEALTHY: Final = b'{"status": "ok"}'


def build_gateway(
    backends: Sequence[Backend],
    *,
    meter: Meter | None = None,
    clock: Clock | None = None,
    timeouts: Timeouts | None = None,
    kept_bytes: int = KEPT_BYTES,
) -> App:
    """The metered gateway.

    Args:
        backends: in order of priority.
        meter: the process's own, by the environment's settings, when not given.
        clock: the system's unless a test has another.
        timeouts: of the calls to backends.
        kept_bytes: longest body that can fail over.

    Raises:
        SettingsError: a setting cannot be used, or the backends cannot.
    """
    gateway = Gateway(backends, clock=clock, timeouts=timeouts, kept_bytes=kept_bytes)
    return UsageMiddleware(gateway, meter)


class Gateway:
    """The gateway without metering; a plain ASGI callable."""

    def __init__(
        self,
        backends: Sequence[Backend],
        *,
        clock: Clock | None = None,
        timeouts: Timeouts | None = None,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        clock = clock or SystemClock()
        self._upstream = Upstream(timeouts)
        self._kept_bytes = kept_bytes
        memory = Memory(
            self._upstream,
            Cooldowns(clock),
            Breakers(clock),
            Affinity(),
            Credentials(clock),
            clock,
        )
        pools = Pools.in_order(backends)
        self._forwarder = Forwarder(pools, memory)
        self._realtime = RealtimeProxy(MemoryPool(pools, memory))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        match scope["type"]:
            case "http" if scope["path"] == HEALTH_PATH and scope["method"] in {"GET", "HEAD"}:
                await _say_healthy(send)
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case _:
                await self._realtime(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request for as long as the caller is there; then let the backend go too."""
        with contextlib.suppress(ClientLeft):
            request = await incoming(scope, receive, kept_bytes=self._kept_bytes)
            await _while_there(request.body, self._forwarder.forward(request, send))

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await asyncio.to_thread(_load_estimators)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._upstream.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _load_estimators() -> None:
    """Load what estimates need before the first request does: its answer waits for a short time."""
    from gateway_hooks.estimating.audio import audio_seconds
    from gateway_hooks.estimating.tokenizer import CL100K, O200K, TokenizerUnavailable, count_tokens

    audio_seconds(b"", None)
    with contextlib.suppress(TokenizerUnavailable):
        for encoding in (O200K, CL100K):
            count_tokens("ready", encoding)


async def _while_there(body: RequestBody, work: Coroutine[Any, Any, None]) -> None:
    """Do some work for a caller, and stop it when the caller leaves.

    Raises:
        ClientLeft: the caller is gone.
    """
    task = asyncio.current_task()
    has_left = False

    def stop(watch: asyncio.Task[None]) -> None:
        nonlocal has_left
        if task is not None and not watch.cancelled():
            has_left = True
            task.cancel()

    watch = asyncio.create_task(_until_left(body))
    watch.add_done_callback(stop)
    try:
        await work
    except asyncio.CancelledError:
        if not has_left or task is None or task.uncancel():
            raise
        raise ClientLeft from None
    finally:
        watch.remove_done_callback(stop)
        watch.cancel()


async def _until_left(body: RequestBody) -> None:
    await body.ended.wait()
    await body.left()


async def _say_healthy(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(_HEALTHY)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _HEALTHY, "more_body": False})
