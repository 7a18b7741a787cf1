"""Chunks of many partitions on their way into one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analytics.types import Advance, Batch, DeadLetter
from ingest.decode import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.types import Chunk, Fault, Partition, Position


class PendingBatch:
    """What was read and is not committed yet."""

    def __init__(self, source: str) -> None:
        self.rows = 0
        self.size_bytes = 0
        self.faults: list[tuple[Partition, Fault]] = []
        self.good: list[tuple[Partition, Position, bytes]] = []
        """After `decoded`: the lines that are events, and where they stood."""
        self._source = source
        self._chunks: list[Chunk] = []
        self._steps: dict[Partition, tuple[Position | None, Position]] = {}

    def __bool__(self) -> bool:
        return bool(self._chunks)

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk; chunks of one partition follow each other."""
        before, _ = self._steps.get(chunk.partition, (chunk.before, chunk.after))
        self._steps[chunk.partition] = (before, chunk.after)
        self._chunks.append(chunk)
        self.faults += ((chunk.partition, fault) for fault in chunk.faults)
        self.rows += chunk.rows
        self.size_bytes += len(chunk.lines)

    @property
    def reached(self) -> dict[Partition, Position]:
        """Where each partition of the batch goes on."""
        return {partition: after for partition, (_, after) in self._steps.items()}

    def as_read(self) -> Batch:
        """The batch for the fast path: every line as it was read."""
        return self._batch(chunk.lines for chunk in self._chunks)

    def decoded(self) -> Batch:
        """The batch after the slow path: bad lines have become dead letters. Call it once."""
        for chunk in self._chunks:
            decoded = decode(chunk)
            self.good += ((chunk.partition, *line) for line in decoded.good)
            self.faults += ((chunk.partition, fault) for fault in decoded.faults)
        self.rows = len(self.good)
        return self._batch((line for _, _, line in self.good), validated=True)

    def _batch(self, lines: Iterable[bytes], *, validated: bool = False) -> Batch:
        return Batch(
            b"".join(lines),
            tuple(
                Advance(self._source, partition, before, after)
                for partition, (before, after) in self._steps.items()
            ),
            tuple(
                DeadLetter(self._source, partition, fault.position, fault.reason, fault.line)
                for partition, fault in self.faults
            ),
            tuple(part for chunk in self._chunks for part in chunk.parts),
            validated=validated,
        )
