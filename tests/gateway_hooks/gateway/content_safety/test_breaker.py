"""Leaving a dead service alone, and coming back to it."""

from __future__ import annotations

from gateway_hooks.gateway.content_safety.breaker import FAILURES, REST_MS, Breaker
from tests.gateway_hooks.gateway.conftest import FakeClock


def broken(clock: FakeClock, retry_after_ms: float | None = None) -> Breaker:
    """One that has just had enough."""
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.may_ask()
        breaker.failed(retry_after_ms)
    return breaker


def test_after_a_rest_one_question_tries(clock: FakeClock) -> None:
    """The others wait for its answer."""
    breaker = broken(clock)
    assert not breaker.may_ask()
    clock.advance_ms(REST_MS)
    assert [breaker.may_ask(), breaker.may_ask()] == [True, False]
    assert breaker.answered()
    assert [breaker.may_ask(), breaker.may_ask()] == [True, True]


def test_a_failed_try_rests_again(clock: FakeClock) -> None:
    """For as long as before."""
    breaker = broken(clock)
    clock.advance_ms(REST_MS)
    assert breaker.may_ask()
    breaker.failed()
    clock.advance_ms(REST_MS - 1)
    assert not breaker.may_ask()


def test_retry_after_is_honoured_up_to_a_minute(clock: FakeClock) -> None:
    """A service that says when to come back is not asked before."""
    breaker = broken(clock, 30_000)
    clock.advance_ms(29_000)
    assert not breaker.may_ask()
    clock.advance_ms(1_000)
    assert breaker.may_ask()
    breaker = broken(clock, 10**9)
    clock.advance_ms(60_000)
    assert breaker.may_ask()


def test_an_answer_in_between_starts_the_count_anew(clock: FakeClock) -> None:
    """Single failures are everyday."""
    breaker = Breaker(clock)
    for _ in range(3 * FAILURES):
        breaker.failed()
        breaker.answered()
    assert breaker.may_ask()
