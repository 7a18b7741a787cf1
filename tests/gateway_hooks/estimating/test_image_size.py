"""Sizes of images from their first bytes."""

import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_hooks.estimating.image_size import data_url_size, image_size

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 800, 600)
GIF = b"GIF89a" + struct.pack("<HH", 320, 200)
PROFILE = b"\xff\xe2" + struct.pack(">H", 5000) + b"p" * 4998
JPEG = (
    b"\xff\xd8\xff\xe0"
    + struct.pack(">H", 16)
    + b"JFIF\0" * 2
    + b"\0" * 4
    + PROFILE
    + b"\xff\xff\xc2"
    + struct.pack(">HBHH", 17, 8, 480, 640)
)
WEBP = b"RIFF\0\0\0\0WEBP"
EXTENDED = WEBP + b"VP8X" + b"\0" * 8 + (1919).to_bytes(3, "little") + (1079).to_bytes(3, "little")
LOSSLESS = WEBP + b"VP8L" + b"\0" * 4 + b"\x2f" + struct.pack("<I", 99 | 49 << 14)
LOSSY = WEBP + b"VP8 " + b"\0" * 4 + b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 400, 300)


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (PNG, (800, 600)),
        (GIF, (320, 200)),
        (JPEG, (640, 480)),
        (EXTENDED, (1920, 1080)),
        (LOSSLESS, (100, 50)),
        (LOSSY, (400, 300)),
    ],
)
def test_size(head: bytes, size: tuple[int, int]) -> None:
    """Every format that models take tells its size at the start."""
    assert image_size(head) == size
    assert data_url_size("data:image/x;base64," + base64.b64encode(head).decode()) == size


def test_size_of_a_large_image_needs_only_its_head() -> None:
    """Megabytes of pixels are not decoded for it."""
    url = "data:image/png;base64," + base64.b64encode(PNG).decode() + "A" * 5_000_000
    assert data_url_size(url) == (800, 600)


@pytest.mark.parametrize("head", [b"", b"BM", PNG[:20], GIF[:7], b"\xff\xd8\xff", WEBP + b"VP9 "])
def test_unknown_and_torn_images(head: bytes) -> None:
    """What does not tell its size has none."""
    assert image_size(head) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://x/y.png",
        "data:",
        "data:image/png;base64",
        "data:text/plain,hi",
        "data:;base64,é",
    ],
)
def test_other_urls(url: str) -> None:
    """A link shows no size."""
    assert data_url_size(url) is None


@settings(deadline=None)
@given(st.sampled_from([b"", PNG[:8], b"GIF89a", b"\xff\xd8", WEBP]), st.binary(max_size=60))
def test_any_bytes(start: bytes, rest: bytes) -> None:
    """Broken heads raise nothing, and a size is never empty."""
    size = image_size(start + rest)
    assert size is None or min(size) > 0
