"""A source in memory: for tests of the consumer, and the contract's second reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.lag import written_at
from ingest.types import Chunk, Lag, Partition, Position, SourceCounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.clock import Clock


class MemorySource:
    """Partitions as byte strings; a position is an offset into all that was ever appended."""

    def __init__(self, clock: Clock, name: str = "memory") -> None:
        self.name = name
        self.counts = SourceCounts()
        self._clock = clock
        self._logs: dict[Partition, bytearray] = {}
        self._thrown_away: dict[Partition, int] = {}
        self._turns: list[Partition] = []

    def append(self, partition: str, line: bytes) -> None:
        """Add one line, which ends with a newline."""
        self._logs.setdefault(Partition(partition), bytearray()).extend(line)

    def poll(
        self, positions: Mapping[Partition, Position], *, max_rows: int, max_bytes: int
    ) -> Chunk | None:
        """See `Source`."""
        for partition in self._in_turn():
            before = positions.get(partition)
            unread = self._unread(partition, before)
            lines = _first_lines(unread, max_rows, max_bytes)
            if lines:
                self._turns.remove(partition)
                self._turns.append(partition)
                start = Position(before or 0)
                after = Position(start + len(lines))
                return Chunk(partition, before, start, after, lines, lines.count(b"\n"))
        return None

    def at_end(self, positions: Mapping[Partition, Position]) -> bool:  # noqa: ARG002 - as the Protocol
        """See `Source`; `poll` has just looked."""
        return True

    def acknowledge(self, positions: Mapping[Partition, Position]) -> None:
        """See `Source`."""
        for partition, position in positions.items():
            gone = self._thrown_away.get(partition, 0)
            if partition in self._logs and position > gone:
                del self._logs[partition][: position - gone]
                self._thrown_away[partition] = position

    def lag(self, positions: Mapping[Partition, Position]) -> Lag:
        """See `Source`."""
        unread = [self._unread(partition, positions.get(partition)) for partition in self._logs]
        oldest = [at for text in unread if (at := written_at(text.partition(b"\n")[0])) is not None]
        now = self._clock.now()
        age = now - min(oldest, default=now)
        return Lag(sum(map(len, unread)), max(0.0, age.total_seconds()))

    def close(self) -> None:
        """See `Source`."""

    def _in_turn(self) -> list[Partition]:
        self._turns += [partition for partition in self._logs if partition not in self._turns]
        return list(self._turns)

    def _unread(self, partition: Partition, position: Position | None) -> bytes:
        gone = self._thrown_away.get(partition, 0)
        return bytes(self._logs[partition][max(0, (position or 0) - gone) :])


def _first_lines(text: bytes, max_rows: int, max_bytes: int) -> bytes:
    """The first lines within both bounds, or the first one alone when it is too long."""
    end = 0
    for _ in range(max_rows):
        newline = text.find(b"\n", end)
        if newline < 0 or (end and newline >= max_bytes):
            break
        end = newline + 1
    return text[:end]
