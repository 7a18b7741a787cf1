"""Where each budget stands: used, in percent, and where its period will end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Final, Literal
from zoneinfo import ZoneInfo

from analytics.budgets.used import LeftOut, is_known, left_out, used_hourly
from analytics.business_days import Period, period_at
from analytics.forecast import LOOK_BACK, Forecast, forecast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from analytics.budgets.budget import Budget
    from analytics.store import Store

State = Literal["ok", "warning", "forecast over", "over"]
_PERCENT_DIGITS: Final = Decimal("0.01")
_HUNDRED: Final = Decimal(100)
_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Status:
    """A budget in its running period; `forecast` is None while there is not a day to go by."""

    budget: Budget
    period: Period
    used: Decimal
    forecast: Forecast | None
    days_left: Decimal
    known: bool
    left_out: LeftOut

    @property
    def percent(self) -> Decimal:
        """Of the limit, used so far; cut and not rounded, so that 99.999 % is not yet 100."""
        return percent_of(self.used, self.budget.limit)

    @property
    def forecast_percent(self) -> Decimal | None:
        """Of the limit, expected at the period's end."""
        return percent_of(self.forecast.expected, self.budget.limit) if self.forecast else None

    @property
    def state(self) -> State:
        """`over` from 100 % on; then what a well-founded forecast says, then the thresholds."""
        if self.used >= self.budget.limit:
            return "over"
        expected = self.forecast
        if expected and expected.well_founded and expected.expected >= self.budget.limit:
            return "forecast over"
        return "warning" if any(self.percent >= one for one in self.budget.actual) else "ok"


def percent_of(part: Decimal, whole: Decimal) -> Decimal:
    """`part` in percent of `whole`, with two digits, cut."""
    return (part * _HUNDRED / whole).quantize(_PERCENT_DIGITS, ROUND_DOWN)


def statuses(
    store: Store, budgets: Sequence[Budget], *, now: datetime, timezone: str
) -> list[Status]:
    """Where the budgets stand at `now`, in their order; periods are those of `timezone`."""
    return [_running(store, budget, now.astimezone(UTC), ZoneInfo(timezone)) for budget in budgets]


def closed_status(store: Store, budget: Budget, period: Period, timezone: str) -> Status:
    """How the period before `period` ended, without a forecast."""
    zone = ZoneInfo(timezone)
    ended = period_at(budget.period, period.since - _MOMENT, zone)
    hours = used_hourly(store, budget, ended.since, ended.until, timezone=timezone)
    return _status(store, budget, ended, hours, zone=zone)


def _running(store: Store, budget: Budget, now: datetime, zone: ZoneInfo) -> Status:
    period = period_at(budget.period, now, zone)
    since = min(period.since, now - LOOK_BACK)
    hours = used_hourly(store, budget, since, period.until, timezone=zone.key)
    expected = _in_units(
        forecast(hours, now=now, since=period.since, until=period.until, zone=zone), budget
    )
    left = days_between(now, period.until)
    return _status(store, budget, period, hours, zone=zone, expected=expected, days_left=left)


def _status(
    store: Store,
    budget: Budget,
    period: Period,
    hours: Mapping[datetime, Decimal],
    *,
    zone: ZoneInfo,
    expected: Forecast | None = None,
    days_left: Decimal = Decimal(0),
) -> Status:
    inside = (one for hour, one in hours.items() if period.since <= hour < period.until)
    outside = LeftOut({}, 0)
    if budget.measure == "money":
        outside = left_out(store, budget, period.since, period.until, timezone=zone.key)
    return Status(
        budget=budget,
        period=period,
        used=sum(inside, Decimal(0)),
        forecast=expected,
        days_left=days_left,
        known=bool(hours) or is_known(store, budget),
        left_out=outside,
    )


def _in_units(expected: Forecast | None, budget: Budget) -> Forecast | None:
    """Whole tokens and requests."""
    if expected is None or budget.measure == "money":
        return expected
    return replace(
        expected,
        expected=Decimal(round(expected.expected)),
        low=Decimal(round(expected.low)),
        high=Decimal(round(expected.high)),
    )


def days_between(now: datetime, until: datetime) -> Decimal:
    """Days until `until`, with one digit."""
    seconds = Decimal(int((until - now).total_seconds()))
    return (seconds / 86_400).quantize(Decimal("0.1"), ROUND_DOWN)
