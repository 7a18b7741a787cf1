"""Server-sent events: cutting a byte stream into frames, and hiding one frame from it.

A frame is everything up to and including the blank line that ends it, byte for byte. Where the
network cut the stream makes no difference; lines may end in LF, CR LF or CR.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway_hooks.reading import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LINE_END: Final = rb"(?:\r\n|\n|\r(?!\n))"
_BLANK_LINE = re.compile(_LINE_END + _LINE_END)
_LINES = re.compile(_LINE_END)
_EMPTY_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_LONGEST_END: Final = 4


class FrameSplitter:
    """Cuts a stream into frames, whatever the chunks it comes in."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._only_line_feeds = True

    @property
    def held_bytes(self) -> int:
        """Size of the frame that has not ended yet."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames that `chunk` completes."""
        if self._only_line_feeds:
            self._only_line_feeds = b"\r" not in chunk
        if not self._only_line_feeds:
            return self._cut(chunk, _end_of_any_frame)
        if not self._buffer and 0 <= chunk.find(b"\n\n") == len(chunk) - 2:
            return [chunk]  # as nearly all backends send: one frame a chunk
        return self._cut(chunk, _end_of_plain_frame)

    def _cut(self, chunk: bytes, end_of_frame: Callable[[bytearray, int], int]) -> list[bytes]:
        buffer = self._buffer
        buffer += chunk
        frames = []
        start = 0
        search = self._searched
        while (end := end_of_frame(buffer, search)) > 0:
            frames.append(bytes(buffer[start:end]))
            start = search = end
        if start:
            del buffer[:start]
        self._searched = max(0, len(buffer) - _LONGEST_END)
        return frames

    def rest(self) -> bytes:
        """What is left without a blank line at its end; the splitter is empty afterwards."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched = 0
        return rest


def _end_of_plain_frame(buffer: bytearray, search: int) -> int:
    """Where the first frame after `search` ends; 0 when none has."""
    blank_line = buffer.find(b"\n\n", search)
    return 0 if blank_line < 0 else blank_line + 2


def _end_of_any_frame(buffer: bytearray, search: int) -> int:
    """The same where carriage returns occur."""
    match = _BLANK_LINE.search(buffer, search)
    if match is None:
        return 0
    end = match.end()
    if end == len(buffer) and buffer.endswith(b"\r"):
        return 0  # the line feed of this carriage return may still come
    return end


def event_data(frame: bytes) -> bytes:
    """The joined `data` of a frame; empty when it has none (a comment, a keep-alive)."""
    return b"\n".join(data_lines(frame))


def data_lines(frame: bytes) -> list[bytes]:
    """The `data` lines of a frame, without their field name."""
    if frame.startswith(b"data:") and frame.find(b"\n") >= len(frame) - 2 and b"\r" not in frame:
        return [frame[5:].strip(b"\n").removeprefix(b" ")]
    return [
        line[5:].removeprefix(b" ") for line in _LINES.split(frame) if line.startswith(b"data:")
    ]


def can_hide_usage_chunk(headers: Mapping[str, str]) -> bool:
    """Whether an answer with these headers (names in lower case) may be a stream that can be cut.

    Not when it is compressed. Some backends name streams otherwise than `text/event-stream`; those
    are known by not announcing their length.
    """
    return headers.get("content-encoding", "identity") == "identity" and (
        "content-length" not in headers
        or headers.get("content-type", "").lower().startswith("text/event-stream")
    )


class UsageChunkFilter:
    """Takes the one chunk out of a chat stream that the caller did not ask for.

    The gateway asks for usage on the caller's behalf; the backend then sends one more chunk, with
    no choices and with usage. Only that frame is removed; everything else passes byte for byte,
    each frame as soon as it is complete. JSON where a stream was due passes untouched.
    """

    def __init__(self, max_bytes: int = 1 << 20) -> None:
        self._splitter = FrameSplitter()
        self._max_bytes = max_bytes
        self._began = False
        self._passing = False

    def feed(self, chunk: bytes) -> bytes:
        """What of the stream may go on now."""
        if not self._began:
            start = chunk.lstrip()[:1]
            self._began = bool(start)
            self._passing = start == b"{"
        if self._passing:
            return self._splitter.rest() + chunk
        frames = self._splitter.feed(chunk)
        kept = b"".join(frame for frame in frames if not is_usage_chunk(frame))
        if self._splitter.held_bytes > self._max_bytes:
            self._passing = True
            kept += self._splitter.rest()
        return kept

    def finish(self) -> bytes:
        """What was held back at the stream's end."""
        rest = self._splitter.rest()
        return b"" if is_usage_chunk(rest) else rest


def is_usage_chunk(frame: bytes) -> bool:
    """Whether a frame is the chunk that reports usage and nothing else."""
    if b'"usage"' not in frame or _EMPTY_CHOICES.search(frame) is None:
        return False
    chunk = wire.as_dict(wire.decode(event_data(frame), wire.any_json))
    return (
        chunk.get("choices") == []
        and isinstance(chunk.get("usage"), dict)
        and not chunk.get("prompt_filter_results")
    )
