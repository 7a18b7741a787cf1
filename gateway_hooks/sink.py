"""Where events go: the border between the hooks and the log."""

from __future__ import annotations

from typing import Protocol


class Sink(Protocol):
    """Takes finished events, one line of NDJSON each."""

    def append(self, line: bytes) -> None:
        """Make one event durable; `line` ends with a newline and holds no other.

        Called on the request path by many threads at once, so it may not wait for a network or
        for another process. When it returns, `kill -9` of this process does not lose the event.

        Raises:
            SinkFull: the log's budget is used up and its policy says to drop.
            SinkFailed: the log cannot take the event (disk error, closed).
        """

    def close(self) -> None:
        """Give the log its last bytes and let go of it. May be called twice."""


class MemorySink:
    """Keeps events in a list: for tests, and for gateways that want to look before they store."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def append(self, line: bytes) -> None:
        """Keep one event."""
        self.lines.append(line)

    def close(self) -> None:
        """Nothing to let go of."""
