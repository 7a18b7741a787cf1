"""Time as an argument: logic takes a `Clock`, and tests advance a fake one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

NANOSECONDS_PER_SECOND = 1_000_000_000
NANOSECONDS_PER_MS = 1_000_000


class Clock(Protocol):
    """Where the hooks read the time. Neither method blocks or raises."""

    def wall_ns(self) -> int:
        """UTC since the epoch; may jump when the system's clock is set."""

    def monotonic_ns(self) -> int:
        """For durations; never goes back."""


class SystemClock:
    """The clock of this machine."""

    wall_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.perf_counter_ns)


class Timestamps:
    """Formats wall time as the event's `started_at`; keeps the text of the running second."""

    def __init__(self) -> None:
        self._second: tuple[int, str] = (-1, "")

    def text(self, wall_ns: int) -> str:
        """UTC with microseconds, as `2026-11-21T09:00:00.000000Z`."""
        seconds, nanoseconds = divmod(wall_ns, NANOSECONDS_PER_SECOND)
        known, prefix = self._second
        if known != seconds:
            prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
            # One assignment of a pair: another thread sees the old second or the new, never a mix.
            self._second = (seconds, prefix)
        return f"{prefix}.{nanoseconds // 1000:06d}Z"


def milliseconds(nanoseconds: int) -> float:
    """A duration as events carry it: milliseconds to the microsecond, never negative."""
    return nanoseconds // 1000 / 1000 if nanoseconds > 0 else 0.0


def utc_now(clock: Clock) -> datetime:
    """The wall time as an aware value."""
    return datetime.fromtimestamp(clock.wall_ns() / NANOSECONDS_PER_SECOND, UTC)
