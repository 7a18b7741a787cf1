"""A gateway without a file: backends in order of priority, metered, everybody let in.

    app = build_gateway([Backend.parse("https://one.openai.azure.com,key=ONE_KEY"), ...])

Every path is passed on, but `GET /healthz`, which is the gateway's own. With a file there is more:
`live.py`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway_hooks.asgi import UsageMiddleware
from gateway_hooks.clock import SystemClock
from gateway_hooks.gateway.incoming import KEPT_BYTES
from gateway_hooks.gateway.live import load_estimators
from gateway_hooks.gateway.operations import HEALTHY, say
from gateway_hooks.gateway.pool.backend_pool import BackendPool
from gateway_hooks.gateway.pool.memory import Memory
from gateway_hooks.gateway.pool.pools import Pools
from gateway_hooks.gateway.serving.lifespan import live

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.pool.backends import Backend
    from gateway_hooks.gateway.pool.upstream import Timeouts
    from gateway_hooks.meter import Meter

HEALTH_PATH: Final = "/healthz"


def build_gateway(
    backends: Sequence[Backend] = (),
    *,
    pools: Pools | None = None,
    meter: Meter | None = None,
    clock: Clock | None = None,
    timeouts: Timeouts | None = None,
    kept_bytes: int = KEPT_BYTES,
) -> App:
    """The metered gateway.

    Args:
        backends: in order of priority, unless there are pools.
        pools: which backends serve what.
        meter: the process's own, by the environment's settings, when not given.
        clock: the system's unless a test has another.
        timeouts: of the calls to backends.
        kept_bytes: longest body that can fail over.

    Raises:
        SettingsError: a setting cannot be used, or the backends cannot.
    """
    gateway = Gateway(backends, pools=pools, clock=clock, timeouts=timeouts, kept_bytes=kept_bytes)
    return UsageMiddleware(gateway, meter)


class Gateway:
    """The gateway without metering; a plain ASGI callable."""

    def __init__(
        self,
        backends: Sequence[Backend] = (),
        *,
        pools: Pools | None = None,
        clock: Clock | None = None,
        timeouts: Timeouts | None = None,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        clock = clock or SystemClock()
        self._memory = Memory.begin(clock, timeouts)
        self._pool = BackendPool(
            pools or Pools.in_order(backends), self._memory, kept_bytes=kept_bytes
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        match scope["type"]:
            case "http" if scope["path"] == HEALTH_PATH and scope["method"] in {"GET", "HEAD"}:
                await say(send, 200, HEALTHY)
            case "lifespan":
                await live(receive, send, start=self._start, end=self._end)
            case _:
                await self._pool(scope, receive, send)

    async def _start(self) -> None:
        await asyncio.to_thread(load_estimators)

    async def _end(self) -> None:
        await self._memory.credentials.close()
        await self._memory.upstream.close()
