"""Width and height of an image, from the first bytes of its file."""

from __future__ import annotations

import base64
import binascii
from typing import Final

_HEAD_CHARACTERS: Final = 64 * 1024
"""A JPEG may carry a long profile before its size."""


def data_url_size(url: str) -> tuple[int, int] | None:
    """Width and height of the image in a `data:` URL; None when it is not one or not known."""
    header, comma, content = url[: _HEAD_CHARACTERS + 256].partition(",")
    if not comma or not header.startswith("data:") or not header.endswith(";base64"):
        return None
    head = content[:_HEAD_CHARACTERS]
    try:
        return image_size(base64.b64decode(head[: len(head) // 4 * 4]))
    except (binascii.Error, ValueError):
        return None


def image_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG, GIF or WebP by its first bytes."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _checked(_big(head, 16, 4), _big(head, 20, 4))
    if head.startswith((b"GIF87a", b"GIF89a")):
        return _checked(_little(head, 6, 2), _little(head, 8, 2))
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp_size(head)
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(head)
    return None


def _big(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "big")


def _little(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "little")


def _checked(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if width > 0 and height > 0 else None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return _checked(_little(head, 24, 3) + 1, _little(head, 27, 3) + 1)
    if kind == b"VP8L":
        bits = _little(head, 21, 4)
        return _checked((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        return _checked(_little(head, 26, 2) & 0x3FFF, _little(head, 28, 2) & 0x3FFF)
    return None


_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER: Final = 0xFF


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Walk over the segments to the frame header."""
    place = 2
    while place + 9 <= len(head) and head[place] == _MARKER:
        marker = head[place + 1]
        if marker in _FRAME_MARKERS:
            return _checked(_big(head, place + 7, 2), _big(head, place + 5, 2))
        if marker == _MARKER:  # a fill byte
            place += 1
        else:
            place += 2 + _big(head, place + 2, 2)
    return None
