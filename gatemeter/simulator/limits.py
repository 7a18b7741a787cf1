"""Rate limits as Azure enforces them: sliding windows, tokens estimated when a request arrives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatemeter.simulator.config import Deployment

TOKEN_WINDOW_SECONDS = 60.0
CALL_WINDOW_SECONDS = 10.0
PTU_WINDOW_SECONDS = 10.0
"""Provisioned capacity is refilled all the time, so that a refusal is a matter of seconds."""


class SlidingWindow:
    """At most `limit` units in any `seconds`."""

    def __init__(self, limit: float, seconds: float) -> None:
        self.limit = limit
        self._seconds = seconds
        self._spent: deque[tuple[float, float]] = deque()
        self._sum = 0.0

    def remaining(self, now: float) -> float:
        """Units that could be taken now."""
        self._forget(now)
        return max(0.0, self.limit - self._sum)

    def utilization(self, now: float) -> float:
        """Percent that is taken."""
        return 100.0 * (1 - self.remaining(now) / self.limit) if self.limit else 100.0

    def take(self, now: float, units: float) -> None:
        """Count units as spent now."""
        self._spent.append((now, units))
        self._sum += units

    def seconds_until(self, now: float, units: float) -> float:
        """How long until `units` fit; the whole window when they never do."""
        self._forget(now)
        missing = self._sum + units - self.limit
        for at, spent in self._spent:
            missing -= spent
            if missing <= 0:
                return max(0.0, at + self._seconds - now)
        return self._seconds

    def _forget(self, now: float) -> None:
        while self._spent and self._spent[0][0] <= now - self._seconds:
            self._sum -= self._spent.popleft()[1]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not let in, and for how long."""

    kind: Literal["tokens", "calls", "ptu"]
    retry_after_seconds: float


@dataclass(frozen=True, slots=True)
class Headroom:
    """What is left of the limits, as the x-ratelimit headers say it."""

    limit_tokens: int | None
    remaining_tokens: int | None
    limit_requests: int | None
    remaining_requests: int | None
    utilization: float
    """Percent of the token limit that is used."""


class RateLimiter:
    """The limits of one deployment."""

    def __init__(self, deployment: Deployment, clock: Callable[[], float]) -> None:
        self._deployment = deployment
        self._clock = clock
        tokens, calls = deployment.tokens_per_minute, deployment.requests_per_minute
        seconds = PTU_WINDOW_SECONDS if deployment.kind == "ptu" else TOKEN_WINDOW_SECONDS
        self._tokens = (
            SlidingWindow(tokens * seconds / TOKEN_WINDOW_SECONDS, seconds)
            if tokens is not None
            else None
        )
        # Azure spreads the calls of a minute over slices of ten seconds.
        self._calls = (
            SlidingWindow(max(1, calls // 6), CALL_WINDOW_SECONDS) if calls is not None else None
        )

    def admit(self, estimated_tokens: int) -> Refusal | None:
        """Let a request in and count it, or say why not; a refused request is not counted."""
        now = self._clock()
        if self._calls is not None and self._calls.remaining(now) < 1:
            return Refusal("calls", self._calls.seconds_until(now, 1))
        if self._tokens is not None:
            if self._tokens.remaining(now) < estimated_tokens:
                kind: Literal["ptu", "tokens"] = (
                    "ptu" if self._deployment.kind == "ptu" else "tokens"
                )
                return Refusal(kind, self._tokens.seconds_until(now, estimated_tokens))
            self._tokens.take(now, estimated_tokens)
        if self._calls is not None:
            self._calls.take(now, 1)
        return None

    def headroom(self) -> Headroom:
        """What is left now."""
        now = self._clock()
        return Headroom(
            limit_tokens=self._deployment.tokens_per_minute,
            remaining_tokens=int(self._tokens.remaining(now)) if self._tokens else None,
            limit_requests=self._deployment.requests_per_minute,
            remaining_requests=int(self._calls.remaining(now)) if self._calls else None,
            utilization=self._tokens.utilization(now) if self._tokens else 0.0,
        )
