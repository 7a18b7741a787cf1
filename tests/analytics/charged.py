"""Charges and exchange rates of the tests' own, written straight into a store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from analytics.currencies import renew_exchange_rates
from tests.analytics.samples import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from analytics.store import Store

_CHARGE = """
    INSERT INTO charges_hourly BY NAME
    SELECT unnest($hour) AS hour, unnest($cost)::DECIMAL(38, 18) AS cost,
        unnest($currency) AS currency, unnest($team) AS team, unnest($model) AS model,
        unnest($requests)::BIGINT AS requests, 'k_1' AS key_id, 'app' AS key_name,
        'sweden' AS backend, 'chat' AS operation, 'reported' AS usage_source, 'input' AS meter,
        1000::DECIMAL(38, 6) AS quantity
"""


@dataclass(frozen=True, slots=True)
class Charge:
    """One row of the rollup of charges."""

    hour: datetime
    cost: Decimal | None
    currency: str = "USD"
    team: str = "search"
    model: str = "gpt-4o"
    requests: int = 1


def charge(store: Store, *charges: Charge) -> None:
    """Add charges."""
    columns = {
        name: [getattr(one, name) for one in charges]
        for name in ("hour", "currency", "team", "model", "requests")
    }
    costs = [None if one.cost is None else f"{one.cost:f}" for one in charges]
    with store.transaction() as connection:
        connection.execute(_CHARGE, {**columns, "cost": costs})


def exchange(store: Store, folder: Path, lines: Iterable[str], *, currency: str = "USD") -> Path:
    """Give the store exchange rates: lines of `date,from,to,rate`; the file they are in."""
    path = folder / "rates.csv"
    path.write_text("\n".join(("date,from,to,rate", *lines, "")))
    renew_exchange_rates(store, FakeClock(), file=path, currency=currency)
    return path
