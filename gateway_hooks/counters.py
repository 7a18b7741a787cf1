"""What the hooks count about themselves, so that a lost event is never a silent one."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway_hooks.queue.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class CountersSnapshot:
    """The counts at one moment, since this process started (or was forked)."""

    events: int
    """Events the log has taken."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    """Events that could not be kept, by reason (`queue_full`, `write_failed`, `hook_error`)."""

    errors: Mapping[str, int] = field(default_factory=dict)
    """Errors inside the hooks, by the step they happened in; most still led to an event."""

    rough_estimates: int = 0
    """Events whose tokens were guessed from their length, as the tokenizer was too busy."""

    @property
    def lost(self) -> int:
        """Events dropped for any reason."""
        return sum(self.dropped.values())


class Counters:
    """Counts from many threads; reading them changes nothing."""

    def __init__(self) -> None:
        self._reset()
        renew_after_fork(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._events = 0
        self._rough_estimates = 0
        self._dropped: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()

    def after_fork_in_child(self) -> None:
        """Start from zero: the parent's counts stay the parent's, so that sums over workers fit."""
        self._reset()

    def event(self) -> None:
        """The log has taken an event."""
        with self._lock:
            self._events += 1

    def dropped(self, reason: str) -> None:
        """An event is lost."""
        with self._lock:
            self._dropped[reason] += 1

    def error(self, where: str) -> None:
        """Something inside the hooks went wrong."""
        with self._lock:
            self._errors[where] += 1

    def rough_estimate(self) -> None:
        """An event's tokens were guessed."""
        with self._lock:
            self._rough_estimates += 1

    def snapshot(self) -> CountersSnapshot:
        """The counts of this moment, consistent with each other."""
        with self._lock:
            return CountersSnapshot(
                events=self._events,
                dropped=dict(self._dropped),
                errors=dict(self._errors),
                rough_estimates=self._rough_estimates,
            )
