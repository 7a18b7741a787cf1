"""Months begin where the business is, and the one before a month is a month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from analytics.errors import QueryError
from analytics.exports.period import Period


def test_a_month_begins_and_ends_at_midnight_of_its_zone() -> None:
    """March in Berlin starts in winter time and ends in summer time."""
    month = Period.month("2026-03", "Europe/Berlin")
    assert month.since == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert month.until == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_december_ends_with_the_year() -> None:
    """The next month is in the next year, and so is the one before January."""
    assert Period.month("2026-12").until == datetime(2027, 1, 1, tzinfo=UTC)
    assert Period.month("2027-01").before() == Period.month("2026-12")


def test_before_a_month_is_the_whole_month_before() -> None:
    """February is compared with all of January, though that is longer."""
    zone = "America/New_York"
    assert Period.month("2026-02", zone).before() == Period.month("2026-01", zone)


def test_before_another_period_is_as_long_a_one() -> None:
    """A week is compared with the week before."""
    since = datetime(2026, 10, 8, tzinfo=UTC)
    before = Period(since, since + timedelta(days=7)).before()
    assert (before.since, before.until) == (since - timedelta(days=7), since)


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-00", "0000-01", "October", "2026-1"])
def test_what_is_no_month_is_refused(text: str) -> None:
    """With a sentence that shows one."""
    with pytest.raises(QueryError, match="such as 2026-10"):
        Period.month(text)
