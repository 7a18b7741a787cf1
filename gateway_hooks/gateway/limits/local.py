"""Counters in this process: exact, without any other server, and gone when the process ends.

Quotas of days and months may be kept in a file; see `quota_file.py`.

Counters that nobody uses are forgotten after a minute, the quotas of a day or month when it is
over. Should there still be more than `most_counters` of a kind, the one that was made or used
longest ago is forgotten; `forgotten` counts those.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway_hooks.clock import NANOSECONDS_PER_MS, SystemClock
from gateway_hooks.gateway.limits.counting import (
    BUSY_RETRY_MS,
    Denial,
    Standing,
    Verdict,
    tightest,
)
from gateway_hooks.gateway.limits.periods import Period, period_at
from gateway_hooks.gateway.limits.quota_file import SavedQuotas
from gateway_hooks.gateway.limits.window import Window
from gateway_hooks.queue.forks import renew_after_fork

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway_hooks.clock import Clock
    from gateway_hooks.gateway.limits.counting import Demand, Quota

MOST_COUNTERS: Final = 1_000_000
_SWEPT_AT_ONCE: Final = 4


class _Counter:
    __slots__ = ("running", "window")

    def __init__(self) -> None:
        self.window = Window()
        self.running = 0


@dataclass(slots=True)
class _Quotas:
    """What all counters have used of one day or month."""

    period: Period
    used: OrderedDict[str, int] = field(default_factory=OrderedDict)


@dataclass(slots=True)
class _Held:
    """What a request holds of one counter."""

    demand: Demand
    counter: _Counter
    slice_number: int
    quotas: tuple[_Quotas, ...]


class LocalCounters:
    """Counts in memory; safe in many threads, begins anew after a fork."""

    def __init__(self, clock: Clock | None = None, *, most_counters: int = MOST_COUNTERS) -> None:
        self._clock = clock or SystemClock()
        self._most = most_counters
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._counters: OrderedDict[str, _Counter] = OrderedDict()
        self._quotas: dict[str, _Quotas] = {}
        self.forgotten = 0

    def after_fork_in_child(self) -> None:
        """The requests that are being served are the parent's."""
        self._begin()

    def __len__(self) -> int:
        return len(self._counters) + sum(len(quotas.used) for quotas in self._quotas.values())

    def quotas_used(self) -> list[SavedQuotas]:
        """What was used of the running days and months, to be kept."""
        with self._lock:
            return [
                SavedQuotas(label, held.period.starts_ms, held.period.ends_ms, dict(held.used))
                for label, held in self._quotas.items()
            ]

    def restore(self, saved: Sequence[SavedQuotas]) -> None:
        """Go on from what was kept; what has been used since is added."""
        with self._lock:
            for one in saved:
                period = Period(one.label, one.starts_ms, one.ends_ms)
                quotas = self._quotas.setdefault(one.label, _Quotas(period))
                for counter, used in one.used.items():
                    quotas.used[counter] = quotas.used.get(counter, 0) + used

    async def reserve(self, demands: Sequence[Demand], tokens: int) -> Verdict:
        """Take all or nothing."""
        return self.reserve_now(demands, tokens)

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    def reserve_now(self, demands: Sequence[Demand], tokens: int) -> Verdict:
        """The same without a loop; takes microseconds."""
        with self._lock:
            now_ms, wall_ms = self._now_ms(), self._clock.wall_ns() // NANOSECONDS_PER_MS
            self._sweep(now_ms, wall_ms)
            found = [self._look(demand, now_ms, wall_ms) for demand in demands]
            denials = [
                denial for one in found for denial in self._refusals(one, tokens, now_ms, wall_ms)
            ]
            if denials:
                standings = tuple(self._standing(one) for one in found)
                return Verdict(standings, denial=tightest(denials))
            for one in found:
                self._take(one, tokens, now_ms)
            standings = tuple(self._standing(one) for one in found)
            return Verdict(standings, reservation=_Reservation(self, found, tokens))

    def correct(self, held: Sequence[_Held], reserved: int, used: int) -> None:
        """Count what was used instead of what was reserved."""
        with self._lock:
            now_ms = self._now_ms()
            for one in held:
                if used < reserved:
                    one.counter.window.give_back(one.slice_number, reserved - used)
                elif used > reserved:
                    # The counter may have been forgotten while a long answer was on its way.
                    window = self._counter(one.demand.counter, one.counter).window
                    window.slide(now_ms)
                    window.add(now_ms, used - reserved, 0)
                for quotas in one.quotas:
                    total = quotas.used.get(one.demand.counter, 0) + used - reserved
                    quotas.used[one.demand.counter] = max(0, total)

    def release(self, held: Sequence[_Held]) -> None:
        """The requests ended."""
        with self._lock:
            for one in held:
                one.counter.running -= 1

    def _now_ms(self) -> int:
        return self._clock.monotonic_ns() // NANOSECONDS_PER_MS

    def _look(self, demand: Demand, now_ms: int, wall_ms: int) -> _Held:
        counter = self._counter(demand.counter)
        counter.window.slide(now_ms)
        quotas = tuple(self._quotas_of(quota, wall_ms) for quota in demand.figures.quotas)
        return _Held(demand, counter, 0, quotas)

    def _counter(self, name: str, known: _Counter | None = None) -> _Counter:
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = known or _Counter()
        self._counters.move_to_end(name)
        return counter

    def _quotas_of(self, quota: Quota, wall_ms: int) -> _Quotas:
        period = period_at(quota.kind, quota.time_zone, wall_ms)
        quotas = self._quotas.get(period.label)
        if quotas is None:
            quotas = self._quotas[period.label] = _Quotas(period)
        return quotas

    def _refusals(self, one: _Held, tokens: int, now_ms: int, wall_ms: int) -> Iterator[Denial]:
        figures, window = one.demand.figures, one.counter.window
        wanted = max(tokens, 1)
        if figures.tokens_per_minute is not None:
            wait = window.wait_for_tokens(now_ms, wanted, figures.tokens_per_minute)
            if wait != 0:
                yield Denial(figures, "tokens_per_minute", wait)
        if figures.requests_per_minute is not None:
            wait = window.wait_for_request(now_ms, figures.requests_per_minute)
            if wait != 0:
                yield Denial(figures, "requests_per_minute", wait)
        busy = figures.concurrent_requests
        if busy is not None and one.counter.running >= busy:
            yield Denial(figures, "concurrent_requests", BUSY_RETRY_MS)
        for held, quota in zip(one.quotas, figures.quotas, strict=True):
            if held.used.get(one.demand.counter, 0) + wanted > quota.tokens:
                ends_in = float(held.period.ends_ms - wall_ms)
                yield Denial(figures, quota.reason, None if wanted > quota.tokens else ends_in)

    def _take(self, one: _Held, tokens: int, now_ms: int) -> None:
        one.slice_number = one.counter.window.add(now_ms, tokens, 1)
        one.counter.running += 1
        for quotas in one.quotas:
            used = quotas.used.pop(one.demand.counter, 0)
            quotas.used[one.demand.counter] = used + tokens
            if len(quotas.used) > self._most:
                quotas.used.popitem(last=False)
                self.forgotten += 1

    def _standing(self, one: _Held) -> Standing:
        figures, window = one.demand.figures, one.counter.window
        left = [
            max(0, quota.tokens - held.used.get(one.demand.counter, 0))
            for held, quota in zip(one.quotas, figures.quotas, strict=True)
        ]
        return Standing(
            figures,
            tokens=_left(figures.tokens_per_minute, window.tokens),
            requests=_left(figures.requests_per_minute, window.requests),
            quota_tokens=min(left, default=None),
        )

    def _sweep(self, now_ms: int, wall_ms: int) -> None:
        """Look at the few that were used longest ago; every request cleans up more than it adds."""
        for _ in range(min(_SWEPT_AT_ONCE, len(self._counters))):
            name, counter = next(iter(self._counters.items()))
            counter.window.slide(now_ms)
            if counter.running == 0 and counter.window.is_empty:
                del self._counters[name]
            elif len(self._counters) > self._most:
                del self._counters[name]
                self.forgotten += 1
            elif counter.running > 0 and counter.window.is_empty:
                self._counters.move_to_end(name)  # a long answer shall not hide those behind it
            else:
                break
        for label in [one for one, held in self._quotas.items() if held.period.ends_ms <= wall_ms]:
            del self._quotas[label]


class _Reservation:
    __slots__ = ("_corrected", "_counters", "_held", "_released", "_tokens")

    def __init__(self, counters: LocalCounters, held: Sequence[_Held], tokens: int) -> None:
        self._counters = counters
        self._held = held
        self._tokens = tokens
        self._corrected = False
        self._released = False

    def finish(self, used_tokens: int) -> None:
        """Count what was really used."""
        if not self._corrected:
            self._corrected = True
            self._counters.correct(self._held, self._tokens, used_tokens)
        self.release()

    def release(self) -> None:
        """Free the places."""
        if not self._released:
            self._released = True
            self._counters.release(self._held)


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)
