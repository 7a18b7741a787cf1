"""What goes wrong in the hooks is counted, logged sparingly and never raised."""

from __future__ import annotations

import asyncio
import logging

import pytest

from gateway_hooks.counters import Counters
from gateway_hooks.safety import Safety
from tests.gateway_hooks.fakes import FakeClock

SECRET = "the prompt that was being read"


class PanicException(BaseException):
    """What a Rust extension raises when it panics; no `Exception`."""


@pytest.fixture
def counters() -> Counters:
    """Counts of one test."""
    return Counters()


def fail(safety: Safety, error: BaseException) -> None:
    """Raise inside a guard."""
    with safety("request"):
        raise error


@pytest.mark.parametrize("error", [ValueError(SECRET), MemoryError(), PanicException(SECRET)])
def test_errors_are_swallowed_and_counted(
    counters: Counters, clock: FakeClock, error: BaseException
) -> None:
    """Whatever the hooks raise, the gateway goes on."""
    fail(Safety(counters, clock), error)
    assert counters.snapshot().errors == {"request": 1}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(), asyncio.CancelledError()])
def test_what_is_meant_for_the_gateway_passes(
    counters: Counters, clock: FakeClock, error: BaseException
) -> None:
    """Cancellation and exit are no errors of the hooks."""
    with pytest.raises(type(error)):
        fail(Safety(counters, clock), error)
    assert counters.snapshot().errors == {}


def test_the_log_is_one_line_a_minute_without_content(
    counters: Counters, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The class and the place are told; the message, which may quote a prompt, is not."""
    safety = Safety(counters, clock)
    with caplog.at_level(logging.DEBUG):
        for _ in range(50):
            fail(safety, ValueError(SECRET))
        assert len(caplog.records) == 1
        clock.advance(61)
        fail(safety, ValueError(SECRET))
    assert len(caplog.records) == 2
    assert "ValueError" in caplog.text
    assert "test_safety.py:" in caplog.text
    assert SECRET not in caplog.text
    assert all(record.exc_info is None for record in caplog.records)
    assert counters.snapshot().errors == {"request": 51}
