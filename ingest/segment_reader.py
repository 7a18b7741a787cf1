"""Reads whole lines out of one segment, within bounds, and checks a sealed one by its trailer.

A line longer than MAX_LINE_BYTES is no event (the largest real one is a few kilobytes); it is
passed over block by block, so that no file makes the consumer hold more than one read in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.redact import describe_bytes
from ingest.types import Fault

if TYPE_CHECKING:
    from gateway_hooks.queue.segment_folder import OpenedSegment

MAX_LINE_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """What one look at a segment gave: lines from `start` to `end`, and what was wrong there."""

    start: int
    end: int
    lines: bytes = b""
    rows: int = 0
    faults: tuple[Fault, ...] = ()
    finished: bool = False
    """The segment is sealed and nothing of it is left after `end`."""

    @property
    def is_empty(self) -> bool:
        """Nothing new: an open segment whose writer has not added a whole line."""
        return self.end == self.start and not self.finished


def read_piece(segment: OpenedSegment, offset: int, max_rows: int, max_bytes: int) -> Piece:
    """Read from `offset` on. At least one line, also when that is longer than `max_bytes`."""
    buffer = _up_to_long_line(segment.read(offset, max(max_bytes, 1)))
    lines, rows = _first_rows(buffer, max_rows)
    if not lines:
        return _close(segment, _read_one(segment, offset))
    return _close(segment, Piece(offset, offset + len(lines), lines, rows))


def _read_one(segment: OpenedSegment, offset: int) -> Piece:
    """The line at `offset` alone, when it did not fit the first look."""
    buffer = segment.read(offset, MAX_LINE_BYTES)
    newline = buffer.find(b"\n")
    if newline >= 0:
        return Piece(offset, offset + newline + 1, buffer[: newline + 1], rows=1)
    if offset + len(buffer) >= segment.content_end:
        return Piece(offset, offset)
    return _pass_over(segment, offset, buffer)


def _pass_over(segment: OpenedSegment, offset: int, beginning: bytes) -> Piece:
    """Skip a line that is too long, as soon as its end is there."""
    place = offset + len(beginning)
    while block := segment.read(place, _BLOCK_BYTES):
        newline = block.find(b"\n")
        place += len(block) if newline < 0 else newline + 1
        if newline >= 0:
            fault = Fault(
                "bad_line",
                segment.name.position(offset),
                f"line of {place - offset} bytes is longer than {MAX_LINE_BYTES} bytes",
                describe_bytes(beginning, place - offset - 1),
            )
            return Piece(offset, place, faults=(fault,))
    return Piece(offset, offset)


def _close(segment: OpenedSegment, piece: Piece) -> Piece:
    """Finish a sealed segment when the piece reached its end, and check it as a whole."""
    if segment.name.is_open or (piece.end < segment.content_end and piece.end > piece.start):
        return piece
    faults = [*piece.faults]
    end = max(piece.end, segment.content_end)
    if piece.end < segment.content_end:
        rest = segment.read(piece.end, MAX_LINE_BYTES)
        reason = f"sealed segment ends inside a line of {end - piece.end} bytes"
        line = describe_bytes(rest, end - piece.end)
        faults.append(Fault("bad_line", segment.name.position(piece.end), reason, line))
    damage = _damage(segment)
    if damage is not None:
        place = segment.name.position(segment.content_end)
        faults.append(Fault("damaged_segment", place, damage))
    return Piece(piece.start, end, piece.lines, piece.rows, tuple(faults), finished=True)


def _damage(segment: OpenedSegment) -> str | None:
    """What is wrong with a sealed segment as a whole, in words for the dead letter."""
    name, trailer = segment.name.filename, segment.trailer
    if trailer is None:
        return f"damaged segment {name}: it has no trailer, so its lines could not be checked"
    found = segment.content_trailer()
    if found == trailer:
        return None
    return (
        f"damaged segment {name}: sealed with {trailer.count} lines, crc32 {trailer.crc32:08x}; "
        f"read {found.count} lines, crc32 {found.crc32:08x}; some of its lines may be wrong"
    )


def _up_to_long_line(buffer: bytes) -> bytes:
    """Whole lines before the first that is too long.

    Such a line covers at least one whole window of half the bound, so looking for a newline in each
    window finds it without looking at every line.
    """
    window = MAX_LINE_BYTES // 2
    end = buffer.rfind(b"\n") + 1
    place = 0
    while place + window <= end:
        if buffer.find(b"\n", place, place + window) < 0:
            start = buffer.rfind(b"\n", 0, place) + 1
            newline = buffer.find(b"\n", place)
            if newline + 1 - start > MAX_LINE_BYTES:
                return buffer[:start]
        place += window
    return buffer[:end]


def _first_rows(lines: bytes, max_rows: int) -> tuple[bytes, int]:
    """The first `max_rows` lines and how many they are."""
    rows = lines.count(b"\n")
    if rows <= max_rows:
        return lines, rows
    end = 0
    for _ in range(max_rows):
        end = lines.index(b"\n", end) + 1
    return lines[:end], max_rows
