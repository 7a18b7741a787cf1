"""Time as ingest sees it, so that tests need not wait for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def monotonic(self) -> float:
        """Seconds that never go back; for ages and deadlines."""

    def now(self) -> datetime:
        """The time as the system believes it, in UTC; for comparison with an event's own time."""

    def sleep(self, seconds: float) -> None:
        """Wait. The consumer waits in short pieces, so that it stays stoppable."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    def now(self) -> datetime:
        """See `Clock`."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        time.sleep(seconds)
