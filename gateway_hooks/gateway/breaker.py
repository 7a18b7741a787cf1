"""Circuit breakers: who keeps failing is left alone, and then asked by one request at a time.

Closed: it is asked. After `failures` failures in a row it opens: nobody asks. When `open_seconds`
are over it is half open: one request probes it. An answer closes it again, a failure opens it for
twice as long, up to a bound. A backend's 429 is no failure; `pool/cooldown.py` sees to those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from gateway_hooks.clock import NANOSECONDS_PER_MS

if TYPE_CHECKING:
    from gateway_hooks.clock import Clock

State = Literal["closed", "open", "half_open"]

_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When breakers open, and for how long."""

    failures: int = 5
    """Failures in a row that open one."""
    open_seconds: float = 5.0
    longest_open_seconds: float = 60.0
    probe_seconds: float = 30.0
    """A probe that says nothing for so long (its caller left) makes room for another."""


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    opened_for_ns: int = 0
    """How long it is open; 0: it is closed."""
    open_until_ns: int = 0
    probed_until_ns: int = 0


class Breakers:
    """One breaker for each backend or service, by name."""

    def __init__(self, clock: Clock, settings: BreakerSettings | None = None) -> None:
        self.settings = settings or BreakerSettings()
        self._clock = clock
        self._breakers: dict[str, _Breaker] = {}

    def state(self, backend: str) -> State:
        """Whether a backend is asked."""
        breaker = self._breakers.get(backend)
        if breaker is None or not breaker.opened_for_ns:
            return "closed"
        return "open" if self._clock.monotonic_ns() < breaker.open_until_ns else "half_open"

    def may_ask(self, backend: str) -> bool:
        """Whether to ask a backend now; of a half-open one, that this request is its probe."""
        state = self.state(backend)
        if state == "half_open":
            return self._begin_probe(self._breakers[backend])
        return state == "closed"

    def _begin_probe(self, breaker: _Breaker) -> bool:
        now = self._clock.monotonic_ns()
        if now < breaker.probed_until_ns:
            return False
        breaker.probed_until_ns = now + int(self.settings.probe_seconds * _NS)
        return True

    def answered(self, backend: str) -> None:
        """The backend works."""
        self._breakers.pop(backend, None)

    def failed(self, backend: str, retry_after_ms: float | None = None) -> None:
        """The backend failed once more, and perhaps said how long to leave it alone."""
        breaker = self._breakers.setdefault(backend, _Breaker())
        breaker.failures += 1
        if self.state(backend) == "open":
            return  # a request from before it opened: only a probe says that it is to stay open
        breaker.probed_until_ns = 0
        if breaker.opened_for_ns or breaker.failures >= self.settings.failures:
            first = int(self.settings.open_seconds * _NS)
            longest = int(self.settings.longest_open_seconds * _NS)
            asked = int((retry_after_ms or 0.0) * NANOSECONDS_PER_MS)
            breaker.opened_for_ns = min(max(first, 2 * breaker.opened_for_ns), longest)
            rest = min(max(asked, breaker.opened_for_ns), longest)
            breaker.open_until_ns = self._clock.monotonic_ns() + rest

    def wait_ms(self, backend: str) -> float:
        """How long until a backend may be asked again."""
        breaker = self._breakers.get(backend)
        if breaker is None or not breaker.opened_for_ns:
            return 0.0
        until = max(breaker.open_until_ns, breaker.probed_until_ns)
        return max(0.0, (until - self._clock.monotonic_ns()) / 1e6)

    def failures(self, backend: str) -> int:
        """Failures of a backend since its last answer."""
        breaker = self._breakers.get(backend)
        return 0 if breaker is None else breaker.failures
