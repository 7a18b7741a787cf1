"""What the rest of a period will bring: season times level, and an interval from past errors."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from analytics.forecast.history import History
from analytics.forecast.level import Level, level_of
from analytics.forecast.season import WEEK, month_days, place_in_month, weekdays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)
_SMALLEST_FACTOR: Final = 0.05
"""A weekday that is worth less tells nothing of the level."""
_PRIOR_DAY: Final = 0.5
"""How much of a usual day weighs against what today showed so far."""
_MOST_PACE: Final = 2.0
_FEWEST_DAYS: Final = 7
_ORIGINS: Final = 42
"""Days from each second of which a forecast is made, to see how it errs."""
_FEWEST_ERRORS: Final = 5
_TAIL: Final = 0.1
_STRETCH: Final = 4.0
"""A few errors say little of the next one: of four the interval is twice as wide, of forty not."""
_LEAST: Final = 0.02
_UNKNOWN: Final = math.log(1.6)
"""Nothing is known of the errors yet: from five eighths to eight fifths."""
_MICRO: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Model:
    """What days are made of, as the days before showed it."""

    factors: Sequence[float]
    special: Mapping[int, float]
    level: Level

    def day(self, day: date, days_ahead: int) -> float:
        """What `day` will cost, `days_ahead` after the last day known."""
        spot = place_in_month(day)
        special = self.special.get(spot, 1.0) if spot is not None else 1.0
        return self.level.at(days_ahead) * self.factors[day.weekday()] * special


def fit(first: date, days: Sequence[float]) -> Model:
    """The model of days from `first` on, oldest first; at least one."""
    factors = weekdays(first, days)
    special = month_days(first, days, factors)
    plain = []
    for place, amount in enumerate(days[-8 * WEEK :], max(0, len(days) - 8 * WEEK)):
        day = first + place * _DAY
        spot = place_in_month(day)
        factor = factors[day.weekday()] * (special.get(spot, 1.0) if spot is not None else 1.0)
        if factor >= _SMALLEST_FACTOR:
            plain.append(amount / factor)
    return Model(factors, special, level_of(plain or [0.0]))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a period will have brought at its end, with an interval that holds four times in five.

    `low` is never below what was used already. `days` whole days are what it is made of.
    """

    expected: Decimal
    low: Decimal
    high: Decimal
    days: int

    @property
    def well_founded(self) -> bool:
        """Whether it knows a whole week; before, it is a guess that nobody should be woken for."""
        return self.days >= WEEK


def forecast(
    hours: Mapping[datetime, Decimal],
    *,
    now: datetime,
    since: datetime,
    until: datetime,
    zone: ZoneInfo,
) -> Forecast | None:
    """Where a period that began at `since` stands at `until`; None without a whole day before now.

    Args:
        hours: exact amounts by the begin of their hour in UTC, as far back as `LOOK_BACK`.
        now: the moment of asking; later hours are left out.
        since: begin of the period, which may lie before the first hour.
        until: its end, after `now`.
        zone: the business's time zone.
    """
    history = History.of(hours, now, zone)
    if history is None:
        return None
    used = sum(
        (amount for hour, amount in hours.items() if since <= hour <= now and hour < until),
        Decimal(0),
    )
    whole_days = (until.astimezone(zone).date() - history.date_today).days - 1
    model = fit(history.first, history.days)
    today = _rest_of_today(model, history) if until > now else 0.0
    # Corrections may leave days below nothing; what comes is not foreseen to pay back.
    rest = max(0.0, today + _days_ahead(model, history.date_today, 2, whole_days))
    below, above = _spread(history, max(1, whole_days))
    return Forecast(
        expected=used + _decimal(rest),
        low=used + _decimal(rest * below),
        high=used + _decimal(rest * above),
        days=len(history.days),
    )


def _rest_of_today(model: Model, history: History) -> float:
    """What today still brings: its usual rest, more when it was dearer than usual so far."""
    usual = model.day(history.date_today, 1)
    left = usual * (1 - history.passed)
    if usual <= 0:
        return 0.0
    pace = (history.today + _PRIOR_DAY * usual) / (usual * (history.passed + _PRIOR_DAY))
    return left * min(pace, _MOST_PACE)


def _days_ahead(model: Model, today: date, first_ahead: int, count: int) -> float:
    """The sum of `count` whole days; `first_ahead` says how far the first is from the known."""
    return sum(
        model.day(today + (number + 1) * _DAY, first_ahead + number) for number in range(count)
    )


def _spread(history: History, horizon: int) -> tuple[float, float]:
    """Which multiples of a forecast hold what came, four times in five, by the errors of the past.

    Forecasts as far ahead as this one are made from days of the last weeks, as if each were today,
    and compared with what came. Where history is too short for that, shorter ones stand in.
    """
    size = len(history.days)
    ahead = max(1, min(horizon, size // 3))
    errors = []
    for place in range(size - ahead, max(_FEWEST_DAYS, size - ahead - _ORIGINS) - 1, -2):
        model = fit(history.first, history.days[:place])
        asked = _days_ahead(model, history.first + (place - 1) * _DAY, 1, ahead)
        came = sum(history.days[place : place + ahead])
        if asked > 0 and came > 0:
            errors.append(math.log(came / asked))
    if len(errors) < _FEWEST_ERRORS:
        return math.exp(-_UNKNOWN), math.exp(_UNKNOWN)
    errors.sort()
    middle = statistics.median(errors)
    low, high = _quantile(errors, _TAIL), _quantile(errors, 1 - _TAIL)
    stretch = math.sqrt(horizon / ahead) * (1 + _STRETCH / len(errors))
    return (
        math.exp(min(0.0, middle + (low - middle) * stretch, -_LEAST)),
        math.exp(max(0.0, middle + (high - middle) * stretch, _LEAST)),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the ordered ones are, between two by the line."""
    place = share * (len(ordered) - 1)
    left = math.floor(place)
    right = min(left + 1, len(ordered) - 1)
    return ordered[left] + (ordered[right] - ordered[left]) * (place - left)


def _decimal(amount: float) -> Decimal:
    """An estimate as money: six digits after the point, more would say what nobody knows."""
    return Decimal(repr(amount)).quantize(_MICRO)
