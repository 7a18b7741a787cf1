"""How much a usual day costs by now, and whether that grows: from days freed of their season."""

from __future__ import annotations

import math
import operator
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_NORMAL: Final = 1.4826
"""A median absolute deviation times this is a standard deviation, where errors are normal."""
_RECENT: Final = 7
_LEVEL_DAYS: Final = 14
_HALF_LIFE_DAYS: Final = 4.0
_CLIP_DEVIATIONS: Final = 3.0
_SMALLEST_DEVIATION: Final = 0.08
_TREND_DAYS: Final = 14
"""Growth has to show in both of two spans as long as this."""
_STEEPEST: Final = math.log(1.06)
_DAMPING: Final = 0.95


@dataclass(frozen=True, slots=True)
class Level:
    """What a day without season costs: today's level, its growth a day, and the usual outliers."""

    amount: float
    growth: float
    """Change of the logarithm from one day to the next, which fades day by day."""
    extra: float
    """What outliers add to a day on average: they come back, nobody knows when."""

    def at(self, days_ahead: int) -> float:
        """The level so many days after the last one known."""
        faded = _DAMPING * (1 - _DAMPING**days_ahead) / (1 - _DAMPING)
        return self.amount * math.exp(self.growth * faded) + self.extra


def level_of(days: Sequence[float]) -> Level:
    """The level that the last days show; `days` are free of season, oldest first, not empty."""
    low, high = _usual(days[-_RECENT:])
    recent = [min(max(day, low), high) for day in days[-_LEVEL_DAYS:]]
    weights = [0.5 ** (age / _HALF_LIFE_DAYS) for age in range(len(recent) - 1, -1, -1)]
    amount = sum(map(operator.mul, recent, weights)) / sum(weights)
    return Level(amount, _growth(days), _extra(days))


def _usual(days: Sequence[float]) -> tuple[float, float]:
    """Between what amounts a day is no outlier."""
    middle = statistics.median(days)
    spread = _NORMAL * statistics.median(abs(day - middle) for day in days)
    width = _CLIP_DEVIATIONS * max(spread, _SMALLEST_DEVIATION * middle)
    return middle - width, middle + width


def _extra(days: Sequence[float]) -> float:
    """The mean of what single days stood out above the week around them.

    Where two in a row stand out it is not an outlier, but the level that has changed.
    """
    if len(days) < 2 * _RECENT:
        return 0.0
    above = [0.0] * len(days)
    for place, day in enumerate(days):
        week = days[max(0, place - _RECENT // 2) : place + _RECENT // 2 + 1]
        above[place] = max(0.0, day - _usual(week)[1])
    alone = [
        amount
        for before, amount, after in zip([0.0, *above], above, [*above[1:], 0.0], strict=False)
        if not before and not after
    ]
    return sum(alone) / len(days)


def _growth(days: Sequence[float]) -> float:
    """Daily growth that two spans in a row agree on, the weaker of both; 0 where they do not.

    A step, such as the launch of a product, is growth in one of them only.
    """
    logs = [math.log(day) if day > 0 else None for day in days[-2 * _TREND_DAYS :]]
    if len(logs) < 2 * _TREND_DAYS:
        return 0.0
    earlier, later = _slope(logs[:_TREND_DAYS]), _slope(logs[_TREND_DAYS:])
    if earlier * later <= 0:
        return 0.0
    weaker = min(abs(earlier), abs(later), _STEEPEST)
    return math.copysign(weaker, later)


def _slope(logs: Sequence[float | None]) -> float:
    """The median of the slopes between all pairs of days (Theil and Sen)."""
    known = [(place, value) for place, value in enumerate(logs) if value is not None]
    slopes = [
        (later - earlier) / (after - before)
        for index, (before, earlier) in enumerate(known)
        for after, later in known[index + 1 :]
    ]
    return statistics.median(slopes) if slopes else 0.0
