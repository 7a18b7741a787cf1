"""What a queue directory holds that is not stored yet; for the consumer and for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_hooks.segments import split_position
from ingest.lag import written_at
from ingest.types import Lag, Partition, Position

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gateway_hooks.queue.segment_folder import SegmentFolder
    from gateway_hooks.segments import SegmentName

_FIRST_LINE_BYTES = 4096
_BEGINNING = Position(1 << 40)


def queue_lag(
    segments: SegmentFolder, positions: Mapping[Partition, Position], now: datetime
) -> Lag:
    """The bytes behind `positions` and the age of the oldest event there."""
    size_bytes, oldest = 0, now
    for writer, names in segments.names().items():
        number, offset = split_position(positions.get(Partition(writer), _BEGINNING))
        waiting = [name for name in names if name.number >= number]
        if not waiting:
            continue
        read_bytes = offset if waiting[0].number == number else 0
        size_bytes += max(0, sum(map(segments.size_of, waiting)) - read_bytes)
        oldest = min(oldest, _written_at(segments, waiting[0], read_bytes) or oldest)
    return Lag(size_bytes, (now - oldest).total_seconds())


def _written_at(segments: SegmentFolder, name: SegmentName, offset: int) -> datetime | None:
    """When the event at `offset` was written, if it can be seen."""
    with segments.opened(name.writer, name.number) as segment:
        line = segment.read(offset, _FIRST_LINE_BYTES) if segment else b""
    return written_at(line.partition(b"\n")[0])
