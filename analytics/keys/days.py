"""Days of the business time zone as spans of whole UTC hours, which is what rollups know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """When a day begins: the moment itself, and the first UTC hour that reports count to it."""

    begins_at: datetime
    first_hour: datetime

    @classmethod
    def of(cls, day: date, zone: ZoneInfo) -> BusinessDay:
        """The start of a day in a zone.

        Where it is not on a whole hour, reports count the hour in which the day begins to the day
        before, so the hour after it is the first.
        """
        begins_at = datetime.combine(day, time(), zone).astimezone(UTC)
        hour = begins_at.replace(minute=0, second=0, microsecond=0)
        return cls(begins_at, hour if hour == begins_at else hour + timedelta(hours=1))

    @property
    def is_rounded(self) -> bool:
        """Whether the day does not begin on a whole UTC hour."""
        return self.begins_at != self.first_hour
