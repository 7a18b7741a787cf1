"""Leaves a server alone that does not answer, and finds out by itself when it does again.

While it is open no request waits for the server: a task of its own asks it, first soon,
then every two seconds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FAILURES: Final = 3
"""So many calls in a row must fail; each of them has cost its request the time-out."""
_FIRST_PROBE_SECONDS: Final = 0.1
_LONGEST_PROBE_SECONDS: Final = 2.0


class ProbingBreaker:
    """Belongs to one event loop."""

    def __init__(self, answers: Callable[[], Awaitable[bool]]) -> None:
        """Begin closed.

        Args:
            answers: asks the server; bounded in time, never raises.
        """
        self._answers = answers
        self._failures = 0
        self._closed = asyncio.Event()
        self._closed.set()
        self._probe: asyncio.Task[None] | None = None
        self.opened = 0
        """How often it has opened."""

    @property
    def is_open(self) -> bool:
        """Whether the server is to be left alone."""
        return not self._closed.is_set()

    async def until_closed(self) -> None:
        """Return when the server may be called."""
        await self._closed.wait()

    def succeeded(self) -> None:
        """A call was answered."""
        self._failures = 0

    def failed(self) -> None:
        """A call was not answered, or not in time."""
        self._failures += 1
        if self._failures >= FAILURES and not self.is_open:
            self.opened += 1
            self._closed.clear()
            self._probe = asyncio.get_running_loop().create_task(self._ask_until_it_answers())

    def stop(self) -> None:
        """Ask no more."""
        if self._probe is not None:
            self._probe.cancel()

    async def _ask_until_it_answers(self) -> None:
        wait = _FIRST_PROBE_SECONDS
        while True:
            await asyncio.sleep(wait)
            if await self._answers():
                self._failures = 0
                self._closed.set()
                return
            wait = min(2 * wait, _LONGEST_PROBE_SECONDS)
