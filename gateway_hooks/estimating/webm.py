"""How long a WebM (Matroska) file plays.

Browsers record WebM live: without a duration, and with segments and clusters of unknown size. So
the file is walked flat, into the few containers that matter and over everything else, and the time
of the last block stands for a missing duration.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

START: Final = b"\x1a\x45\xdf\xa3"

_SEGMENT: Final = 0x18538067
_INFO: Final = 0x1549A966
_SCALE: Final = 0x2AD7B1
_DURATION: Final = 0x4489
_CLUSTER: Final = 0x1F43B675
_CLUSTER_TIME: Final = 0xE7
_BLOCK_GROUP: Final = 0xA0
_BLOCKS: Final = frozenset({0xA1, 0xA3})
_CONTAINERS: Final = frozenset({_SEGMENT, _INFO, _CLUSTER, _BLOCK_GROUP})
_FLOAT_BYTES: Final = (4, 8)
_USUAL_SCALE: Final = 1_000_000
_NANOSECONDS: Final = 1e9
_TRACK_AND_TIME_BYTES: Final = 10


def webm_seconds(data: bytes) -> float | None:
    """The duration the file tells, else the time of its last block; None when it has neither."""
    from ebmlite.decoding import readFloat, readUInt

    scale = _USUAL_SCALE
    cluster = last = 0
    for element, stream, size in _elements(data):
        if element == _SCALE:
            scale = readUInt(stream, size)
        elif element == _DURATION and size in _FLOAT_BYTES:
            return float(readFloat(stream, size)) * scale / _NANOSECONDS
        elif element == _CLUSTER_TIME:
            cluster = readUInt(stream, size)
        elif element in _BLOCKS:
            last = max(last, cluster + _block_time(stream.read(_TRACK_AND_TIME_BYTES)))
    return last * scale / _NANOSECONDS if last else None


def _elements(data: bytes) -> Iterator[tuple[int, io.BytesIO, int]]:
    """Each element that is no container, with the stream at its content; a torn one ends it."""
    from ebmlite.decoding import readElementID, readElementSize

    stream = io.BytesIO(data)
    while stream.tell() < len(data):
        try:
            element, _ = readElementID(stream)
            size, _ = readElementSize(stream)
        except (OSError, ValueError, TypeError):
            return
        if element in _CONTAINERS:
            continue
        if size is None or stream.tell() + size > len(data):
            return
        after = stream.tell() + size
        yield element, stream, size
        stream.seek(after)


def _block_time(head: bytes) -> int:
    """A block starts with its track's number, of variable length, and its time in the cluster."""
    if not head or not head[0]:
        return 0
    length = 9 - head[0].bit_length()
    return int.from_bytes(head[length : length + 2], "big", signed=True)
