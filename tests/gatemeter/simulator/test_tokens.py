"""The simulator's own counts, against figures published elsewhere."""

from __future__ import annotations

import base64

import pytest

from gatemeter.simulator import tokens
from gatemeter.simulator.audio import silence


def test_chat_framing_is_openais() -> None:
    """The example of OpenAI's cookbook, 129 tokens in cl100k_base."""
    messages = [
        {
            "role": "system",
            "content": "You are a helpful, pattern-following assistant that translates "
            "corporate jargon into plain English.",
        },
        {
            "role": "system",
            "name": "example_user",
            "content": "New synergies will help drive top-line growth.",
        },
        {
            "role": "system",
            "name": "example_assistant",
            "content": "Things working well together will increase revenue.",
        },
        {
            "role": "system",
            "name": "example_user",
            "content": "Let's circle back when we have more bandwidth to touch base on "
            "opportunities for increased leverage.",
        },
        {
            "role": "system",
            "name": "example_assistant",
            "content": "Let's talk later when we're less busy about how to do better.",
        },
        {
            "role": "user",
            "content": "This late pivot means we don't have time to boil the ocean for the "
            "client deliverable.",
        },
    ]
    assert tokens.chat_tokens("gpt-4-0613", messages) == 129
    assert tokens.chat_tokens("gpt-4o", messages) == 124


def png(width: int, height: int) -> str:
    """The head of a PNG as a data URL."""
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4) + height.to_bytes(4)
    return "data:image/png;base64," + base64.b64encode(head).decode()


@pytest.mark.parametrize(
    ("width", "height", "tiles"), [(512, 512, 1), (1024, 1024, 4), (2048, 4096, 6), (10, 10, 1)]
)
def test_images_are_counted_in_tiles(width: int, height: int, tiles: int) -> None:
    """OpenAI's published examples: 765 tokens for 1024 x 1024, 1105 for 2048 x 4096."""
    assert tokens.image_tokens("gpt-4o", png(width, height), "high") == 85 + 170 * tiles


def test_mini_models_count_images_dearer() -> None:
    """gpt-4o-mini's base and tile."""
    assert tokens.image_tokens("gpt-4o-mini", png(512, 512), "high") == 2833 + 5667


def test_pieces_join_to_the_text() -> None:
    """A stream's deltas are its text."""
    text = 'Forest path: {"a": 1}'
    assert "".join(tokens.pieces("gpt-4o", text)) == text


def test_wav_length() -> None:
    """Frames over rate; anything else is no WAV."""
    assert tokens.wav_seconds(silence(1.25)) == 1.25
    assert tokens.wav_seconds(b"RIFFnonsense") is None
