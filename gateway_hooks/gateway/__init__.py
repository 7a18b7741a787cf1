"""The GenAI gateway: policies around a pool of backends, metered by the hooks like any other.

`compose.py` has the order in which a request meets the policies, `live.py` the running gateway,
`pool/` what happens when a backend is full or in trouble. It needs the extra `gateway`.
"""

from gateway_hooks.gateway.app import Gateway, build_gateway
from gateway_hooks.gateway.pool.backends import Backend
from gateway_hooks.gateway.pool.forward import UpstreamBroke
from gateway_hooks.gateway.pool.upstream import Timeouts

__all__ = ["Backend", "Gateway", "Timeouts", "UpstreamBroke", "build_gateway"]
