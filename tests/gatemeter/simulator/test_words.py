"""Filler text."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatemeter.simulator import tokens
from gatemeter.simulator.words import WORDS, filler


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-35-turbo"])
def test_every_word_is_one_token_in_both_vocabularies(model: str) -> None:
    """Within a text and, capitalised, at its beginning."""
    for word in WORDS:
        assert tokens.count(model, f" {word}") == 1
        assert tokens.count(model, word.capitalize()) == 1


@given(st.integers(0, 500), st.randoms(use_true_random=False))
def test_filler_has_exactly_the_tokens_asked_for(count: int, rng: Random) -> None:
    """The simulator bills what it says, so it must be able to say n tokens."""
    assert tokens.count("gpt-4o", filler(rng, count)) == count
