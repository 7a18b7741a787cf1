"""Alerts of budgets: thresholds of what was used, and of what is expected at the period's end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from analytics.alerts.alert import Alert
from analytics.alerts.wording import amount, plain
from analytics.budgets.status import closed_status, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from decimal import Decimal

    from analytics.budgets.budget import Budget
    from analytics.budgets.status import Status
    from analytics.store import Store

GRACE: Final = timedelta(days=1)
"""So long after its end a period is looked at once more: its last events come late."""


def budget_alerts(
    store: Store,
    budgets: Sequence[Budget],
    *,
    now: datetime,
    timezone: str,
    channels: tuple[str, ...] = (),
) -> list[Alert]:
    """Every threshold that is crossed now, or was when the period before ended.

    `channels` are for budgets that name none. Of thresholds that are crossed together the highest
    is told; the lower ones are superseded.
    """
    found: list[Alert] = []
    for status in statuses(store, budgets, now=now, timezone=timezone):
        to = status.budget.channels or channels
        if now - status.period.since < GRACE:
            found += _actual(closed_status(store, status.budget, status.period, timezone), to)
        found += _actual(status, to)
        found += _forecast(status, to)
    return found


def _actual(status: Status, channels: tuple[str, ...]) -> Iterator[Alert]:
    budget = status.budget
    crossed = sorted((one for one in budget.actual if status.percent >= one), reverse=True)
    for place, threshold in enumerate(crossed):
        used = amount(status.used, budget.unit)
        limit = amount(budget.limit, budget.unit)
        yield Alert(
            kind="budget",
            subject=budget.name,
            period=status.period.name,
            threshold=_threshold(budget, threshold),
            title=f"Budget {budget.name}: {status.percent:.0f} % used",
            text=f"{used} of {limit} are used in {status.period.name} ({budget}), {_left(status)}.",
            channels=channels,
            facts=_facts(status, threshold),
            superseded=place > 0,
        )


def _forecast(status: Status, channels: tuple[str, ...]) -> Iterator[Alert]:
    budget, expected = status.budget, status.forecast
    percent = status.forecast_percent
    # Once the limit is used up, a forecast that it will be is no news.
    if expected is None or percent is None or status.used >= budget.limit:
        return
    if not expected.well_founded:
        return
    crossed = sorted((one for one in budget.forecast if percent >= one), reverse=True)
    for place, threshold in enumerate(crossed):
        unit = budget.unit
        yield Alert(
            kind="forecast",
            subject=budget.name,
            period=status.period.name,
            threshold=_threshold(budget, threshold),
            title=f"Budget {budget.name}: {percent:.0f} % expected by the end",
            text=f"{status.period.name} ({budget}) is expected to end at "
            f"{amount(expected.expected, unit)}, between {amount(expected.low, unit)} and "
            f"{amount(expected.high, unit)}; the limit is {amount(budget.limit, unit)}. "
            f"Used so far: {amount(status.used, unit)}, {_left(status)}.",
            channels=channels,
            facts=_facts(status, threshold),
            superseded=place > 0,
        )


def _threshold(budget: Budget, percent: Decimal) -> str:
    # With the limit, so that a budget that was raised tells of its new thresholds.
    return f"{plain(percent)} % of {plain(budget.limit)} {budget.unit}"


def _left(status: Status) -> str:
    return f"{status.days_left} days left" if status.days_left > 0 else "the period has ended"


def _facts(status: Status, threshold: Decimal) -> dict[str, str]:
    budget = status.budget
    facts = {
        "budget": budget.name,
        "scope": str(budget),
        "period": status.period.name,
        "limit": plain(budget.limit),
        "used": plain(status.used),
        "unit": budget.unit,
        "percent": plain(status.percent),
        "threshold_percent": plain(threshold),
    }
    if status.forecast is not None:
        facts |= {
            "forecast": plain(status.forecast.expected),
            "forecast_low": plain(status.forecast.low),
            "forecast_high": plain(status.forecast.high),
        }
    return facts
