"""Days, weeks and months of the business."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.business_days import PeriodKind, midnight, period_at

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
    "America/Santiago", "Pacific/Apia", "Africa/Casablanca",
)  # fmt: skip


@given(
    kind=st.sampled_from(["daily", "weekly", "monthly"]),
    moment=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    zone=st.sampled_from(ZONES),
)
def test_every_moment_is_in_one_period(kind: PeriodKind, moment: datetime, zone: str) -> None:
    """Periods follow one another without gap or overlap, through every change of the clocks."""
    period = period_at(kind, moment, ZoneInfo(zone))
    assert period.since <= moment < period.until
    following = period_at(kind, period.until, ZoneInfo(zone))
    assert following.since == period.until
    assert following.name > period.name
    before = period_at(kind, period.since - timedelta(microseconds=1), ZoneInfo(zone))
    assert before.until == period.since


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)]
)
def test_a_day_is_as_long_as_its_clock_says(day: str, hours: int) -> None:
    """The days on which clocks change have 23 or 25 hours."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    period = period_at("daily", noon, ZoneInfo("Europe/Berlin"))
    assert period.name == day
    assert period.length == timedelta(hours=hours)


def test_a_budget_begins_anew_at_the_business_midnight() -> None:
    """23:30 UTC on the last of the month is the next month in Berlin, and not yet in New York."""
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert period_at("monthly", late, ZoneInfo("Europe/Berlin")).name == "2026-12"
    assert period_at("monthly", late, ZoneInfo("America/New_York")).name == "2026-11"
    assert period_at("daily", late, ZoneInfo("Europe/Berlin")).name == "2026-12-01"


def test_weeks_begin_on_monday_and_have_their_years_number() -> None:
    """The first days of a January may belong to the last week of the year before."""
    sunday = datetime(2027, 1, 3, 12, tzinfo=UTC)
    week = period_at("weekly", sunday, ZoneInfo("UTC"))
    assert week.name == "2026-W53"
    assert week.since == datetime(2026, 12, 28, tzinfo=UTC)


def test_a_midnight_that_is_skipped_is_the_first_moment_after() -> None:
    """In Santiago the clock goes from 24:00 to 01:00: the day begins then."""
    begin = midnight(date(2026, 9, 6), ZoneInfo("America/Santiago"))
    assert begin.astimezone(ZoneInfo("America/Santiago")).isoformat() == "2026-09-06T01:00:00-03:00"
    before = begin - timedelta(seconds=1)
    assert before.astimezone(ZoneInfo("America/Santiago")).date() == date(2026, 9, 5)
