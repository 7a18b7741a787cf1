"""Counters in one process are exact, give everything back and forget who is idle."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway_hooks.gateway.limits.counting import Demand, Figures, Quota
from gateway_hooks.gateway.limits.local import LocalCounters
from tests.gateway_hooks.fakes import FakeClock


def _demand(counter: str = "one", **figures: object) -> Demand:
    return Demand(counter, Figures("one", **figures))  # type: ignore[arg-type] # by field


@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.integers(0, 60), st.integers(0, 60)),
        min_size=1,
        max_size=60,
    )
)
def test_no_sixty_seconds_have_more_than_the_limit(
    steps: list[tuple[float, int, int]],
) -> None:
    """By what was really used, when it is at most what was reserved: not one token too much."""
    clock = FakeClock()
    counters = LocalCounters(clock)
    used: list[tuple[int, int]] = []
    for seconds, reserved, real in steps:
        clock.advance(seconds)
        verdict = counters.reserve_now([_demand(tokens_per_minute=100)], reserved)
        if verdict.reservation is not None:
            used.append((clock.now_ns, min(real, reserved)))
            verdict.reservation.finish(min(real, reserved))
    for start, _ in used:
        inside = [tokens for at, tokens in used if 0 <= at - start < 60_000_000_000]
        assert sum(inside) <= 100


@given(st.lists(st.tuples(st.floats(0, 70), st.integers(1, 150)), min_size=1, max_size=40))
def test_the_wait_that_is_told_is_enough_and_not_much_too_long(
    steps: list[tuple[float, int]],
) -> None:
    """Whoever comes back when told to passes, and would not have passed a slice earlier."""
    clock = FakeClock()
    counters = LocalCounters(clock)
    demand = [_demand(tokens_per_minute=100)]
    for seconds, tokens in steps:
        clock.advance(seconds)
        denial = counters.reserve_now(demand, tokens).denial
        if denial is None:
            continue
        if denial.retry_ms is None:
            assert tokens > 100
            continue
        clock.advance((denial.retry_ms - 2) / 1000)
        assert counters.reserve_now(demand, tokens).denial is not None
        clock.advance(0.002)
        assert counters.reserve_now(demand, tokens).denial is None


def test_a_refused_request_takes_nothing_of_other_limits() -> None:
    """What one limit refuses is not counted by the others."""
    counters = LocalCounters(FakeClock())
    wide = _demand("wide", tokens_per_minute=1000, requests_per_minute=10)
    narrow = _demand("narrow", requests_per_minute=1)
    assert counters.reserve_now([wide, narrow], 100).denial is None
    for _ in range(5):
        assert counters.reserve_now([wide, narrow], 100).denial is not None
    verdict = counters.reserve_now([wide], 0)
    assert (verdict.standings[0].tokens, verdict.standings[0].requests) == (900, 8)


def test_a_long_answer_counts_when_it_is_known() -> None:
    """Tokens beyond the reservation are of the minute in which the answer ended."""
    clock = FakeClock()
    counters = LocalCounters(clock)
    demand = [_demand(tokens_per_minute=100)]
    reservation = counters.reserve_now(demand, 10).reservation
    clock.advance(90)
    assert reservation is not None
    reservation.finish(110)
    assert counters.reserve_now(demand, 1).denial is not None
    clock.advance(61)
    assert counters.reserve_now(demand, 1).denial is None


def test_places_come_back_once() -> None:
    """Finishing and releasing frees a place one time."""
    counters = LocalCounters(FakeClock())
    demand = [_demand(concurrent_requests=1)]
    first = counters.reserve_now(demand, 0).reservation
    assert first is not None
    assert counters.reserve_now(demand, 0).denial is not None
    first.finish(0)
    first.release()
    assert counters.reserve_now(demand, 0).denial is None
    assert counters.reserve_now(demand, 0).denial is not None


def test_quotas_end_at_midnight_of_their_zone() -> None:
    """A day begins where the setting says, not in UTC."""
    clock = FakeClock()
    clock.now_ns = int(datetime(2026, 11, 22, 22, 30, tzinfo=UTC).timestamp()) * 1_000_000_000
    counters = LocalCounters(clock)
    demand = [_demand(quotas=(Quota("day", 100, "Europe/Berlin"),))]
    assert counters.reserve_now(demand, 100).denial is None
    denial = counters.reserve_now(demand, 1).denial
    assert denial is not None
    assert denial.retry_ms == 30 * 60_000
    clock.advance(30 * 60)
    assert counters.reserve_now(demand, 1).denial is None


def test_idle_counters_are_forgotten() -> None:
    """A hundred thousand keys that came once leave nothing behind after a minute."""
    clock = FakeClock()
    counters = LocalCounters(clock)
    for number in range(20_000):
        verdict = counters.reserve_now([_demand(f"key-{number}", requests_per_minute=5)], 0)
        assert verdict.reservation is not None
        verdict.reservation.release()
    clock.advance(61)
    for _ in range(8_000):
        counters.reserve_now([_demand("still here", requests_per_minute=10**6)], 0)
    assert len(counters) == 1


def test_there_are_never_more_counters_than_set() -> None:
    """A flood of names costs bounded memory, and what is forgotten is counted."""
    counters = LocalCounters(FakeClock(), most_counters=100)
    for number in range(1000):
        demand = _demand(f"key-{number}", requests_per_minute=5, quotas=(Quota("day", 10),))
        counters.reserve_now([demand], 1)
    assert len(counters) <= 202
    assert counters.forgotten >= 1700


def test_threads_share_a_limit_exactly() -> None:
    """Not one too many, however many threads ask at once."""
    counters = LocalCounters(FakeClock())
    granted: list[bool] = []

    def ask() -> None:
        for _ in range(100):
            verdict = counters.reserve_now([_demand(requests_per_minute=150)], 0)
            granted.append(verdict.denial is None)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 150
