"""Stopping in order: the first SIGTERM or SIGINT asks, the second one ends the process.

The handler only sets a flag. Nothing else is safe there, and nothing else is needed: the consumer
looks at the flag between steps, so a commit that has begun is finished.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Shutdown:
    """Whether the process was asked to stop."""

    def __init__(self) -> None:
        self.requested = False

    def request(self) -> None:
        """Ask the consumer to stop after what it is doing."""
        self.requested = True

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let signals ask, within the block. For the main thread only."""
        before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's signature
        self.request()
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
