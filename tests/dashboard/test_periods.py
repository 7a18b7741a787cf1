"""Time ranges on the business's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard.periods import CUSTOM, DAY, HOUR, PRESETS, period

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 23, 40, 12, tzinfo=UTC)


def test_a_day_begins_at_the_business_midnight() -> None:
    """At 23:40 UTC it is tomorrow in Berlin already, and `Today` is that day."""
    today = period("Today", None, NOW, BERLIN)
    assert today.since == datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert today.until == datetime(2026, 11, 22, 0, tzinfo=UTC)


def test_last_month_is_whole_also_over_a_change_of_clocks() -> None:
    """October in Berlin has an hour more than 31 days."""
    october = period("Last month", None, NOW, BERLIN)
    assert october.since == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert october.until == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert october.length == 31 * DAY + HOUR


def test_short_ranges_go_to_the_minute_and_to_the_events() -> None:
    """The last hour ends with this minute, and hourly rollups do not answer it."""
    hour = period("Last hour", None, NOW, BERLIN)
    assert hour.until == datetime(2026, 11, 21, 23, 41, tzinfo=UTC)
    assert hour.length == HOUR
    assert hour.from_events
    assert not period("Last 24 hours", None, NOW, BERLIN).from_events


def test_custom_days_are_whole_and_in_order() -> None:
    """First and last day both count, whichever was picked first."""
    days = period(CUSTOM, (date(2026, 11, 5), date(2026, 11, 3)), NOW, BERLIN)
    assert days.since == datetime(2026, 11, 2, 23, tzinfo=UTC)
    assert days.length == 3 * DAY


def test_custom_days_have_a_bound() -> None:
    """A link with a century in it asks for a year."""
    days = period(CUSTOM, (date(1926, 1, 1), date(2026, 11, 3)), NOW, BERLIN)
    assert days.length <= 368 * DAY


@pytest.mark.parametrize("preset", ["nonsense", "", CUSTOM])
def test_an_unknown_range_is_the_last_day(preset: str) -> None:
    """A range that is none, or custom without days, falls back instead of failing."""
    assert period(preset, None, NOW, BERLIN).length == DAY


@given(
    st.sampled_from([preset for preset in PRESETS if preset != CUSTOM]),
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001 - made aware below
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"]),
)
@example("Today", datetime(2026, 11, 1), "UTC")  # noqa: DTZ001
@example("This month", datetime(2026, 11, 1), "UTC")  # noqa: DTZ001
def test_every_range_holds_something_and_has_a_before(
    preset: str, moment: datetime, zone: str
) -> None:
    """No moment and no zone makes a range empty; the one before ends where it begins."""
    chosen = period(preset, None, moment.replace(tzinfo=UTC), ZoneInfo(zone))
    assert chosen.length >= timedelta(minutes=15) or preset in {"Today", "This month"}
    assert chosen.length > timedelta(0)
    assert chosen.before.until == chosen.since
    assert chosen.before.length == chosen.length
    assert chosen.length / chosen.line_width <= 300
    assert chosen.length / chosen.bar_width <= 100
