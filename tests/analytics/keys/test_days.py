"""Days of business become spans of whole UTC hours."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from analytics.keys import BusinessDay


@pytest.mark.parametrize(
    ("zone", "day", "first_hour", "rounded"),
    [
        ("UTC", date(2026, 11, 1), "2026-11-01T00:00Z", False),
        ("Europe/Berlin", date(2026, 11, 1), "2026-10-31T23:00Z", False),
        ("Europe/Berlin", date(2026, 7, 1), "2026-06-30T22:00Z", False),
        ("America/New_York", date(2026, 11, 1), "2026-11-01T04:00Z", False),
        ("Asia/Kolkata", date(2026, 11, 1), "2026-10-31T19:00Z", True),
        ("Asia/Kathmandu", date(2026, 11, 1), "2026-10-31T19:00Z", True),
    ],
)
def test_a_day_begins_with_the_first_hour_that_reports_count_to_it(
    zone: str, day: date, first_hour: str, *, rounded: bool
) -> None:
    """Reports put a UTC hour into the day in which it begins."""
    found = BusinessDay.of(day, ZoneInfo(zone))
    assert found.first_hour == datetime.fromisoformat(first_hour)
    assert found.is_rounded is rounded
    assert found.first_hour.astimezone(ZoneInfo(zone)).date() == day
