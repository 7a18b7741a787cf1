"""Tokens of images, by the published rules."""

import base64
import struct

import pytest

from gateway_hooks.estimating.image_tokens import Patches, Tiles, image_tokens

TILES = Tiles(85, 170)


def picture(width: int, height: int) -> str:
    """A data URL of a PNG of this size."""
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)
    return "data:image/png;base64," + base64.b64encode(head + b"\0").decode()


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (1024, 1024, 765),
        (2048, 4096, 1105),
        (512, 512, 255),
        (500, 400, 255),
        (1, 1, 255),
        (100_000, 10, 85 + 4 * 170),
        (768, 2048, 85 + 8 * 170),
    ],
)
def test_tiles(width: int, height: int, tokens: int) -> None:
    """Fit into 2048, the short side to 768, then count tiles of 512."""
    assert TILES.tokens(width, height, low=False) == tokens


def test_low_detail_is_the_base() -> None:
    """Low detail has one price whatever the size."""
    assert TILES.tokens(4000, 4000, low=True) == 85


@pytest.mark.parametrize(
    ("width", "height", "tokens"), [(1024, 1024, 1024), (33, 32, 2), (5000, 5000, 1536)]
)
def test_patches(width: int, height: int, tokens: int) -> None:
    """Patches of 32 pixels, at most 1536."""
    assert Patches(1.0).tokens(width, height, low=False) == tokens


def test_low_detail_patches() -> None:
    """Low detail is looked at in at most 512 pixels."""
    assert Patches(1.0).tokens(4096, 2048, low=True) == 16 * 8


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-4o", 765),
        (None, 765),
        ("our-vision", 765),
        ("gpt-4.1", 765),
        ("gpt-4o-mini", 2833 + 4 * 5667),
        ("gpt-4.1-mini", 1659),
        ("gpt-41-nano", 2520),
        ("o4-mini", 1762),
        ("o1", 675),
        ("team-o3", 675),
        ("gpt-5", 630),
        ("gpt-5-chat", 630),
        ("gpt-5-mini", 1659),
        ("gpt-5-nano-2025-08-07", 2520),
        ("computer-use-preview", 581),
    ],
)
def test_model_decides_the_rule(model: str | None, tokens: int) -> None:
    """The same image is more or less for each family of models."""
    assert image_tokens(picture(1024, 1024), "high", model) == tokens


@pytest.mark.parametrize("url", ["https://x/y.png", "", None, 5, {"a": 1}])
def test_image_that_cannot_be_seen(url: object) -> None:
    """A linked image is taken for a usual one."""
    assert image_tokens(url, "auto", "gpt-4o") == 765


@pytest.mark.parametrize(("detail", "tokens"), [("low", 85), ("auto", 255), (None, 255), (5, 255)])
def test_detail(detail: object, tokens: int) -> None:
    """Only low detail makes an image smaller."""
    assert image_tokens(picture(400, 300), detail, "gpt-4o") == tokens
