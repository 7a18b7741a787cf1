"""The file queue's format: what writers put on disk and what the consumer may rely on.

Layout of a queue directory:

    <writer>-<number>.ndjson.open      the one segment a living writer appends to
    <writer>-<number>.ndjson           sealed: complete, never changed again
    consumer.lock                      held by the one consumer of the queue

Invariants:

1. A writer name is unique to one writer in one process; numbers count up from 1 without gaps.
   A writer never reopens a file: after a restart it has a new name.
2. An event is one line of JSON without inner newlines, ended by a newline and appended with a
   single `write()` to a file opened with O_APPEND. What the kernel has taken survives `kill -9`.
3. Only the last line of an open segment can be torn. A torn tail is no event and no error; it was
   never acknowledged. Readers use what stands before the last newline.
4. Sealing appends one trailer line, `#sealed count=<lines> crc32=<hex8>`, over all bytes before it,
   then renames the file without `.open`. A trailer can therefore tell bit rot from truth. Events
   are JSON objects, so a line that starts with `#` is never one. While a writer seals a segment
   it may append to its next one already, so a reader goes on only when the first is sealed.
5. A writer holds an exclusive `flock` on its open segment. An `.open` file whose lock can be taken
   belongs to a dead writer: the consumer cuts it at its last newline, seals it and goes on.
6. Segments are deleted only by the consumer, only sealed ones, and only after the transaction that
   holds their last event has been committed.

A position is `number << 40 | byte offset` within the partition `<writer>`; it only grows.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NewType

if TYPE_CHECKING:
    from pathlib import Path

OPEN_SUFFIX: Final = ".ndjson.open"
SEALED_SUFFIX: Final = ".ndjson"
LOCK_NAME: Final = "consumer.lock"
MAX_SEGMENT_BYTES: Final = 1 << 40
_NAME = re.compile(r"^(?P<writer>[A-Za-z0-9_.-]+)-(?P<number>\d{8})\.ndjson(?P<open>\.open)?$")
_TRAILER = re.compile(rb"^#sealed count=(\d+) crc32=([0-9a-f]{8})\n$")

Position = NewType("Position", int)


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """The name of a segment file: whose it is and which in that writer's row."""

    writer: str
    number: int
    is_open: bool

    @classmethod
    def parse(cls, path: Path) -> SegmentName | None:
        """Read a file's name; None when the file is no segment."""
        match = _NAME.match(path.name)
        if match is None:
            return None
        return cls(match["writer"], int(match["number"]), match["open"] is not None)

    @property
    def filename(self) -> str:
        """The file's name inside the queue directory."""
        suffix = OPEN_SUFFIX if self.is_open else SEALED_SUFFIX
        return f"{self.writer}-{self.number:08d}{suffix}"

    def sealed(self) -> SegmentName:
        """The same segment's name once it is sealed."""
        return SegmentName(self.writer, self.number, is_open=False)

    def position(self, offset: int) -> Position:
        """The position in the partition of the byte at `offset`."""
        return Position(self.number << 40 | offset)


@dataclass(frozen=True, slots=True)
class Trailer:
    """What a sealed segment says of itself."""

    count: int
    crc32: int

    def line(self) -> bytes:
        """The trailer as the last line of a segment."""
        return b"#sealed count=%d crc32=%08x\n" % (self.count, self.crc32)

    @classmethod
    def parse(cls, line: bytes) -> Trailer | None:
        """Read a trailer; None when the line is none."""
        match = _TRAILER.match(line)
        return cls(int(match[1]), int(match[2], 16)) if match else None

    @classmethod
    def of(cls, content: bytes) -> Trailer:
        """The trailer that fits `content`, whole lines of events."""
        return cls(content.count(b"\n"), zlib.crc32(content))


def split_position(position: Position) -> tuple[int, int]:
    """Segment number and byte offset of a position."""
    return position >> 40, position & (MAX_SEGMENT_BYTES - 1)
