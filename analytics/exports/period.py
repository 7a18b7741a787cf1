"""The period of an export: aware, half open, and cut into days by one time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from zoneinfo import ZoneInfo

from analytics.errors import QueryError

_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_DECEMBER: Final = 12


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` until before `until`, in UTC; `timezone` says where days and months begin.

    Charges are known by the UTC hour, so a zone that is off by half an hour is cut half an hour
    late.
    """

    since: datetime
    until: datetime
    timezone: str = "UTC"

    @property
    def first_hour(self) -> datetime:
        """The first UTC hour that begins in it; one that began earlier belongs before it."""
        whole = self.since.replace(minute=0, second=0, microsecond=0)
        return whole if whole == self.since else whole + timedelta(hours=1)

    @classmethod
    def month(cls, text: str, timezone: str = "UTC") -> Self:
        """A calendar month, such as `2026-10`.

        Raises:
            QueryError: it is none.
        """
        match = _MONTH.fullmatch(text.strip())
        if match is None or not 1 <= int(match[2]) <= _DECEMBER or match[1] == "0000":
            raise QueryError(f"{text!r} is no month: give one such as 2026-10")
        year, month = int(match[1]), int(match[2])
        return cls(
            _month_start(year, month, timezone), _month_start(year, month + 1, timezone), timezone
        )

    def before(self) -> Self:
        """The period that ends where this one begins: a month's is the month before it."""
        zone = ZoneInfo(self.timezone)
        since, until = self.since.astimezone(zone), self.until.astimezone(zone)
        if self == self.month(f"{since:%Y-%m}", self.timezone):
            start = _month_start(since.year, since.month - 1, self.timezone)
        else:
            start = (since.replace(tzinfo=None) - (until - since)).replace(tzinfo=zone)
        return type(self)(start.astimezone(UTC), self.since, self.timezone)


def _month_start(year: int, month: int, timezone: str) -> datetime:
    years, index = divmod(month - 1, _DECEMBER)
    local = datetime(year + years, index + 1, 1, tzinfo=ZoneInfo(timezone))
    return local.astimezone(UTC)
