"""Model names: one spelling each, and the version apart."""

from __future__ import annotations

import pytest

from analytics.ratecard.models import same_version, split_model


@pytest.mark.parametrize(
    ("name", "base", "version"),
    [
        ("gpt-4o-2024-11-20", "gpt-4o", "2024-11-20"),
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini", "2025-04-14"),
        ("gpt-4-0613", "gpt-4", "0613"),
        ("GPT-4o", "gpt-4o", None),
        ("gpt-35-turbo-0125", "gpt-3.5-turbo", "0125"),
        ("whisper-1", "whisper", None),
        ("tts-1-hd", "tts-1-hd", None),
        ("dalle3", "dall-e-3", None),
        ("o1", "o1", None),
        ("text-embedding-3-large", "text-embedding-3-large", None),
        ("azure/gpt-4o", "gpt-4o", None),
    ],
)
def test_a_name_is_split_into_model_and_version(name: str, base: str, version: str | None) -> None:
    """What an answer names is found in the rate card, whoever spelled it."""
    assert split_model(name) == (base, version)


def test_price_lists_and_answers_spell_versions_differently() -> None:
    """Azure's meters name a month and a day where answers name the date."""
    assert same_version("2024-11-20", "1120")
    assert same_version("0613", "2023-06-13")
    assert not same_version("2024-11-20", "2023-11-20")
    assert not same_version("1120", "0806")
