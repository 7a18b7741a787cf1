"""Which segments a queue directory holds, in spite of writers that rename them meanwhile.

For those who read the queue: the consumer, and the forwarder to Event Hubs.
"""

from __future__ import annotations

import os
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_hooks.errors import QueueUnusable
from gateway_hooks.segments import SegmentName, Trailer

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRAILER_ROOM = 64
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class OpenedSegment:
    """A segment whose bytes stay readable under `descriptor`, whatever it is renamed to."""

    name: SegmentName
    descriptor: int
    size: int
    """Bytes at the time of opening. An open segment may have grown since."""
    trailer: Trailer | None
    """The last whole line, when it is a trailer. A sealed segment without one is damaged."""

    @property
    def content_end(self) -> int:
        """Where the lines end and the trailer begins."""
        return self.size - (len(self.trailer.line()) if self.trailer else 0)

    def read(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes at `offset`, never of the trailer."""
        return os.pread(self.descriptor, max(0, min(count, self.content_end - offset)), offset)

    def content_trailer(self) -> Trailer:
        """The trailer that fits the lines as they are now, to be held against the one there."""
        count, crc32, place = 0, 0, 0
        while block := self.read(place, _BLOCK_BYTES):
            count += block.count(b"\n")
            crc32 = zlib.crc32(block, crc32)
            place += len(block)
        return Trailer(count, crc32)


class SegmentFolder:
    """A queue directory as its reader sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> dict[str, list[SegmentName]]:
        """The segments of each writer in order; files that are no segments are not mentioned.

        A segment that is renamed during the listing may be missing from it or be in it twice; the
        next listing has it once.
        """
        found: dict[str, dict[int, SegmentName]] = {}
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    name = SegmentName.parse(Path(entry.name))
                    if name is not None and entry.is_file(follow_symlinks=False):
                        found.setdefault(name.writer, {})[name.number] = name
        except OSError as error:
            raise unusable(self.path, error) from None
        return {
            writer: [by_number[number] for number in sorted(by_number)]
            for writer, by_number in sorted(found.items())
        }

    def next_after_gap(self, writer: str, number: int) -> int | None:
        """The segment that comes after a missing one; None when it is there, or nothing came after.

        The listing is a new one: a segment that was renamed during the last is in this.
        """
        present = [name.number for name in self.names().get(writer, [])]
        if number in present:
            return None
        return next((other for other in present if other > number), None)

    @contextmanager
    def opened(self, writer: str, number: int) -> Iterator[OpenedSegment | None]:
        """Open a segment by its place in the row; None when there is none.

        Sealing renames from open to sealed and never back, so asking for the open name first and
        the sealed one second finds a segment that is renamed in between.
        """
        for is_open in (True, False):
            name = SegmentName(writer, number, is_open=is_open)
            path = self.path / name.filename
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise unusable(path, error) from None
            try:
                size = os.fstat(descriptor).st_size
                yield OpenedSegment(name, descriptor, size, last_trailer(descriptor, size))
            except OSError as error:
                raise unusable(path, error) from None
            finally:
                os.close(descriptor)
            return
        yield None

    def delete(self, name: SegmentName) -> bool:
        """Delete a segment; False when it was gone already."""
        path = self.path / name.filename
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise unusable(path, error) from None
        return True

    def size_of(self, name: SegmentName) -> int:
        """Bytes of a segment under either name; 0 when it is gone."""
        for candidate in (name, name.sealed()):
            with suppress(FileNotFoundError):
                return (self.path / candidate.filename).stat().st_size
        return 0


def last_trailer(descriptor: int, size: int) -> Trailer | None:
    """The trailer of a file of `size` bytes, if its last line is one."""
    tail = os.pread(descriptor, _TRAILER_ROOM, max(0, size - _TRAILER_ROOM))
    if not tail.endswith(b"\n"):
        return None
    start = tail.rfind(b"\n", 0, len(tail) - 1) + 1
    return Trailer.parse(tail[start:])


def unusable(path: Path, error: OSError) -> QueueUnusable:
    """What to say and do when the system refuses a file of the queue."""
    remedy = (
        "run this as the user that owns the queue"
        if isinstance(error, PermissionError)
        else "check the disk and the folder, then start this again"
    )
    return QueueUnusable(f"cannot use {path} ({error.strerror or error}): {remedy}")
