"""The nouns of ingest: what a source hands out and what it is told.

A source is a set of partitions; a partition is an append-only row of lines in which every place has
a position that only grows. A chunk is a run of whole lines between two positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NewType

from gateway_hooks.segments import Position

if TYPE_CHECKING:
    from analytics.types import FeedPart

__all__ = ["Chunk", "Fault", "FaultKind", "Lag", "Partition", "Position", "SourceCounts"]

Partition = NewType("Partition", str)
"""An ordered part of a source: a writer of the file queue, or a partition of a hub."""


FaultKind = Literal["bad_line", "damaged_segment", "missing_segment", "missing_messages"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with the log; it becomes a dead letter with the chunk's commit."""

    kind: FaultKind
    position: Position
    reason: str
    line: str = ""
    """The redacted line, or nothing when the fault is of whole segments."""
    count: int = 1
    """How many lines, segments or messages are concerned."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of one partition, in order, and the step in the ledger that they are worth.

    `before` is the position the source was asked to go on from (None: the partition is new),
    `start` that of the first byte of `lines`, `after` where the next chunk begins. A chunk may hold
    no lines: it then only moves the position, past a segment's end or past a gap.
    """

    partition: Partition
    before: Position | None
    start: Position
    after: Position
    lines: bytes
    rows: int
    faults: tuple[Fault, ...] = ()
    parts: tuple[FeedPart, ...] = ()
    """Halves of requests, from feeds that tell of one request in two records."""
    by_row: bool = False
    """Whether positions inside the chunk count lines; otherwise they count bytes."""

    def position_of(self, offset: int) -> Position:
        """The position of the line that begins at `offset` of `lines`."""
        return Position(
            self.start + (self.lines.count(b"\n", 0, offset) if self.by_row else offset)
        )


@dataclass(frozen=True, slots=True)
class Lag:
    """What a source holds that is not committed yet; `seconds` is the age of its oldest event."""

    size_bytes: int
    seconds: float


@dataclass(slots=True)
class SourceCounts:
    """What a source did besides handing out lines, since it was opened."""

    segments_deleted: int = 0
    orphans_sealed: int = 0
    hub_reconnects: int = 0
