"""Event ids: UUIDv7, made by the gateway at the request's start.

Never the provider's response id: providers repeat and omit those, so as a key they lose rows. Ids
of one process grow strictly, which keeps the store's files in time order and its de-duplication
cheap. Layout by RFC 9562, section 6.2, method 3: 48 bits of milliseconds, 12 bits of the
millisecond's fraction, 62 random bits from the system (a seeded or forked `random` would repeat).
"""

from __future__ import annotations

import os
import threading
import time

from gateway_hooks.clock import NANOSECONDS_PER_MS
from gateway_hooks.queue.forks import renew_after_fork

_TAILS_AT_ONCE = 256
_TAIL_BYTES = 8
_VARIANT_DIGITS = "89ab"


class EventIds:
    """Makes ids; safe in many threads and after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ticks = 0
        self._tails: list[str] = []
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Forget the parent's random tails and its lock, which a thread of it may have held."""
        self._lock = threading.Lock()
        self._tails = []

    def new(self, wall_ns: int | None = None) -> str:
        """An id that sorts by time, later than every one before it even when the clock steps back.

        Args:
            wall_ns: the request's start, nanoseconds since the epoch; now when not given.
        """
        ticks = ((time.time_ns() if wall_ns is None else wall_ns) << 12) // NANOSECONDS_PER_MS
        with self._lock:
            if ticks <= self._last_ticks:
                ticks = self._last_ticks + 1
            self._last_ticks = ticks
            if not self._tails:
                self._tails = _random_tails()
            tail = self._tails.pop()
        ms = f"{ticks >> 12:012x}"
        return f"{ms[:8]}-{ms[8:]}-7{ticks & 0xFFF:03x}{tail}"


def _random_tails() -> list[str]:
    """The variant and the random bits of the next ids as text; one system call for all of them."""
    digits = os.urandom(_TAIL_BYTES * _TAILS_AT_ONCE).hex()
    tails = []
    for start in range(0, len(digits), 2 * _TAIL_BYTES):
        variant = _VARIANT_DIGITS[int(digits[start], 16) & 0b11]
        end = start + 2 * _TAIL_BYTES
        tails.append(f"-{variant}{digits[start + 1 : start + 4]}-{digits[start + 4 : end]}")
    return tails


_ids = EventIds()
new_event_id = _ids.new
