"""What the gateway needs to know to enforce budgets: which are used up, as a small JSON document.

The gateway never asks the store while a request waits. Somebody who may (`gatemeter budgets
publish`) asks every so often and writes this; see `gateway_hooks/gateway/budgets`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypedDict

from analytics.budgets.used import used_hourly
from analytics.business_days import period_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from analytics.budgets.budget import Budget
    from analytics.business_days import Period
    from analytics.store import Store

VERSION: Final = 1


class PublishedBudget(TypedDict):
    """One enforced budget; amounts are exact texts, times are ISO 8601 in UTC."""

    name: str
    enforce: str
    downgrade_to: str | None
    key: str | None
    team: str | None
    deployments: list[str] | None
    """Requests of any other deployment are not of its scope; None: of all."""
    used: str
    limit: str
    unit: str
    until: str


class Published(TypedDict):
    """The document."""

    version: int
    written_at: str
    budgets: list[PublishedBudget]


def published(
    store: Store, budgets: Sequence[Budget], *, now: datetime, zone: ZoneInfo
) -> Published:
    """The enforced ones of these budgets, with what was used of them up to now."""
    enforced = [budget for budget in budgets if budget.enforce != "off"]
    return {
        "version": VERSION,
        "written_at": now.astimezone(UTC).isoformat(),
        "budgets": [_published(store, budget, now=now, zone=zone) for budget in enforced],
    }


def _published(store: Store, budget: Budget, *, now: datetime, zone: ZoneInfo) -> PublishedBudget:
    period = period_at(budget.period, now, zone)
    hours = used_hourly(store, budget, period.since, period.until, timezone=zone.key)
    return {
        "name": budget.name,
        "enforce": budget.enforce,
        "downgrade_to": budget.downgrade_to,
        "key": budget.key,
        "team": budget.team,
        "deployments": _deployments(store, budget, period),
        "used": format(sum(hours.values()), "f"),
        "limit": format(budget.limit, "f"),
        "unit": budget.unit,
        "until": period.until.astimezone(UTC).isoformat(),
    }


def _deployments(store: Store, budget: Budget, period: Period) -> list[str] | None:
    """A gateway sees deployments and not their models, so a model is told by those it had."""
    if budget.deployment is not None:
        return [budget.deployment]
    if budget.model is None:
        return None
    rows = store.ask(
        "SELECT DISTINCT deployment FROM traffic_hourly WHERE hour >= $since AND hour < $until "
        "AND model = $model AND deployment IS NOT NULL ORDER BY deployment",
        {"since": period.since, "until": period.until, "model": budget.model},
    ).rows()
    return sorted({budget.model, *(name for (name,) in rows)})
