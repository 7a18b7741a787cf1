"""Times in events have one form and one precision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gateway_hooks.clock import SystemClock, Timestamps, milliseconds, utc_now
from gateway_hooks.event import UtcTimestamp
from tests.gateway_hooks.fakes import FakeClock


@given(
    moments=st.lists(
        st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - made aware
            lambda moment: moment.replace(tzinfo=UTC)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_timestamps_are_utc_with_microseconds(moments: list[datetime]) -> None:
    """Every moment is written as the event's definition asks, whatever was written before it."""
    timestamps = Timestamps()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for moment in moments:
        text = timestamps.text(((moment - epoch) // timedelta(microseconds=1)) * 1000 + 999)
        TypeAdapter(UtcTimestamp).validate_python(text)
        assert datetime.fromisoformat(text) == moment


@pytest.mark.parametrize(
    ("nanoseconds", "expected"), [(0, 0.0), (-5, 0.0), (1_234_567, 1.234), (2_000_000_000, 2000.0)]
)
def test_durations_are_milliseconds_and_never_negative(nanoseconds: int, expected: float) -> None:
    """Durations keep microseconds; a clock that was set back makes none negative."""
    assert milliseconds(nanoseconds) == expected


def test_the_system_clock_moves_on() -> None:
    """Both readings exist and do not go back."""
    clock = SystemClock()
    assert clock.monotonic_ns() <= clock.monotonic_ns()
    assert clock.wall_ns() > 1_700_000_000 * 10**9


def test_utc_now_is_aware(clock: FakeClock) -> None:
    """Logic that needs a date gets one with its zone."""
    assert utc_now(clock) == datetime.fromtimestamp(1_800_000_000, UTC)
