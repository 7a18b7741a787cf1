"""The proxy as an ASGI application: a handshake becomes a relayed session, or a refusal."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from gateway_hooks.gateway.realtime.connect import Connected, Connector
from gateway_hooks.gateway.realtime.handshake import read_handshake
from gateway_hooks.gateway.realtime.relay import Relay
from gateway_hooks.gateway.realtime.settings import RealtimeSettings
from gateway_hooks.gateway.refusals import refusal, refuse
from gateway_hooks.gateway.serving.draining import DRAIN, Drain
from gateway_hooks.realtime import SESSION, RealtimeSession

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Receive, Scope, Send
    from gateway_hooks.gateway.realtime.handshake import Handshake
    from gateway_hooks.gateway.realtime.pool import RealtimePool
    from gateway_hooks.gateway.refusals import Refusal


class RealtimeProxy:
    """Relays realtime sessions to the backends of a pool; for `websocket` scopes only."""

    def __init__(self, pool: RealtimePool, settings: RealtimeSettings | None = None) -> None:
        """Make a proxy.

        Args:
            pool: whom to ask; kept and told of what happens.
            settings: times and sizes.
        """
        self._settings = settings or RealtimeSettings()
        self._connector = Connector(pool, self._settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket."""
        if (await receive())["type"] != "websocket.connect":
            return
        handshake = read_handshake(scope)
        if handshake is None:
            message = "The gateway relays no WebSocket on this path; use /openai/v1/realtime."
            await refuse(scope, send, refusal(404, "404", message))
            return
        found = await self._connect(handshake, receive)
        if found is None:
            return
        if not isinstance(found, Connected):
            await refuse(scope, send, found)
            return
        await self._relay(found, scope, receive, send)

    async def _connect(self, handshake: Handshake, receive: Receive) -> Connected | Refusal | None:
        """Ask backends for as long as the client waits; None when it does not."""
        asking = asyncio.create_task(self._connector.connect(handshake))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            return None
        finally:
            for task in (asking, leaving):
                task.cancel()
            await asyncio.gather(asking, leaving, return_exceptions=True)

    async def _relay(self, found: Connected, scope: Scope, receive: Receive, send: Send) -> None:
        connection = found.connection
        metered, drain = scope.get(SESSION), (scope.get("state") or {}).get(DRAIN)
        try:
            await send(
                {
                    "type": "websocket.accept",
                    "subprotocol": connection.subprotocol,
                    "headers": found.headers,
                }
            )
        except BaseException:
            connection.transport.abort()
            raise
        relay = Relay(
            connection,
            receive,
            send,
            self._settings,
            session=metered if isinstance(metered, RealtimeSession) else None,
            drain=drain if isinstance(drain, Drain) else None,
        )
        # A client that is gone is no error of the gateway.
        with contextlib.suppress(OSError):
            await relay.run()


async def _left(receive: Receive) -> None:
    """Return when the client is gone; before it is accepted it can say nothing else."""
    while (await receive())["type"] != "websocket.disconnect":
        pass
