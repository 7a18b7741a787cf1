"""Values that wait for a successor, and are let go of when none comes in time."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway_hooks.clock import NANOSECONDS_PER_SECOND
from gateway_hooks.queue.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gateway_hooks.clock import Clock

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")

_MAX_HELD = 1024
_SWEEP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V
    deadline_ns: int


class Held(Generic[K, V]):
    """At most 1,024 values by key; the oldest is let go of when one more comes."""

    def __init__(self, clock: Clock, let_go: Callable[[V], None]) -> None:
        """Hold nothing yet.

        Args:
            clock: for the deadlines.
            let_go: called with each value that no successor took; must not raise.
        """
        self._clock = clock
        self._let_go = let_go
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[K, _Entry[V]] = {}
        self._sweeper: threading.Timer | None = None

    def after_fork_in_child(self) -> None:
        """What the parent holds, the parent lets go of."""
        self._begin()

    def hold(self, key: K, value: V, seconds: float) -> None:
        """Hold a value under a key that holds none, for so long at most."""
        deadline = self._clock.monotonic_ns() + int(seconds * NANOSECONDS_PER_SECOND)
        oldest = None
        with self._lock:
            if len(self._entries) >= _MAX_HELD:
                oldest = self._entries.pop(next(iter(self._entries)))
            self._entries[key] = _Entry(value, deadline)
            self._start_sweeper()
        if oldest is not None:
            self._let_go(oldest.value)

    def take(self, key: K) -> V | None:
        """Give the value back, if there is one; it is not held any more."""
        with self._lock:
            entry = self._entries.pop(key, None)
        return None if entry is None else entry.value

    def end_all(self) -> None:
        """Let go of everything."""
        self._end(lambda _: True)

    def end_overdue(self) -> None:
        """Let go of what has waited long enough."""
        now = self._clock.monotonic_ns()
        self._end(lambda entry: entry.deadline_ns <= now)

    def _end(self, over: Callable[[_Entry[V]], bool]) -> None:
        with self._lock:
            ended = {key: entry for key, entry in self._entries.items() if over(entry)}
            for key in ended:
                del self._entries[key]
        for entry in ended.values():
            self._let_go(entry.value)

    def _start_sweeper(self) -> None:
        """Look again in a second, as long as something is held; under the lock."""
        if self._sweeper is None:
            self._sweeper = threading.Timer(_SWEEP_SECONDS, self._sweep)
            self._sweeper.daemon = True
            # No thread can be started while the interpreter ends; `end_all` is called then.
            with contextlib.suppress(RuntimeError):
                self._sweeper.start()

    def _sweep(self) -> None:
        self.end_overdue()
        with self._lock:
            self._sweeper = None
            if self._entries:
                self._start_sweeper()
