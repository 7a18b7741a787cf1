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
from gateway_hooks.gateway.pool.affinity import Affinity
from gateway_hooks.gateway.pool.backend_pool import BackendPool
from gateway_hooks.gateway.pool.breaker import Breakers
from gateway_hooks.gateway.pool.cooldown import Cooldowns
from gateway_hooks.gateway.pool.credentials import Credentials
from gateway_hooks.gateway.pool.memory import Memory
from gateway_hooks.gateway.pool.pools import Pools
from gateway_hooks.gateway.pool.upstream import Timeouts, Upstream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.pool.backends import Backend
    from gateway_hooks.meter import Meter

HEALTH_PATH: Final = "/healthz"
_HEALTHY: Final = b'{"status": "ok"}'


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
        self._upstream = Upstream(timeouts)
        self._memory = Memory(
            self._upstream,
            Cooldowns(clock),
            Breakers(clock),
            Affinity(),
            Credentials(clock),
            clock,
        )
        self._pool = BackendPool(
            pools or Pools.in_order(backends), self._memory, kept_bytes=kept_bytes
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        match scope["type"]:
            case "http" if scope["path"] == HEALTH_PATH and scope["method"] in {"GET", "HEAD"}:
                await _say_healthy(send)
            case "lifespan":
                await self._live(receive, send)
            case _:
                await self._pool(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await asyncio.to_thread(load_estimators)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._memory.credentials.close()
                await self._upstream.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _say_healthy(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(_HEALTHY)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _HEALTHY, "more_body": False})
