"""Prompt caching of the simulator."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatemeter.simulator.prompt_cache import SHORTEST, STEP, PromptCache


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_cached_is_the_longest_common_step(shared: int, own: int) -> None:
    """What is cached is a prefix both prompts have, 1,024 tokens or more, in steps of 128."""
    cache = PromptCache()
    prefix = list(range(shared))
    cache.cached_tokens("d", [*prefix, *range(10_000, 10_000 + own)])
    cached = cache.cached_tokens("d", [*prefix, *range(20_000, 20_000 + own)])
    steps = (shared - SHORTEST) // STEP
    assert cached == (SHORTEST + steps * STEP if shared >= SHORTEST else 0)


def test_deployments_do_not_share_a_cache() -> None:
    """Another deployment starts cold."""
    cache = PromptCache()
    prompt = list(range(2000))
    assert cache.cached_tokens("one", prompt) == 0
    assert cache.cached_tokens("two", prompt) == 0
    assert cache.cached_tokens("one", prompt) > 0
