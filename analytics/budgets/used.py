"""What a scope used, hour by hour: the one place where budgets ask the store."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from analytics.currencies.convert import converted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from analytics.budgets.budget import Budget, Scope
    from analytics.currencies.convert import Converted
    from analytics.store import Store

_CONDITIONS: Final[Mapping[str, str]] = {
    "key": "(key_id = $key OR key_name = $key)",
    "team": "team = $team",
    "model": "model = $model",
    "deployment": "deployment = $deployment",
}
_SUMS: Final[Mapping[str, str]] = {
    "tokens": "COALESCE(sum(input_tokens), 0) + COALESCE(sum(output_tokens), 0)",
    "requests": "COALESCE(sum(requests), 0)",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What belongs to a budget of money and is not counted in it."""

    other_currencies: Mapping[str, Decimal]
    """What has no exchange rate, in the currency it was charged in."""
    unpriced_requests: int


def used_hourly(
    store: Store, budget: Budget, since: datetime, until: datetime, *, timezone: str = "UTC"
) -> dict[datetime, Decimal]:
    """Exact amounts by the UTC hour in which they began, from `since` on and before `until`.

    Tokens are input and output; cached and reasoning tokens are parts of these. Money of another
    currency is converted by the exchange rate of its day in `timezone`.
    """
    values: dict[str, object] = {"since": since, "until": until, **budget.named}
    if budget.measure == "money":
        money = _money(store, budget, since, until, timezone)
        values |= money.parameters
        text = f"SELECT hour, sum(cost) FROM {money.rows} WHERE cost IS NOT NULL"  # noqa: S608 - ours
    else:
        text = f"SELECT hour, {_SUMS[budget.measure]} FROM traffic_hourly WHERE TRUE"  # noqa: S608 - ours
    rows = store.ask(f"{text} AND {_condition(budget)} GROUP BY hour", values).rows()
    return {hour: Decimal(amount) for hour, amount in rows}


def left_out(
    store: Store, budget: Budget, since: datetime, until: datetime, *, timezone: str = "UTC"
) -> LeftOut:
    """Charges of the budget's scope without an exchange rate, and usage that no rate covers."""
    where = _condition(budget)
    money = _money(store, budget, since, until, timezone)
    values = {"since": since, "until": until, **budget.named, **money.parameters}
    others = store.ask(
        f"SELECT charged_currency, sum(charged_cost) FROM {money.rows} WHERE unconverted <> 0 "  # noqa: S608 - our own names
        f"AND {where} GROUP BY charged_currency HAVING sum(charged_cost) <> 0",
        values,
    ).rows()
    unpriced = store.ask(
        "SELECT COALESCE(sum(unpriced_requests), 0) FROM unpriced_requests_hourly "  # noqa: S608 - our own names
        f"WHERE {where}",
        values,
    ).rows()
    return LeftOut({name: Decimal(cost) for name, cost in others}, int(unpriced[0][0]))


def _money(
    store: Store, budget: Budget, since: datetime, until: datetime, timezone: str
) -> Converted:
    return converted(store, "charges", since, until, currency=budget.currency, timezone=timezone)


def is_known(store: Store, scope: Scope) -> bool:
    """Whether the store has ever seen anything of the scope; a misspelt one has nothing."""
    parts = " AND ".join(_CONDITIONS[name] for name in scope.named) or "TRUE"
    for table in ("traffic_hourly", "charges"):
        if store.ask(f"SELECT 1 FROM {table} WHERE {parts} LIMIT 1", scope.named).height:  # noqa: S608 - ours
            return True
    return False


def _condition(scope: Scope) -> str:
    return " AND ".join(
        ["hour >= $since", "hour < $until", *(_CONDITIONS[name] for name in scope.named)]
    )
