"""What operators and load balancers ask the gateway itself: health, metrics, state of backends.

`/health/live` and `/health/ready` answer anybody. `/metrics` and `/gateway/backends` tell names and
loads, so they answer callers of the same machine, or whoever has the operators' key.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

import msgspec

from gateway_hooks.gateway.refusals import answer_with, refusal
from gateway_hooks.reading.headers import first_header

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import App, Receive, Scope, Send
    from gateway_hooks.gateway.breaker import Breakers
    from gateway_hooks.gateway.metrics import Metrics
    from gateway_hooks.gateway.pool.cooldown import Cooldowns
    from gateway_hooks.gateway.pool.pools import Pools

LIVE: Final = "/health/live"
READY: Final = "/health/ready"
METRICS: Final = "/metrics"
BACKENDS: Final = "/gateway/backends"
_OPEN: Final = frozenset({LIVE, READY, "/healthz"})
_OURS: Final = _OPEN | {METRICS, BACKENDS}
HEALTHY: Final = b'{"status": "ok"}'
_READS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Watched:
    """What there is to tell."""

    pools: Pools
    breakers: Breakers
    cooldowns: Cooldowns
    metrics: Metrics


class Operations:
    """Answers the gateway's own paths; an ASGI application around another."""

    def __init__(self, app: App, watched: Watched, key: str | None = None) -> None:
        self._app = app
        self._watched = watched
        self._key = None if key is None else b"Bearer " + key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] not in _OURS or scope["method"] not in _READS:
            await self._app(scope, receive, send)
        elif scope["path"] in _OPEN or self._is_operator(scope):
            await self._answer(scope["path"], send)
        else:
            message = "Ask from the gateway's own machine, or with the operators' key."
            await answer_with(send, refusal(403, "Forbidden", message))

    def _is_operator(self, scope: Scope) -> bool:
        if self._key is None:
            client = scope.get("client")
            return client is not None and _is_loopback(client[0])
        given = first_header(scope["headers"], b"authorization")
        return hmac.compare_digest(given or b"", self._key)

    async def _answer(self, path: str, send: Send) -> None:
        if path == METRICS:
            from gateway_hooks.gateway.metrics import CONTENT_TYPE

            await say(send, 200, self._watched.metrics.text(), CONTENT_TYPE.encode())
        elif path == BACKENDS:
            await say(send, 200, msgspec.json.encode({"backends": self._backends()}))
        elif path == READY:
            await self._say_ready(send)
        else:
            await say(send, 200, HEALTHY)

    async def _say_ready(self, send: Send) -> None:
        """Ready is who has a backend that is not known to be broken."""
        breakers = self._watched.breakers
        works = any(
            breakers.state(backend.name) != "open" for backend in self._watched.pools.backends
        )
        text = HEALTHY if works else b'{"status": "no backend works"}'
        await say(send, 200 if works else 503, text)

    def _backends(self) -> list[dict[str, object]]:
        watched = self._watched
        return [
            {
                "name": backend.name,
                "url": backend.root,
                "region": backend.region,
                "type": backend.deployment_type,
                "state": watched.breakers.state(backend.name),
                "failures": watched.breakers.failures(backend.name),
                "asked_again_in_ms": round(watched.breakers.wait_ms(backend.name)),
                "throttled_ms": {
                    deployment: round(wait)
                    for deployment, wait in watched.cooldowns.resting(backend.name).items()
                },
            }
            for backend in watched.pools.backends
        ]


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    # On a socket for both families, IPv4 callers look like ::ffff:127.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


async def say(
    send: Send, status: int, text: bytes, content_type: bytes = b"application/json"
) -> None:
    """Answer with a text of the gateway's own."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": False})
