"""What the gateway knows of its backends from earlier requests, and whom to ask next.

It outlives a reload of the settings, so that a new file forgets no open breaker and no throttling.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Self

from gateway_hooks.gateway.breaker import Breakers
from gateway_hooks.gateway.pool.affinity import Affinity
from gateway_hooks.gateway.pool.cooldown import Cooldowns
from gateway_hooks.gateway.pool.credentials import Credentials
from gateway_hooks.gateway.pool.pools import drawn
from gateway_hooks.gateway.pool.upstream import Upstream
from gateway_hooks.gateway.pool.verdict import Verdict
from gateway_hooks.gateway.refusals import all_broken, all_resting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.pool.backends import Backend
    from gateway_hooks.gateway.pool.pools import Route
    from gateway_hooks.gateway.pool.upstream import Timeouts
    from gateway_hooks.gateway.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Memory:
    """The parts, and how they are used together."""

    upstream: Upstream
    cooldowns: Cooldowns
    breakers: Breakers
    affinity: Affinity
    credentials: Credentials
    clock: Clock
    random: Random = field(default_factory=Random)

    @classmethod
    def begin(cls, clock: Clock, timeouts: Timeouts | None = None) -> Self:
        """A gateway that has asked nobody yet."""
        return cls(
            Upstream(timeouts),
            Cooldowns(clock),
            Breakers(clock),
            Affinity(),
            Credentials(clock),
            clock,
        )

    def candidates(
        self, routes: Sequence[Route], deployment: str | None, item_id: str | None = None
    ) -> Iterator[Route]:
        """Who may be asked, one after the other as it is their turn.

        By priority and weight, the holder of what is referred to before all others. A route whose
        breaker is open is asked when others were, and all of them failed: then there is nothing to
        lose. Where one of them is only full, its 429 is the quicker answer. When no breaker lets
        anybody through, nobody is asked.
        """
        ordered = self.cooldowns.order(drawn(routes, self.random), deployment)
        holder = self.affinity.holder(item_id)
        if holder is not None:
            ordered.sort(key=lambda route: route.backend.name != holder)
        barred = []
        for route in ordered:
            if self.breakers.may_ask(route.backend.name):
                yield route
            else:
                barred.append(route)
        full = any(self.cooldowns.rest_ms(route, deployment) for route in routes)
        if len(barred) < len(ordered) and not full:
            yield from barred

    def nobody(self, routes: Sequence[Route], deployment: str | None) -> Refusal:
        """What a caller is told when none of these could be asked.

        A 429 if a backend that works will take requests again, else a 503; both say when.
        """
        waits = [
            max(self.cooldowns.rest_ms(one, deployment), self.breakers.wait_ms(one.backend.name))
            for one in routes
        ]
        works = any(self.breakers.state(one.backend.name) == "closed" for one in routes)
        return all_resting(min(waits)) if works else all_broken(min(waits))

    def note(
        self,
        backend: Backend,
        deployment: str | None,
        verdict: Verdict,
        wait_ms: float | None = None,
        *,
        refers_to_item: bool = False,
    ) -> None:
        """Remember what became of a request.

        Args:
            backend: who was asked.
            deployment: what for, as it is called there.
            verdict: `PASS` when it answered.
            wait_ms: how long it asked to be left alone.
            refers_to_item: it was asked for something of its own, so `ELSEWHERE` says nothing of
                the deployment.
        """
        if verdict is Verdict.THROTTLED or (verdict is Verdict.FAILED and wait_ms is not None):
            self.cooldowns.throttled(backend, deployment, wait_ms)
        elif verdict is Verdict.FAILED:
            self.cooldowns.troubled(backend, deployment)
        elif verdict is Verdict.PASS:
            self.cooldowns.answered(backend, deployment)
        elif not refers_to_item:
            self.cooldowns.absent(backend, deployment)
        if verdict is Verdict.FAILED:
            self.breakers.failed(backend.name)
        else:
            self.breakers.answered(backend.name)
