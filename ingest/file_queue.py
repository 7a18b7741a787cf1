"""The file queue as a source: many writers' segments, read in turns, deleted once committed.

The format and its invariants stand in `gateway_hooks.segments`. This module promises on top:

- Lines come in each writer's order; writers take turns, one piece each.
- Nothing after the last newline of an open segment is read, and no trailer is handed out.
- A sealed segment is checked against its trailer when its last line has been read. Damage is
  counted, logged and reported as a fault; its lines have gone the usual way.
- A segment that is missing from a row is counted, logged and reported as a fault; reading goes on.
- A segment is deleted only when a committed position lies behind it, and only after the system was
  asked to bring that commit to the disk: a power cut may take back a commit, and then the segment
  is still needed.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from typing import TYPE_CHECKING

from gateway_hooks.queue.orphans import seal_orphan
from gateway_hooks.queue.reader_lock import ReaderLock
from gateway_hooks.queue.segment_folder import SegmentFolder, unusable
from gateway_hooks.segments import SegmentName, split_position
from ingest.queue_lag import queue_lag
from ingest.segment_reader import read_piece
from ingest.types import Chunk, Fault, Partition, Position, SourceCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ingest.clock import Clock
    from ingest.types import Lag

FILE_QUEUE = "file_queue"
PIECE_BYTES = 4 << 20
"""What one writer may hand over before the next has its turn."""
LISTING_SECONDS = 1.0
"""How long a new writer may have to wait for its first turn while others have a backlog."""
ORPHAN_CHECK_SECONDS = 1.0

logger = logging.getLogger(__name__)


class FileQueueSource:
    """Reads the queue directory `folder`, which it has to itself until `close`."""

    name = FILE_QUEUE

    def __init__(
        self, folder: Path, clock: Clock, *, make_durable: Callable[[], None] = os.sync
    ) -> None:
        """Take the queue.

        Raises:
            QueueLocked: another consumer has it.
            QueueUnusable: the directory cannot be used.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unusable(folder, error) from None
        self.folder = folder
        self.counts = SourceCounts()
        self._lock = ReaderLock(folder)
        self._segments = SegmentFolder(folder)
        self._clock = clock
        self._make_durable = make_durable
        self._turns: deque[Partition] = deque()
        self._listed_at = float("-inf")
        self._orphans_checked_at = float("-inf")

    def poll(
        self, positions: Mapping[Partition, Position], *, max_rows: int, max_bytes: int
    ) -> Chunk | None:
        """See `Source`."""
        if self._clock.monotonic() >= self._listed_at + LISTING_SECONDS:
            self._list_writers()
        chunk = self._next_in_turn(positions, max_rows, max_bytes)
        if chunk is None:
            self._list_writers()
            chunk = self._next_in_turn(positions, max_rows, max_bytes)
        return chunk

    def at_end(self, positions: Mapping[Partition, Position]) -> bool:  # noqa: ARG002 - as the Protocol
        """See `Source`; `poll` has just looked."""
        return True

    def acknowledge(self, positions: Mapping[Partition, Position]) -> None:
        """See `Source`."""
        done = [
            name
            for writer, names in self._segments.names().items()
            for name in names
            if not name.is_open
            and name.number < split_position(positions.get(Partition(writer), Position(0)))[0]
        ]
        if not done:
            return
        self._make_durable()
        self.counts.segments_deleted += sum(map(self._segments.delete, done))

    def lag(self, positions: Mapping[Partition, Position]) -> Lag:
        """See `Source`."""
        return queue_lag(self._segments, positions, self._clock.now())

    def close(self) -> None:
        """See `Source`."""
        self._lock.release()

    def _list_writers(self) -> None:
        """Let writers that are new, or had nothing when it was their turn, take turns (again)."""
        self._listed_at = self._clock.monotonic()
        self._seal_orphans()
        taking_turns = set(self._turns)
        writers = map(Partition, self._segments.names())
        self._turns.extend(writer for writer in writers if writer not in taking_turns)

    def _next_in_turn(
        self, positions: Mapping[Partition, Position], max_rows: int, max_bytes: int
    ) -> Chunk | None:
        """The next lines of the first writer in turn that has any; it is the last one then."""
        while self._turns:
            partition = self._turns.popleft()
            chunk = self._next_chunk(
                partition, positions.get(partition), max_rows, min(max_bytes, PIECE_BYTES)
            )
            if chunk is not None:
                self._turns.append(partition)
                return chunk
        return None

    def _next_chunk(
        self, partition: Partition, before: Position | None, max_rows: int, max_bytes: int
    ) -> Chunk | None:
        """The writer's next lines, or its next step over a gap."""
        number, offset = split_position(before) if before is not None else (1, 0)
        with self._segments.opened(partition, number) as segment:
            if segment is None:
                return self._step_over_gap(partition, before, number, offset)
            piece = read_piece(segment, offset, max_rows, max_bytes)
        if piece.is_empty:
            return None
        return Chunk(
            partition,
            before,
            start=_place(number, piece.start),
            after=_place(number + 1, 0) if piece.finished else _place(number, piece.end),
            lines=piece.lines,
            rows=piece.rows,
            faults=piece.faults,
        )

    def _step_over_gap(
        self, partition: Partition, before: Position | None, number: int, offset: int
    ) -> Chunk | None:
        """Go on behind segments that are gone; None when nothing came after them yet."""
        following = self._segments.next_after_gap(partition, number)
        if following is None:
            return None
        start, after = _place(number, offset), _place(following, 0)
        count = following - number
        which = f"{number}" if count == 1 else f"{number} to {following - 1}"
        part = f" from byte {offset} on" if offset else ""
        reason = f"missing: segment {which} of {partition}{part}; what it held is not stored"
        fault = Fault("missing_segment", start, reason, count=count)
        return Chunk(partition, before, start, after, lines=b"", rows=0, faults=(fault,))

    def _seal_orphans(self) -> None:
        """Seal what dead writers left open; looked for at most once a second."""
        now = self._clock.monotonic()
        if now < self._orphans_checked_at + ORPHAN_CHECK_SECONDS:
            return
        self._orphans_checked_at = now
        for names in self._segments.names().values():
            for name in names:
                sealed = seal_orphan(self.folder, name) if name.is_open else None
                if sealed is not None:
                    self.counts.orphans_sealed += 1
                    logger.info(
                        "sealed a dead writer's segment",
                        extra={
                            "segment": sealed.name.filename,
                            "rows": sealed.rows,
                            "cut_bytes": sealed.cut_bytes,
                        },
                    )


def _place(number: int, offset: int) -> Position:
    """The position of a byte in a segment of any writer."""
    return SegmentName("", number, is_open=False).position(offset)
