"""What the proxy wants to know of backends: whom to ask, and whom to tell how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway_hooks.gateway import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_hooks.gateway.pool.backends import Backend
    from gateway_hooks.gateway.pool.memory import Memory
    from gateway_hooks.gateway.pool.pools import Pools, Route
    from gateway_hooks.gateway.pool.verdict import Verdict
    from gateway_hooks.gateway.refusals import Refusal


class RealtimePool(Protocol):
    """The backends; called on the event loop. Nothing but `credential` waits or raises."""

    def candidates(self, deployment: str | None) -> Iterator[Route]:
        """Who may be asked, best first; the next one is wanted when one has not accepted."""

    def note(
        self, backend: Backend, deployment: str | None, verdict: Verdict, wait_ms: float | None
    ) -> None:
        """What a backend said to a handshake for its `deployment`; `PASS` when it works."""

    def wait_ms(self, deployment: str | None) -> float:
        """How long until the first backend may be asked again; 0: now."""

    def nobody(self, deployment: str | None) -> Refusal:
        """What a client is told when nobody could be asked."""

    async def credential(self, backend: Backend) -> tuple[bytes, bytes] | None:
        """The header that takes the place of the client's keys; None passes those on.

        Raises:
            CredentialError: there is none to be had.
        """


class MemoryPool:
    """The pools of the gateway, with the memory that its HTTP requests use, too."""

    def __init__(self, pools: Pools, memory: Memory) -> None:
        self._pools = pools
        self._memory = memory
        self.credential = memory.credentials.header

    def candidates(self, deployment: str | None) -> Iterator[Route]:
        """As for a request."""
        return self._memory.candidates(self._pools.routes(deployment), deployment)

    def note(
        self, backend: Backend, deployment: str | None, verdict: Verdict, wait_ms: float | None
    ) -> None:
        """Remember what a backend said."""
        self._memory.note(backend, deployment, verdict, wait_ms)

    def wait_ms(self, deployment: str | None) -> float:
        """How long until the first backend may be asked again."""
        return self._memory.cooldowns.wait_ms(self._pools.routes(deployment), deployment)

    def nobody(self, deployment: str | None) -> Refusal:
        """No pool has the deployment, or all of its backends rest or are broken."""
        routes = self._pools.routes(deployment)
        if not routes:
            return refusals.no_deployment()
        return self._memory.nobody(routes, deployment)
