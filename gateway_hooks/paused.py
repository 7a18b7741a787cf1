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

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_hooks.held import Held

if TYPE_CHECKING:
    from collections.abc import Hashable

    from gateway_hooks.clock import Clock
    from gateway_hooks.exchange import Exchange


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


class PausedExchanges:
    """The exchanges of one meter that stand between two tries."""

    def __init__(self, clock: Clock) -> None:
        self._held: Held[tuple[int, int], _Paused] = Held(clock, _give_up)

    def hold(
        self, lane: Lane, exchange: Exchange, *, route: Hashable, tried: int, wait_seconds: float
    ) -> None:
        """Hold an exchange until its next try; `tried` is the number of the try that failed."""
        exchange.pause()
        self._held.hold(lane.key, _Paused(lane, exchange, route, tried), wait_seconds)

    def take(self, lane: Lane, *, route: Hashable, number: int) -> Exchange | None:
        """The exchange whose try `number` begins now; None when this is a call of its own."""
        paused = self._held.take(lane.key)
        if paused is None:
            return None
        if paused.tried + 1 == number and paused.route == route:
            paused.exchange.resume()
            return paused.exchange
        _give_up(paused)
        return None

    def end_all(self) -> None:
        """Record everything that is held."""
        self._held.end_all()

    def end_overdue(self) -> None:
        """Record what no try can come for any more."""
        self._held.end_overdue()


def _give_up(paused: _Paused) -> None:
    paused.exchange.settle_in_background()
