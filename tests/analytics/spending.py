"""Stores with weeks of made-up spend, written into the rollups at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.store import Store

HOUR = timedelta(hours=1)
_CHARGE: dict[str, Any] = {
    "key_id": "k_0123456789abcdef", "key_name": "search-app", "team": "search",
    "backend": "sweden", "region": "swedencentral", "deployment": "chat",
    "deployment_type": "global", "model": "gpt-4o", "operation": "chat",
    "usage_source": "reported", "meter": "output", "currency": "USD", "requests": 1,
}  # fmt: skip
_KINDS = {
    "hour": pa.timestamp("us", tz="UTC"),
    "cost": pa.decimal128(38, 18),
    "quantity": pa.decimal128(38, 6),
    "requests": pa.int64(),
}


def charge(hour: datetime, cost: str | Decimal | None, **fields: Any) -> dict[str, Any]:
    """A row of `charges_hourly`; without a cost no rate covers it."""
    amount = None if cost is None else Decimal(cost)
    reason = {"unpriced_reason": "unknown_model"} if cost is None else {}
    return {**_CHARGE, "hour": hour, "cost": amount, "quantity": Decimal(1), **reason, **fields}


def add_charges(store: Store, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows of `charges_hourly` in one transaction."""
    listed = list(rows)
    names = sorted({name for row in listed for name in row})
    table = pa.table(
        {
            name: pa.array([row.get(name) for row in listed], _KINDS.get(name, pa.string()))
            for name in names
        }
    )
    with store.transaction() as connection:
        connection.register("made_charges", table)
        connection.execute("INSERT INTO usage.charges_hourly BY NAME SELECT * FROM made_charges")
        connection.unregister("made_charges")


def every_hour(since: datetime, until: datetime, cost: str, **fields: Any) -> list[dict[str, Any]]:
    """The same cost in each hour of a span."""
    return [charge(since + n * HOUR, cost, **fields) for n in range(int((until - since) / HOUR))]
