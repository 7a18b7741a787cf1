"""The time range of a page: presets, the period before it to compare with, and bucket widths.

Days begin where the business's clock says midnight. From a day on, a period starts and ends on
whole hours, because the rollups it is answered from are hourly; shorter ones are answered from the
events themselves, to the minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from analytics.business_days import midnight

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

CUSTOM = "Custom days"
DEFAULT = "Last 24 hours"
_MINUTES = {"Last 15 minutes": 15, "Last hour": 60, "Last 6 hours": 360}
_DAYS = {"Today": 1, "Last 7 days": 7, "Last 30 days": 30, "Last 90 days": 90}
PRESETS = (
    *_MINUTES,
    DEFAULT,
    *_DAYS,
    "This month",
    "Last month",
    CUSTOM,
)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_LONGEST_FROM_EVENTS = 6 * HOUR
_LONGEST_CUSTOM = 366 * DAY


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open span of time in UTC, and its name."""

    name: str
    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """From the first moment to the last."""
        return self.until - self.since

    @property
    def before(self) -> Period:
        """The span of the same length that ends where this one begins."""
        return Period(f"before {self.name}", self.since - self.length, self.since)

    @property
    def from_events(self) -> bool:
        """Whether hourly rollups would be too coarse for it."""
        return self.length <= _LONGEST_FROM_EVENTS

    @property
    def bar_width(self) -> timedelta:
        """Width of one bar: few enough to compare, whole hours or days from a day on."""
        if self.from_events:
            return self.line_width
        return HOUR if self.length <= 2 * DAY else DAY

    @property
    def line_width(self) -> timedelta:
        """Width of one point of a line: as fine as the source and the eye allow."""
        if self.length <= HOUR:
            return MINUTE
        if self.from_events:
            return 5 * MINUTE
        if self.length <= 8 * DAY:
            return HOUR
        return 6 * HOUR if self.length <= 35 * DAY else DAY


def period(preset: str, days: tuple[date, date] | None, now: datetime, zone: ZoneInfo) -> Period:
    """The span that a preset names at `now`; `days` are first and last day of a custom one."""
    if preset in _MINUTES:
        until = _next(now, MINUTE)
        return Period(preset.lower(), until - _MINUTES[preset] * MINUTE, until)
    until = _next(now, HOUR)
    today = now.astimezone(zone).date()
    if preset in _DAYS:
        first = today - (_DAYS[preset] - 1) * DAY
        return Period(preset.lower(), midnight(first, zone), until)
    if preset == "This month":
        return Period(preset.lower(), midnight(today.replace(day=1), zone), until)
    if preset == "Last month":
        last = today.replace(day=1) - DAY
        return _whole_days(preset.lower(), last.replace(day=1), last, zone)
    if preset == CUSTOM and days is not None:
        first, last = min(days), max(days)
        first = max(first, last - _LONGEST_CUSTOM)
        return _whole_days(f"{first} to {last}", first, last, zone)
    return Period(DEFAULT.lower(), until - DAY, until)


def _whole_days(name: str, first: date, last: date, zone: ZoneInfo) -> Period:
    return Period(name, midnight(first, zone), midnight(last + DAY, zone))


def _next(moment: datetime, step: timedelta) -> datetime:
    """The next multiple of `step`, so that a page asked twice within one asks the same question."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + ((moment - epoch) // step + 1) * step
