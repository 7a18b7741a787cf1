"""Who guesses keys: wrong ones counted by client address, so that guessing is told to wait.

Only wrong keys are ever refused by this: a valid one passes from any address, so that nobody can
lock others of the same network out. It keeps guessing from filling logs and reports; the keys
themselves are too long to be guessed. Bounded: of many addresses the oldest are forgotten.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway_hooks.clock import NANOSECONDS_PER_SECOND, SystemClock

if TYPE_CHECKING:
    from gateway_hooks.asgi_types import Scope
    from gateway_hooks.clock import Clock

_KEPT: Final = 10_000
_NETWORK_GROUPS: Final = 4
"""One who has an IPv6 address has the /64 that it is in."""


@dataclass(slots=True)
class _Count:
    until_ns: int
    failures: int = 0


class Failures:
    """Counts of one worker."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock: Clock = clock or SystemClock()
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def failed(self, scope: Scope, most: int, seconds: int) -> int:
        """Count one more; how many seconds its address has to wait, 0 if it need not yet.

        Args:
            scope: of the refused request.
            most: so many in the time are answered as they are.
            seconds: the time in which they count, and the wait after too many.
        """
        address = _network(scope)
        now = self._clock.monotonic_ns()
        count = self._counts.get(address)
        if count is None or now >= count.until_ns:
            count = self._counts[address] = _Count(now + seconds * NANOSECONDS_PER_SECOND)
            self._counts.move_to_end(address)
            if len(self._counts) > _KEPT:
                self._counts.popitem(last=False)
        count.failures += 1
        if count.failures <= most:
            return 0
        if count.failures == most + 1:
            count.until_ns = now + seconds * NANOSECONDS_PER_SECOND
        return max(1, math.ceil((count.until_ns - now) / NANOSECONDS_PER_SECOND))


def _network(scope: Scope) -> str:
    client = scope.get("client")
    address = str(client[0]) if client else ""
    if ":" not in address or address.startswith("::ffff:"):
        return address
    import ipaddress

    try:
        groups = ipaddress.IPv6Address(address.partition("%")[0]).exploded.split(":")
    except ValueError:
        return address
    return ":".join(groups[:_NETWORK_GROUPS])
