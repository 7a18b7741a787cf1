"""The gateway's WebSocket proxy for realtime sessions.

    RealtimeProxy(pool, RealtimeSettings())      # an ASGI application for `websocket` scopes

It does not meter: `UsageMiddleware` around it does.
"""

from gateway_hooks.gateway.realtime.app import RealtimeProxy
from gateway_hooks.gateway.realtime.pool import MemoryPool, RealtimePool
from gateway_hooks.gateway.realtime.settings import RealtimeSettings

__all__ = [
    "MemoryPool",
    "RealtimePool",
    "RealtimeProxy",
    "RealtimeSettings",
]
