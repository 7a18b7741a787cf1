"""Times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gatemeter.spans import parse_duration, parse_moment

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("90m", NOW - timedelta(minutes=90)),
        (" 2W ", NOW - timedelta(weeks=2)),
        ("2026-11-01", datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("2026-07-01T12:00", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-11-01T12:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("2026-11-01T12:00-05:00", datetime(2026, 11, 1, 17, tzinfo=UTC)),
    ],
)
def test_ages_and_dates(text: str, moment: datetime) -> None:
    """An age counts from now, a date is the business's, a zone in the text wins."""
    assert parse_moment(text, NOW, BERLIN) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-7d", "7y", "2026-13-01", "999999w"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    """The message shows what would be one."""
    with pytest.raises(ValueError, match=r"is no time|too long ago"):
        parse_moment(text, NOW, BERLIN)


def test_lengths_of_time() -> None:
    """Retention is a length, not a moment."""
    assert parse_duration("90d") == timedelta(days=90)
    with pytest.raises(ValueError, match="30m, 24h, 7d or 2w"):
        parse_duration("2026-11-01")
