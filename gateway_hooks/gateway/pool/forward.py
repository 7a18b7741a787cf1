"""The heart of the gateway: try one route after the other until one answers, and pass that on.

Nothing reaches the caller before an answer is known to be one, so a refusal, a failure or garbage
can still be followed by another try. Once the answer has begun, its bytes pass as they arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.attempts import record_attempt
from gateway_hooks.gateway import refusals
from gateway_hooks.gateway.pool.one_try import OneTry
from gateway_hooks.gateway.pool.outcomes import best, with_retry_after
from gateway_hooks.gateway.pool.upstream import ERRORS, error_name
from gateway_hooks.gateway.pool.verdict import Verdict

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Send
    from gateway_hooks.gateway.incoming import IncomingRequest
    from gateway_hooks.gateway.pool.memory import Memory
    from gateway_hooks.gateway.pool.outcomes import Outcome
    from gateway_hooks.gateway.pool.pools import Pools, Route
    from gateway_hooks.gateway.refusals import Refusal

_NS = 1_000_000_000


class UpstreamBroke(Exception):
    """A backend's answer broke off after its beginning had been passed on."""


class Forwarder:
    """Forwards requests to the backends of their pool, best one first."""

    def __init__(self, pools: Pools, memory: Memory) -> None:
        self._pools = pools
        self._memory = memory

    async def forward(self, request: IncomingRequest, send: Send) -> None:
        """Answer one request.

        Raises:
            UpstreamBroke: the answer is incomplete; the connection to the caller must be closed.
        """
        routes = self._pools.routes(request.deployment)
        if not routes:
            await refusals.answer_with(send, refusals.no_deployment())
            return
        outcomes: list[Outcome] = []
        deadline = self._deadline_ns()
        for route in self._memory.candidates(routes, request.deployment, request.item_id):
            outcome = await self._try(request, route, deadline, send)
            if outcome is None:
                return
            outcomes.append(outcome)
            if not request.body.complete:
                break  # it was passed on while it came and cannot be sent again
            if self._memory.clock.monotonic_ns() >= deadline:
                break
        await refusals.answer_with(send, self._last_word(request, routes, outcomes))

    def _deadline_ns(self) -> int:
        whole = self._memory.upstream.timeouts.request
        return self._memory.clock.monotonic_ns() + int(whole * _NS)

    async def _try(
        self, request: IncomingRequest, route: Route, deadline_ns: int, send: Send
    ) -> Outcome | None:
        backend = route.backend
        with record_attempt(
            backend.name,
            deployment=route.deployment_for(request.deployment),
            region=backend.region,
            deployment_type=route.deployment_type or backend.deployment_type,
        ) as recorder:
            try:
                return await OneTry(self._memory, request, route, recorder, deadline_ns).run(send)
            except ERRORS as error:
                broke = error_name(error)
                recorder.failed(broke)
        raise UpstreamBroke(f"{backend.name}: {broke}")

    def _last_word(
        self, request: IncomingRequest, routes: tuple[Route, ...], outcomes: list[Outcome]
    ) -> Refusal:
        """What the caller gets when nobody answered."""
        if not outcomes:
            return self._memory.nobody(routes, request.deployment)
        resting = self._memory.cooldowns.wait_ms(routes, request.deployment)
        chosen = best(outcomes)
        own = chosen.retry_after_ms
        if chosen.verdict is Verdict.THROTTLED and (own is None or 0 < resting < own):
            return with_retry_after(chosen.refusal, resting)
        return chosen.refusal
