"""Frames: bytes on the connection to (channel, body), and back."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from gatemeter.emulator.errors import WireError

AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
HEADER_BYTES: Final = 8
AMQP_TYPE: Final = 0
SASL_TYPE: Final = 1
EMPTY_FRAME: Final = b"\x00\x00\x00\x08\x02\x00\x00\x00"

_PREFIX = struct.Struct(">IBBH")
_MIN_OFFSET_WORDS = 2
# ulong 0x14 as descriptor, then a short list of eleven fields; see performatives.Transfer.
_TRANSFER = struct.Struct(">3sBBBBIBIBB4sBBB5s")
_TRANSFER_LIST_BYTES = _TRANSFER.size - 5
_NULL_FIELDS = b"\x40" * 5
TRANSFER_OVERHEAD_BYTES: Final = HEADER_BYTES + _TRANSFER.size


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `body` is what follows its header."""

    kind: int
    channel: int
    body: bytes


class FrameReader:
    """Cuts a stream of bytes into protocol headers and frames.

    Args:
        max_frame_bytes: a longer frame is an error; it bounds what is kept.
    """

    def __init__(self, max_frame_bytes: int) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._buffer = bytearray()
        self._position = 0

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        if self._position:
            del self._buffer[: self._position]
            self._position = 0
        self._buffer += data

    def header(self) -> bytes | None:
        """The next protocol header; None when it has not fully arrived."""
        end = self._position + HEADER_BYTES
        if len(self._buffer) < end:
            return None
        header = bytes(self._buffer[self._position : end])
        self._position = end
        return header

    def next_is_header(self) -> bool:
        """Whether what comes next is a protocol header, not a frame."""
        return self._buffer[self._position : self._position + 4] == b"AMQP"

    def frame(self) -> Frame | None:
        """The next frame; None when it has not fully arrived.

        Raises:
            WireError: its size is impossible or larger than agreed.
        """
        start = self._position
        if len(self._buffer) - start < HEADER_BYTES:
            return None
        size, offset_words, kind, channel = _PREFIX.unpack_from(self._buffer, start)
        if size > self._max_frame_bytes:
            raise WireError(f"a frame of {size} bytes, {self._max_frame_bytes} are allowed")
        if offset_words < _MIN_OFFSET_WORDS or size < offset_words * 4:
            raise WireError(f"a frame of {size} bytes cannot be")
        if len(self._buffer) - start < size:
            return None
        self._position = start + size
        with memoryview(self._buffer) as view:  # a slice of the bytearray itself would copy twice
            body = bytes(view[start + offset_words * 4 : start + size])
        return Frame(kind, channel, body)


def frame_of(body: bytes, channel: int = 0, kind: int = AMQP_TYPE) -> bytes:
    """One frame around a body."""
    return _PREFIX.pack(HEADER_BYTES + len(body), _MIN_OFFSET_WORDS, kind, channel) + body


def transfer_head(
    channel: int, handle: int, delivery_id: int, payload_bytes: int, *, more: bool
) -> bytes:
    """All of a settled transfer frame but its payload.

    Written by layout, not by the encoder: this is the one frame that is made for every event.
    """
    prefix = _PREFIX.pack(
        TRANSFER_OVERHEAD_BYTES + payload_bytes, _MIN_OFFSET_WORDS, AMQP_TYPE, channel
    )
    return prefix + _TRANSFER.pack(
        b"\x00\x53\x14", 0xC0, _TRANSFER_LIST_BYTES, 11,
        0x70, handle, 0x70, delivery_id, 0xA0, 4, struct.pack(">I", delivery_id),
        0x43, 0x41, 0x41 if more else 0x42, _NULL_FIELDS,
    )  # fmt: skip
