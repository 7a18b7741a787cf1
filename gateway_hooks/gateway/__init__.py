"""A pass-through gateway with failover, metered by the hooks like any other ASGI gateway.

It needs the extra `gateway`. Requests and answers pass unchanged but for the key; see `forward.py`
for what happens when a backend is full or in trouble.
"""

from gateway_hooks.gateway.app import Gateway, build_gateway
from gateway_hooks.gateway.backends import Backend
from gateway_hooks.gateway.forward import UpstreamBroke
from gateway_hooks.gateway.upstream import Timeouts

__all__ = ["Backend", "Gateway", "Timeouts", "UpstreamBroke", "build_gateway"]
