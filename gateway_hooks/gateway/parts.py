"""What outlives a reload of the gateway's file: connections, counters, keys, what was learned.

One of these for each worker process. The policies are made anew from a new file and get these
parts, so that no counter begins at nothing and no breaker forgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.clock import SystemClock
from gateway_hooks.gateway.access import AccessState
from gateway_hooks.gateway.content_safety import SafetyService
from gateway_hooks.gateway.limits import Estimator, LocalCounters
from gateway_hooks.gateway.limits.quota_file import FILE_NAME, QuotaFile
from gateway_hooks.gateway.metrics import Metrics
from gateway_hooks.gateway.pool.memory import Memory

if TYPE_CHECKING:
    from pathlib import Path

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.config import GatewayConfig
    from gateway_hooks.gateway.limits import Counters, SharedCounters
    from gateway_hooks.meter import Meter


class Parts:
    """The long-lived parts of a gateway."""

    def __init__(self, meter: Meter, home: Path, *, clock: Clock | None = None) -> None:
        self.meter = meter
        self.home = home
        self.clock: Clock = clock or SystemClock()
        self.memory = Memory.begin(self.clock)
        self.access = AccessState(home, meter.fingerprints.key_id, clock=self.clock)
        self.estimator = Estimator(meter.background, meter.safety)
        self.safety_service = SafetyService(token=self.memory.credentials.token, clock=self.clock)
        self.metrics = Metrics()
        meter.when_event(self.metrics.count)
        self._local = LocalCounters(self.clock)
        self._quota_file = QuotaFile(home / FILE_NAME, self._local)
        self._shared: dict[SharedCounters, Counters] = {}

    def take(self, config: GatewayConfig) -> None:
        """Go by the times and bounds of a new file."""
        self.memory.upstream.timeouts = config.made_timeouts()
        self.memory.breakers.settings = config.made_breaker()

    def counters(self, shared: SharedCounters | None) -> Counters:
        """Who counts for limits; the same one for the same settings.

        Raises:
            SettingsError: the address of the shared counters is not there.
        """
        if shared is None:
            return self._local
        if shared not in self._shared:
            from gateway_hooks.gateway.limits.redis import RedisCounters

            self._shared[shared] = RedisCounters(shared, clock=self.clock, local=self._local)
        return self._shared[shared]

    async def start(self) -> None:
        """What needs the event loop."""
        await self._quota_file.start()

    async def close(self) -> None:
        """Let go of everything."""
        await self._quota_file.close()
        for counters in self._shared.values():
            await counters.aclose()
        await self.safety_service.close()
        await self.memory.credentials.close()
        await self.memory.upstream.close()
        self.access.close()
