"""What a forecast looks back on."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from analytics.forecast.history import History

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def evenly(since: datetime, until: datetime) -> dict[datetime, Decimal]:
    """One unit an hour."""
    count = math.ceil((until - since) / HOUR)
    return {since + number * HOUR: Decimal(1) for number in range(count)}


def test_days_are_the_businesss_own() -> None:
    """A day runs from local midnight to local midnight; that of the clock change has 25 hours."""
    begin = datetime(2026, 10, 23, 22, tzinfo=UTC)
    now = datetime(2026, 10, 26, 11, 30, tzinfo=UTC)
    history = History.of(evenly(begin, now), now, BERLIN)
    assert history is not None
    assert history.first == date(2026, 10, 24)
    assert history.days == (24.0, 25.0)
    assert history.today == 13.0


def test_a_first_day_that_began_late_does_not_count() -> None:
    """A team that joined in the afternoon has not had a cheap day."""
    begin = datetime(2026, 11, 2, 15, tzinfo=UTC)
    now = datetime(2026, 11, 6, 0, tzinfo=UTC)
    history = History.of(evenly(begin, now), now, ZoneInfo("UTC"))
    assert history is not None
    assert history.days == (24.0, 24.0, 24.0)


def test_without_a_whole_day_there_is_no_history() -> None:
    """Some hours are no ground for a forecast, and neither is nothing."""
    begin = datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert History.of(evenly(begin, begin + 9 * HOUR), begin + 9 * HOUR, BERLIN) is None
    assert History.of({}, begin, BERLIN) is None
    assert History.of({begin: Decimal(0)}, begin + 90 * HOUR, BERLIN) is None


def test_days_without_usage_are_days() -> None:
    """A quiet weekend counts as two zeros, not as nothing."""
    hours = {datetime(2026, 11, day, 0, tzinfo=UTC): Decimal(5) for day in (5, 6, 9)}
    history = History.of(hours, datetime(2026, 11, 10, 6, tzinfo=UTC), ZoneInfo("UTC"))
    assert history is not None
    assert history.days == (5.0, 5.0, 0.0, 0.0, 5.0)


def test_hours_after_now_are_left_out() -> None:
    """A forecast for yesterday does not know what came since."""
    begin = datetime(2026, 11, 2, tzinfo=UTC)
    now = begin + 60 * HOUR
    known = History.of(evenly(begin, now + HOUR), now, ZoneInfo("UTC"))
    more = History.of(evenly(begin, now + 200 * HOUR), now, ZoneInfo("UTC"))
    assert known == more


@pytest.mark.parametrize(("at", "passed"), [(9, 0.0), (13, 0.5), (17, 1.0), (23, 1.0)])
def test_what_has_passed_of_a_day_is_told_by_its_usage(at: int, passed: float) -> None:
    """At 13:00 a day of office hours is half over; at 23:00 there is nothing left of it."""
    monday = datetime(2026, 11, 2, tzinfo=UTC)
    hours = {
        monday + timedelta(days=day, hours=hour): Decimal(1)
        for day in range(4)
        for hour in range(9, 17)
    }
    history = History.of(hours, monday + timedelta(days=3, hours=at), ZoneInfo("UTC"))
    assert history is not None
    assert history.passed == pytest.approx(passed)
