"""A partition on disk: segment files of records, so that an emulator survives its restart.

Layout of a partition's folder:

    <first sequence number, 20 digits>.log

Invariants:

1. A record is `kind, payload length, CRC-32, sequence number, offset, enqueued ms` and a payload.
   The CRC is over all that stands after it.
2. A send is acknowledged after its records were handed to the kernel with one `write()`: they
   survive a kill of the process, not a loss of power.
3. Only the end of the last segment can be torn. It was never acknowledged, and opening cuts it off.
4. A trim is itself a record: it names the first sequence number that is still there and the offset
   of the next message. Segments that hold nothing newer are deleted, never the last one.
5. A write that fails half-way is taken back before anything else is written.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gatemeter.emulator.errors import EmulatorError
from gatemeter.emulator.stored_message import StoredMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO
    from pathlib import Path

SEGMENT_BYTES: Final = 16 * 1024 * 1024
_MESSAGE: Final = 1
_TRIM: Final = 2
_HEAD = struct.Struct(">BII")
_PLACE = struct.Struct(">qqq")
_LENGTHS = struct.Struct(">II")


@dataclass(slots=True)
class Recovered:
    """What a folder held."""

    messages: list[StoredMessage] = field(default_factory=list)
    next_sequence: int = 0
    next_offset: int = 0

    def take(self, kind: int, place: tuple[int, int, int], payload: bytes) -> None:
        """Apply one record."""
        sequence, offset, enqueued_ms = place
        if kind == _TRIM:
            self.messages = [one for one in self.messages if one.sequence_number >= sequence]
            self.next_sequence = max(self.next_sequence, sequence)
            self.next_offset = max(self.next_offset, offset)
            return
        header_bytes, annotation_bytes = _LENGTHS.unpack_from(payload)
        header_end = _LENGTHS.size + header_bytes
        bare = header_end + annotation_bytes
        message = StoredMessage(
            sequence, offset, enqueued_ms,
            payload[_LENGTHS.size : header_end], payload[header_end:bare], payload[bare:],
        )  # fmt: skip
        self.messages.append(message)
        self.next_sequence = sequence + 1
        self.next_offset = offset + message.size_bytes


class LogFiles:
    """The segments of one partition.

    Args:
        folder: made when it is not there.
        segment_bytes: a new segment starts after so many.
    """

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._file: FileIO | None = None
        self._written_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)

    def recover(self) -> Recovered:
        """Read everything, cut a torn end off, and go on writing after it.

        Raises:
            EmulatorError: a segment that cannot be torn is damaged.
        """
        recovered = Recovered()
        paths = self._paths()
        for path in paths:
            data = path.read_bytes()
            end = 0
            for end, kind, place, payload in _records(data):  # noqa: B007 - `end` is used below
                recovered.take(kind, place, payload)
            if end < len(data):
                if path != paths[-1]:
                    raise EmulatorError(f"{path} is damaged: delete the folder to start anew")
                with path.open("r+b") as torn:
                    torn.truncate(end)
        if paths:
            self._open(paths[-1])
        return recovered

    def append(self, messages: Iterable[StoredMessage]) -> None:
        """Write messages with one call to the kernel."""
        records = [_record_of(message) for message in messages]
        if records:
            self._write(_place_in(records[0])[0], b"".join(records))

    def trim(self, first_sequence: int, next_sequence: int, next_offset: int) -> None:
        """Note what is gone, and delete the segments that held only that."""
        self._write(next_sequence, _record(_TRIM, (first_sequence, next_offset, 0), b""))
        paths = self._paths()
        for path, following in pairwise(paths):
            if int(following.stem) <= first_sequence:
                path.unlink()

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, sequence: int, data: bytes) -> None:
        if self._file is None or self._written_bytes >= self._segment_bytes:
            self.close()
            self._open(self._folder / f"{sequence:020d}.log")
        assert self._file is not None  # noqa: S101 - _open made it
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self._written_bytes)
            raise
        self._written_bytes += len(data)

    def _open(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._written_bytes = path.stat().st_size

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.log"))


def _record(kind: int, place: tuple[int, int, int], payload: bytes) -> bytes:
    checked = _PLACE.pack(*place) + payload
    return _HEAD.pack(kind, len(payload), zlib.crc32(checked)) + checked


def _record_of(message: StoredMessage) -> bytes:
    place = (message.sequence_number, message.offset_bytes, message.enqueued_ms)
    lengths = _LENGTHS.pack(len(message.header), len(message.annotations))
    parts = (lengths, message.header, message.annotations, message.bare)
    return _record(_MESSAGE, place, b"".join(parts))


def _place_in(record: bytes) -> tuple[int, int, int]:
    sequence, offset, enqueued_ms = _PLACE.unpack_from(record, _HEAD.size)
    return sequence, offset, enqueued_ms


def _records(data: bytes) -> Iterator[tuple[int, int, tuple[int, int, int], bytes]]:
    """Whole records as (position after it, kind, place, payload), up to the first that is not."""
    position = 0
    while position + _HEAD.size + _PLACE.size <= len(data):
        kind, length, checksum = _HEAD.unpack_from(data, position)
        start = position + _HEAD.size
        end = start + _PLACE.size + length
        if end > len(data) or zlib.crc32(data[start:end]) != checksum:
            return
        yield (
            end,
            kind,
            _place_in(data[position : start + _PLACE.size]),
            data[start + _PLACE.size : end],
        )
        position = end
