"""Which backends to leave alone, and until when, for each of their deployments by itself.

One resource may serve a deployment twice, as reserved capacity and as what takes its overflow; so
a rest is for the deployment as it is called at the backend, not as the caller called it.

A backend that said when to come back (a 429, or any refusal with Retry-After) is not called before
that. One that failed without saying is only put behind the others for a moment, since it may well
be the last one that works; for longer, if it does not have the deployment at all.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.pool.backends import Backend
    from gateway_hooks.gateway.pool.pools import Route

UNSAID_MS: Final = 1000.0
"""How long a 429 without Retry-After is taken to mean."""
LONGEST_MS: Final = 60_000.0
"""A longer Retry-After is asked again after this: quotas get raised and resources swapped."""
TROUBLE_MS: Final = 2000.0
ABSENT_MS: Final = 300_000.0
"""How long a backend is asked last for a deployment that it does not have."""
_KEPT: Final = 10_000
_NS_IN_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class _Rest:
    until_ns: int
    is_asked_for: bool


class Cooldowns:
    """Remembers refusals; bounded, the oldest forgotten first, which costs one request each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rests: OrderedDict[tuple[str, str | None], _Rest] = OrderedDict()

    def throttled(
        self, backend: Backend, deployment: str | None, retry_after_ms: float | None
    ) -> None:
        """The backend asked to be left alone."""
        wait = UNSAID_MS if retry_after_ms is None else min(retry_after_ms, LONGEST_MS)
        self._note(backend, deployment, wait, is_asked_for=True)

    def troubled(self, backend: Backend, deployment: str | None) -> None:
        """The backend failed: try others first for a moment."""
        self._note(backend, deployment, TROUBLE_MS, is_asked_for=False)

    def absent(self, backend: Backend, deployment: str | None) -> None:
        """The backend does not have the deployment: try others first for a good while."""
        self._note(backend, deployment, ABSENT_MS, is_asked_for=False)

    def answered(self, backend: Backend, deployment: str | None) -> None:
        """The backend works again; an answer does not undo what it asked for meanwhile."""
        rest = self._rests.get((backend.name, deployment))
        if rest is not None and not rest.is_asked_for:
            del self._rests[backend.name, deployment]

    def order(self, routes: Sequence[Route], deployment: str | None) -> list[Route]:
        """Who may be called: ready ones first, then the troubled, each in the given order."""
        now = self._clock.monotonic_ns()
        ready: list[Route] = []
        troubled: list[Route] = []
        for route in routes:
            rest = self._rest(route, deployment)
            if rest is None or rest.until_ns <= now:
                ready.append(route)
            elif not rest.is_asked_for:
                troubled.append(route)
        return ready + troubled

    def resting(self, backend: str) -> Mapping[str, float]:
        """Milliseconds until a backend may be called again, by deployment (`*`: none named)."""
        now = self._clock.monotonic_ns()
        return {
            deployment or "*": (rest.until_ns - now) / _NS_IN_MS
            for (name, deployment), rest in self._rests.items()
            if name == backend and rest.is_asked_for and rest.until_ns > now
        }

    def wait_ms(self, routes: Sequence[Route], deployment: str | None) -> float:
        """How long until the first of these may be called again."""
        now = self._clock.monotonic_ns()
        waits = [
            rest.until_ns - now
            for route in routes
            if (rest := self._rest(route, deployment)) is not None
        ]
        return max(0.0, min(waits, default=0) / _NS_IN_MS)

    def rest_ms(self, route: Route, deployment: str | None) -> float:
        """How long a route asked to be left alone; 0: it may be asked."""
        rest = self._rest(route, deployment)
        if rest is None or not rest.is_asked_for:
            return 0.0
        return max(0.0, (rest.until_ns - self._clock.monotonic_ns()) / _NS_IN_MS)

    def _rest(self, route: Route, deployment: str | None) -> _Rest | None:
        return self._rests.get((route.backend.name, route.deployment_for(deployment)))

    def _note(
        self, backend: Backend, deployment: str | None, wait_ms: float, *, is_asked_for: bool
    ) -> None:
        until = self._clock.monotonic_ns() + int(wait_ms * _NS_IN_MS)
        self._rests[backend.name, deployment] = _Rest(until, is_asked_for)
        self._rests.move_to_end((backend.name, deployment))
        if len(self._rests) > _KEPT:
            self._rests.popitem(last=False)
