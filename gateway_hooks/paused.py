"""Exchanges whose client may try again, so that one call to the SDK is one event.

The openai SDK repeats a failed call by itself, in the same task or thread, and numbers the tries
in the header `x-stainless-retry-count`. Nothing tells when it gives up, so an exchange that failed
in a way the SDK repeats is held until one of these comes:

- the next try: same lane (task or thread), same method and address, the next number;
- the same lane's next call, or the time after which no try can come: the SDK has given up, and the
  event is recorded with the time and status it had;
- the meter's end.

A failure that was the SDK's last allowed try is never held.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_hooks.clock import NANOSECONDS_PER_SECOND
from gateway_hooks.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from gateway_hooks.clock import Clock
    from gateway_hooks.exchange import Exchange

_MAX_PAUSED = 1024
_SWEEP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Where the tries of one call follow each other: a task or thread using one transport."""

    owner: object
    transport: object

    @property
    def key(self) -> tuple[int, int]:
        """Valid while the lane is held, as holding it keeps both alive."""
        return id(self.owner), id(self.transport)


@dataclass(frozen=True, slots=True)
class _Paused:
    lane: Lane
    exchange: Exchange
    route: Hashable
    tried: int
    deadline_ns: int


class PausedExchanges:
    """Holds exchanges of one meter between two tries; at most 1,024, then the oldest ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._paused: dict[tuple[int, int], _Paused] = {}
        self._sweeper: threading.Timer | None = None

    def after_fork_in_child(self) -> None:
        """What the parent holds, the parent ends."""
        self._begin()

    def hold(
        self, lane: Lane, exchange: Exchange, *, route: Hashable, tried: int, wait_seconds: float
    ) -> None:
        """Hold an exchange until its next try; `tried` is the number of the try that failed."""
        exchange.pause()
        deadline = self._clock.monotonic_ns() + int(wait_seconds * NANOSECONDS_PER_SECOND)
        with self._lock:
            oldest = None
            if len(self._paused) >= _MAX_PAUSED:
                oldest = self._paused.pop(next(iter(self._paused)))
            self._paused[lane.key] = _Paused(lane, exchange, route, tried, deadline)
            self._start_sweeper()
        if oldest is not None:
            oldest.exchange.settle_in_background()

    def take(self, lane: Lane, *, route: Hashable, number: int) -> Exchange | None:
        """The exchange whose try `number` begins now; None when this is a call of its own."""
        with self._lock:
            held = self._paused.pop(lane.key, None)
        if held is None:
            return None
        if held.tried + 1 == number and held.route == route:
            held.exchange.resume()
            return held.exchange
        held.exchange.settle_in_background()
        return None

    def end_all(self) -> None:
        """Record everything that is held."""
        self._end(lambda _: True)

    def end_overdue(self) -> None:
        """Record what no try can come for any more."""
        now = self._clock.monotonic_ns()
        self._end(lambda held: held.deadline_ns <= now)

    def _end(self, over: Callable[[_Paused], bool]) -> None:
        with self._lock:
            ended = [held for held in self._paused.values() if over(held)]
            for held in ended:
                del self._paused[held.lane.key]
        for held in ended:
            held.exchange.settle_in_background()

    def _start_sweeper(self) -> None:
        """Look again in a second, as long as something is held; under the lock."""
        if self._sweeper is None:
            self._sweeper = threading.Timer(_SWEEP_SECONDS, self._sweep)
            self._sweeper.daemon = True
            self._sweeper.start()

    def _sweep(self) -> None:
        self.end_overdue()
        with self._lock:
            self._sweeper = None
            if self._paused:
                self._start_sweeper()
