"""The heart of the gateway: try backends in order until one answers, and pass its answer on.

Nothing reaches the caller before a backend is chosen for good, so a refusal or a failure can still
be followed by another try. Once the answer has begun, its bytes pass as they arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.attempts import record_attempt
from gateway_hooks.gateway import refusals
from gateway_hooks.gateway.one_try import OneTry
from gateway_hooks.gateway.outcomes import best, with_retry_after
from gateway_hooks.gateway.upstream import ERRORS
from gateway_hooks.gateway.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_hooks.asgi_types import Send
    from gateway_hooks.gateway.backends import Backend
    from gateway_hooks.gateway.incoming import IncomingRequest
    from gateway_hooks.gateway.one_try import Memory
    from gateway_hooks.gateway.outcomes import Outcome
    from gateway_hooks.gateway.refusals import Refusal


class UpstreamBroke(Exception):
    """A backend's answer broke off after its beginning had been passed on."""


class Forwarder:
    """Forwards requests to the backends, best one first."""

    def __init__(self, backends: Sequence[Backend], memory: Memory) -> None:
        self._backends = backends
        self._memory = memory

    async def forward(self, request: IncomingRequest, send: Send) -> None:
        """Answer one request.

        Raises:
            UpstreamBroke: the answer is incomplete; the connection to the caller must be closed.
        """
        outcomes: list[Outcome] = []
        for backend in self._candidates(request):
            outcome = await self._try(request, backend, send)
            if outcome is None:
                return
            outcomes.append(outcome)
            if not request.body.complete:
                break  # it was passed on while it came and cannot be sent again
        await refusals.answer_with(send, self._last_word(request, outcomes))

    async def _try(self, request: IncomingRequest, backend: Backend, send: Send) -> Outcome | None:
        try:
            with record_attempt(
                backend.name,
                deployment=request.deployment,
                region=backend.region,
                deployment_type=backend.deployment_type,
            ) as recorder:
                return await OneTry(self._memory, request, backend, recorder).run(send)
        except ERRORS as error:
            raise UpstreamBroke(f"{backend.name}: {type(error).__name__}") from None

    def _candidates(self, request: IncomingRequest) -> list[Backend]:
        """Who may be asked: by priority, the holder of what is referred to before all others."""
        ordered = self._memory.cooldowns.order(self._backends, request.deployment)
        holder = self._memory.affinity.holder(request.item_id)
        if holder is not None:
            ordered.sort(key=lambda backend: backend.name != holder)
        return ordered

    def _last_word(self, request: IncomingRequest, outcomes: list[Outcome]) -> Refusal:
        """What the caller gets when nobody answered."""
        resting = self._memory.cooldowns.wait_ms(self._backends, request.deployment)
        if not outcomes:
            return refusals.all_resting(resting)
        chosen = best(outcomes)
        own = chosen.retry_after_ms
        if chosen.verdict is Verdict.THROTTLED and (own is None or 0 < resting < own):
            return with_retry_after(chosen.refusal, resting)
        return chosen.refusal
