"""When a backend is left alone, and how it comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway_hooks.gateway.breaker import Breakers, BreakerSettings

if TYPE_CHECKING:
    from tests.gateway_hooks.gateway.conftest import FakeClock

SETTINGS = BreakerSettings(failures=3, open_seconds=2.0, longest_open_seconds=7.0)


@pytest.fixture
def breakers(clock: FakeClock) -> Breakers:
    """Three failures open for two seconds, at most for seven."""
    return Breakers(clock, SETTINGS)


def test_who_says_how_long_is_left_alone_as_long(clock: FakeClock) -> None:
    """Retry-After is honoured, up to the longest rest."""
    breakers = Breakers(clock, SETTINGS)
    for asked, rest in ((5_000.0, 5000), (10.0**9, 7000), (None, 2000)):
        fail(breakers, 2)
        breakers.failed("a", asked)
        assert breakers.wait_ms("a") == rest
        breakers.answered("a")


def fail(breakers: Breakers, times: int, backend: str = "a") -> None:
    """Let a backend fail."""
    for _ in range(times):
        breakers.failed(backend)


def test_failures_in_a_row_open_it(breakers: Breakers) -> None:
    """Nobody asks a backend that failed so often; its neighbours are asked."""
    assert breakers.state("a") == "closed"
    fail(breakers, 2)
    assert breakers.may_ask("a")
    fail(breakers, 1)
    assert (breakers.state("a"), breakers.may_ask("a")) == ("open", False)
    assert (breakers.failures("a"), breakers.wait_ms("a")) == (3, 2000)
    assert breakers.may_ask("b")
    assert breakers.wait_ms("b") == 0


def test_an_answer_in_between_begins_the_count_anew(breakers: Breakers) -> None:
    """A backend that fails now and then is no broken one."""
    for _ in range(5):
        fail(breakers, 2)
        breakers.answered("a")
    assert (breakers.state("a"), breakers.failures("a")) == ("closed", 0)


def test_half_open_lets_exactly_one_request_through(breakers: Breakers, clock: FakeClock) -> None:
    """A backend that comes back is not run over by all who waited."""
    fail(breakers, 3)
    clock.advance_ms(1999)
    assert not breakers.may_ask("a")
    clock.advance_ms(1)
    assert breakers.state("a") == "half_open"
    assert [breakers.may_ask("a") for _ in range(5)] == [True, False, False, False, False]


def test_a_probes_answer_closes_it(breakers: Breakers, clock: FakeClock) -> None:
    """One good answer and all are asked again; it takes as many failures as ever to open it."""
    fail(breakers, 3)
    clock.advance_ms(2000)
    assert breakers.may_ask("a")
    breakers.answered("a")
    assert all(breakers.may_ask("a") for _ in range(5))
    fail(breakers, 2)
    assert breakers.state("a") == "closed"


def test_failed_probes_double_the_time_up_to_a_bound(breakers: Breakers, clock: FakeClock) -> None:
    """A backend that is gone for long is asked less and less often, but never given up."""
    fail(breakers, 3)
    waits = []
    for _ in range(4):
        waits.append(breakers.wait_ms("a"))
        clock.advance_ms(breakers.wait_ms("a"))
        assert breakers.may_ask("a")
        breakers.failed("a")
    assert waits == [2000, 4000, 7000, 7000]


def test_requests_from_before_it_opened_prolong_nothing(
    breakers: Breakers, clock: FakeClock
) -> None:
    """A hundred requests that fail together are one outage, not a hundred failed probes."""
    fail(breakers, 100)
    assert breakers.wait_ms("a") == 2000
    clock.advance_ms(2000)
    assert breakers.may_ask("a")
    breakers.failed("a")
    assert breakers.wait_ms("a") == 4000


def test_a_silent_probe_makes_room_for_another(breakers: Breakers, clock: FakeClock) -> None:
    """A probe whose caller left says nothing; the backend is not lost for that."""
    fail(breakers, 3)
    clock.advance_ms(2000)
    assert breakers.may_ask("a")
    assert breakers.wait_ms("a") == 30_000
    clock.advance_ms(29_999)
    assert not breakers.may_ask("a")
    clock.advance_ms(1)
    assert breakers.may_ask("a")


def test_a_bound_below_the_first_time_holds(clock: FakeClock) -> None:
    """Whoever sets a short bound gets it at once."""
    breakers = Breakers(clock, BreakerSettings(1, open_seconds=10, longest_open_seconds=1))
    fail(breakers, 1)
    assert breakers.wait_ms("a") == 1000
