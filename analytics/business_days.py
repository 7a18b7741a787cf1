"""Days, weeks and months of the business: where they begin and end in UTC.

Rollups know whole UTC hours and an hour belongs to the period in which it begins, so the periods of
a zone that is off by half an hour are cut half an hour late, everywhere in the same way: each hour
is in exactly one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

PeriodKind = Literal["daily", "weekly", "monthly"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """One day, week or month: its name, and its half-open span in UTC."""

    kind: PeriodKind
    name: str
    """`2026-11-22`, `2026-W47` or `2026-11`; names of one kind sort by time."""
    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """From its first moment to its last; a day may have 23 or 25 hours."""
        return self.until - self.since


def period_at(kind: PeriodKind, moment: datetime, zone: ZoneInfo) -> Period:
    """The period that `moment` falls in; weeks begin on Monday."""
    today = moment.astimezone(zone).date()
    if kind == "daily":
        first, following, name = today, today + _DAY, today.isoformat()
    elif kind == "weekly":
        first = today - today.weekday() * _DAY
        following, name = first + 7 * _DAY, f"{first:%G-W%V}"
    else:
        first = today.replace(day=1)
        following, name = (first + 32 * _DAY).replace(day=1), f"{first:%Y-%m}"
    return Period(kind, name, midnight(first, zone), midnight(following, zone))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When `day` begins in `zone`, in UTC; its first moment where a clock change skips midnight."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
