"""Leaving a service alone that failed several times in a row, so that not every request waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway_hooks.clock import NANOSECONDS_PER_MS

if TYPE_CHECKING:
    from gateway_hooks.clock import Clock

FAILURES: Final = 5
"""So many failures in a row end the asking."""
REST_MS: Final = 5000.0
LONGEST_REST_MS: Final = 60_000.0


class Breaker:
    """Of one endpoint. After a rest one question tries; its answer says how it goes on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._until_ns = 0

    def may_ask(self) -> bool:
        """Whether the service may be asked now."""
        if self._failures < FAILURES:
            return True
        now = self._clock.monotonic_ns()
        if now < self._until_ns:
            return False
        # This question is the try; the others wait for its answer, or until it must have come.
        self._rest(now, REST_MS)
        return True

    def answered(self) -> bool:
        """The service works; true when it did not before."""
        recovered = self._failures > 0
        self._failures = 0
        return recovered

    def failed(self, retry_after_ms: float | None = None) -> bool:
        """The service failed, or asked to be left alone; true when it worked before."""
        self._failures += 1
        if self._failures >= FAILURES:
            wait = max(REST_MS, retry_after_ms or 0.0)
            self._rest(self._clock.monotonic_ns(), min(wait, LONGEST_REST_MS))
        return self._failures == 1

    def _rest(self, now: int, wait_ms: float) -> None:
        self._until_ns = now + int(wait_ms * NANOSECONDS_PER_MS)
