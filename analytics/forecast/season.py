"""What a day of the week is worth, and what the days around the month's end are, from the past."""

from __future__ import annotations

import functools
import statistics
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

WEEK: Final = 7
_MOST_DAYS: Final = 56
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_MONTH_DAYS: Final = (-3, -2, -1, 1, 2)
"""Days of a month that may be special: its last three and its first two."""
_FEWEST_MONTHS: Final = 2
_SPECIAL: Final = 1.35
"""A day of the month is special when it was each time so much more (or less) than its weekday."""


def weekdays(first: date, days: Sequence[float]) -> list[float]:
    """A factor for each weekday, Monday first, with a mean of 1; all 1 with less than a week.

    Each day is compared with the week around it, so that growth leaves the factors alone; the
    median over eight weeks keeps spikes out. With few weeks a weekday is drawn towards the others
    of its kind, working days or weekend.
    """
    recent = list(days[-_MOST_DAYS:])
    if len(recent) < WEEK:
        return [1.0] * WEEK
    start = (first + (len(days) - len(recent)) * _DAY).weekday()
    ratios: list[list[float]] = [[] for _ in range(WEEK)]
    for place, amount in enumerate(recent):
        left = min(max(0, place - WEEK // 2), len(recent) - WEEK)
        around = sum(recent[left : left + WEEK]) / WEEK
        if around > 0:
            ratios[(start + place) % WEEK].append(amount / around)
    if not any(ratios):
        return [1.0] * WEEK
    kinds = [
        [ratio for day in range(WEEK) if (day >= _SATURDAY) == weekend for ratio in ratios[day]]
        for weekend in (False, True)
    ]
    common = [statistics.median(kind) if kind else 1.0 for kind in kinds]
    factors = [
        (_median_times(ratios[day]) + common[day >= _SATURDAY]) / (len(ratios[day]) + 1)
        for day in range(WEEK)
    ]
    mean = sum(factors) / WEEK
    return [factor / mean for factor in factors] if mean > 0 else [1.0] * WEEK


def _median_times(ratios: Sequence[float]) -> float:
    """The median as many times as there are values; 0 of none."""
    return statistics.median(ratios) * len(ratios) if ratios else 0.0


def month_days(first: date, days: Sequence[float], factors: Sequence[float]) -> dict[int, float]:
    """What the month's last and first days are worth, where at least two months agree.

    The key is the day's place in its month: -1 is the last, 1 the first. Invoices, month-end jobs
    and the like come back there, whatever the weekday.
    """
    dates = [first + place * _DAY for place in range(len(days))]
    spots = [place_in_month(day) for day in dates]
    plain = [
        amount / factors[day.weekday()] if spot is None and factors[day.weekday()] > 0 else None
        for amount, day, spot in zip(days, dates, spots, strict=True)
    ]
    ratios: dict[int, list[float]] = {}
    for place, spot in enumerate(spots):
        if spot is None:
            continue
        around = [one for one in plain[max(0, place - WEEK) : place + WEEK + 1] if one is not None]
        usual = statistics.median(around) * factors[dates[place].weekday()] if around else 0.0
        if usual > 0:
            ratios.setdefault(spot, []).append(days[place] / usual)
    return {
        spot: statistics.median(found)
        for spot, found in ratios.items()
        if len(found) >= _FEWEST_MONTHS and (min(found) > _SPECIAL or max(found) < 1 / _SPECIAL)
    }


@functools.lru_cache(maxsize=1024)
def place_in_month(day: date) -> int | None:
    """Where a day stands in its month when that may matter: -3, -2, -1, 1 or 2."""
    following = (day.replace(day=1) + 32 * _DAY).replace(day=1)
    left = (day - following).days
    place = left if left in _MONTH_DAYS else day.day
    return place if place in _MONTH_DAYS else None
