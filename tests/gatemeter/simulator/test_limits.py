"""Rate limits of the simulator, on a clock that the test moves."""

from __future__ import annotations

import pytest

from gatemeter.simulator import Deployment
from gatemeter.simulator.limits import RateLimiter, SlidingWindow


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_tokens_are_refused_until_the_window_has_moved() -> None:
    """A full window says when what is asked for will fit, and then it does."""
    clock = Clock()
    limiter = RateLimiter(Deployment("d", "m", tokens_per_minute=1000), clock)
    assert limiter.admit(600) is None
    clock.now += 20
    assert limiter.admit(300) is None
    refusal = limiter.admit(500)
    assert refusal is not None
    assert refusal.kind == "tokens"
    assert refusal.retry_after_seconds == 40
    clock.now += 39.9
    assert limiter.admit(500) is not None
    clock.now += 0.2
    assert limiter.admit(500) is None


def test_a_refused_request_takes_nothing() -> None:
    """Refusals do not make the queue longer."""
    limiter = RateLimiter(Deployment("d", "m", tokens_per_minute=100), Clock())
    for _ in range(5):
        assert limiter.admit(101) is not None
    assert limiter.admit(100) is None


def test_calls_are_spread_over_ten_seconds() -> None:
    """60 calls a minute are 10 in ten seconds, as Azure enforces them."""
    clock = Clock()
    limiter = RateLimiter(Deployment("d", "m", requests_per_minute=60), clock)
    assert [limiter.admit(1) is None for _ in range(12)] == [True] * 10 + [False] * 2
    clock.now += 10.1
    assert limiter.admit(1) is None


def test_a_full_provisioned_deployment_says_so() -> None:
    """PTU refusals are of their own kind, and utilization is in percent."""
    deployment = Deployment("d", "m", tokens_per_minute=1200, kind="ptu")
    clock = Clock()
    limiter = RateLimiter(deployment, clock)
    assert limiter.admit(150) is None
    assert limiter.headroom().utilization == pytest.approx(75.0)
    refusal = limiter.admit(100)
    assert refusal is not None
    assert refusal.kind == "ptu"
    clock.now += refusal.retry_after_seconds
    assert refusal.retry_after_seconds <= 10
    assert limiter.admit(100) is None


def test_headroom_counts_down() -> None:
    """What is left is what was not taken; without limits there is nothing to tell."""
    limited = RateLimiter(
        Deployment("d", "m", tokens_per_minute=1000, requests_per_minute=60), Clock()
    )
    limited.admit(300)
    headroom = limited.headroom()
    assert (headroom.remaining_tokens, headroom.remaining_requests) == (700, 9)
    free = RateLimiter(Deployment("d", "m"), Clock())
    assert free.admit(10**9) is None
    assert free.headroom().limit_tokens is None
    assert free.headroom().utilization == 0.0


def test_what_never_fits_waits_the_whole_window() -> None:
    """A request above the limit is told the longest wait."""
    window = SlidingWindow(10, 60)
    assert window.seconds_until(0, 11) == 60
