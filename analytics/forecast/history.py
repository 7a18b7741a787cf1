"""What a forecast looks back on: whole business days, and how much of today has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from analytics.business_days import midnight

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal
    from zoneinfo import ZoneInfo

LOOK_BACK: Final = timedelta(days=190)
"""Longer ago tells nothing that the last half year does not."""
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_RECENT_DAYS: Final = 28
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class History:
    """Amounts of the days before today, oldest first, and of today so far.

    Amounts are binary fractions here: what comes of them is an estimate, and exact money never
    passes through.
    """

    first: date
    days: tuple[float, ...]
    today: float
    passed: float
    """Share of a day like today that is usually spent by now, from 0 to 1."""

    @property
    def date_today(self) -> date:
        """The business day of now."""
        return self.first + len(self.days) * _DAY

    @classmethod
    def of(cls, hours: Mapping[datetime, Decimal], now: datetime, zone: ZoneInfo) -> Self | None:
        """The days that the hours (UTC, begin of each) before `now` make; None without a whole one.

        The first day is left out when its usage began inside it and there is another one.
        """
        used = sorted(hour for hour, amount in hours.items() if amount and hour <= now)
        if not used:
            return None
        start, today = used[0].astimezone(zone), now.astimezone(zone).date()
        first = start.date()
        if used[0] >= midnight(first, zone) + _HOUR and (today - first).days > 1:
            first += _DAY
        size = (today - first).days
        if size < 1:
            return None
        days, so_far = [0.0] * size, 0.0
        clock: dict[tuple[int, int], float] = {}
        for hour in used:
            local = hour.astimezone(zone)
            place, amount = (local.date() - first).days, float(hours[hour])
            if place == size:
                so_far += amount
            elif place >= 0:
                days[place] += amount
                clock[place, local.hour] = clock.get((place, local.hour), 0.0) + amount
        passed = _passed(clock, first, size, now.astimezone(zone))
        return cls(first, tuple(days), so_far, passed)


def _passed(clock: Mapping[tuple[int, int], float], first: date, size: int, now: datetime) -> float:
    """Which share of a day like today its hours until now have had, over the last four weeks.

    Days of the week and of the weekend differ in this; each day counts for the same, whatever it
    cost, so that one dear night does not shape all days.
    """
    weekend = now.weekday() >= _SATURDAY
    shares, alike = [0.0] * 24, 0
    for place in range(max(0, size - _RECENT_DAYS), size):
        if ((first + place * _DAY).weekday() >= _SATURDAY) != weekend:
            continue
        whole = sum(clock.get((place, hour), 0.0) for hour in range(24))
        if whole > 0:
            alike += 1
            for hour in range(24):
                shares[hour] += clock.get((place, hour), 0.0) / whole
    part = (now - now.replace(minute=0, second=0, microsecond=0)) / _HOUR
    if not alike:
        return (now.hour + part) / 24
    passed = sum(shares[: now.hour]) + part * shares[now.hour]
    return min(1.0, max(0.0, passed / alike))
