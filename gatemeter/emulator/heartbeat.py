"""Idle timeouts both ways: a silent peer is cut off, a peer that waits for a sign gets one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_CHECKS_IN_A_TIMEOUT: Final = 4


class Heartbeat:
    """Watches one connection from its start to its end, in the event loop's thread.

    Args:
        allowed_seconds: of the peer's silence.
        on_silence: the peer said nothing for longer.
        say_something: the peer wants a sign and got none for a while.
    """

    def __init__(
        self,
        allowed_seconds: float,
        on_silence: Callable[[], None],
        say_something: Callable[[], None],
    ) -> None:
        self._allowed_seconds = allowed_seconds
        self._on_silence = on_silence
        self._say_something = say_something
        self._peer_allows_seconds: float | None = None
        self._loop = asyncio.get_running_loop()
        self._last_heard = self._last_said = self._loop.time()
        self._timer = self._loop.call_later(self._often(), self._check)

    def peer_allows(self, seconds: float) -> None:
        """What the peer said when it opened; 0 means that it needs no sign."""
        self._peer_allows_seconds = seconds or None
        self._again()

    def heard(self) -> None:
        """Something came in."""
        self._last_heard = self._loop.time()

    def said(self) -> None:
        """Something went out."""
        self._last_said = self._loop.time()

    def stop(self) -> None:
        """The connection has ended."""
        self._timer.cancel()

    def _check(self) -> None:
        now = self._loop.time()
        if now - self._last_heard > self._allowed_seconds:
            self._on_silence()
            return
        if self._peer_allows_seconds and now - self._last_said >= self._often():
            self._say_something()
        self._again()

    def _again(self) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(self._often(), self._check)

    def _often(self) -> float:
        shortest = min(self._allowed_seconds, self._peer_allows_seconds or self._allowed_seconds)
        return shortest / _CHECKS_IN_A_TIMEOUT
