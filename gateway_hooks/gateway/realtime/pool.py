"""What the proxy wants to know of backends: whom to ask, and whom to tell how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway_hooks.gateway import refusals
from gateway_hooks.gateway.pools import drawn
from gateway_hooks.gateway.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_hooks.gateway.backends import Backend
    from gateway_hooks.gateway.one_try import Memory
    from gateway_hooks.gateway.pools import Pools, Route
    from gateway_hooks.gateway.refusals import Refusal


class RealtimePool(Protocol):
    """The backends; called on the event loop. Nothing but `credential` waits or raises."""

    def candidates(self, deployment: str | None) -> Iterator[Route]:
        """Who may be asked, best first; the next one is wanted when one has not accepted."""

    def note(
        self, backend: Backend, deployment: str | None, verdict: Verdict, wait_ms: float | None
    ) -> None:
        """What a backend said to a handshake; `PASS` when it works."""

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
        """By priority and weight; behind an open breaker only when all others have failed."""
        memory = self._memory
        routes = drawn(self._pools.routes(deployment), memory.random)
        ordered = memory.cooldowns.order(routes, deployment)
        barred = []
        for route in ordered:
            if memory.breakers.may_ask(route.backend.name):
                yield route
            else:
                barred.append(route)
        if len(barred) < len(ordered):
            yield from barred

    def note(
        self, backend: Backend, deployment: str | None, verdict: Verdict, wait_ms: float | None
    ) -> None:
        """Remember what a backend said."""
        cooldowns, breakers = self._memory.cooldowns, self._memory.breakers
        if verdict is Verdict.THROTTLED or (verdict is Verdict.FAILED and wait_ms is not None):
            cooldowns.throttled(backend, deployment, wait_ms)
        elif verdict is Verdict.FAILED:
            cooldowns.troubled(backend, deployment)
        elif verdict is Verdict.ELSEWHERE:
            cooldowns.absent(backend, deployment)
        else:
            cooldowns.answered(backend, deployment)
        if verdict is Verdict.FAILED:
            breakers.failed(backend.name)
        else:
            breakers.answered(backend.name)

    def wait_ms(self, deployment: str | None) -> float:
        """How long until the first backend may be asked again."""
        return self._memory.cooldowns.wait_ms(self._pools.routes(deployment), deployment)

    def nobody(self, deployment: str | None) -> Refusal:
        """No pool has the deployment, or all of its backends rest or are broken."""
        routes = self._pools.routes(deployment)
        if not routes:
            return refusals.no_deployment()
        resting = self.wait_ms(deployment)
        if resting:
            return refusals.all_resting(resting)
        breakers = self._memory.breakers
        return refusals.all_broken(min(breakers.wait_ms(one.backend.name) for one in routes))
