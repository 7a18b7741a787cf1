"""Known deployments as a table for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from analytics.types import Deployment

_TIME: Final = pl.Datetime("us", "UTC")
_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "deployment": pl.String, "backend": pl.String, "model": pl.String, "version": pl.String,
    "deployment_type": pl.String, "region": pl.String, "sku": pl.String, "capacity": pl.Int64,
    "tokens_per_minute": pl.Int64, "requests_per_minute": pl.Int64,
    "valid_from": _TIME, "valid_to": _TIME, "source": pl.String, "state": pl.String,
}  # fmt: skip


def deployments_frame(entries: Iterable[Deployment], now: datetime) -> pl.DataFrame:
    """One row per entry; `state` is `current`, `past` or `future`."""
    rows = [
        [
            one.name, one.backend, one.model, one.version, one.deployment_type, one.region, one.sku,
            one.capacity, one.tokens_per_minute, one.requests_per_minute, one.valid_from,
            one.valid_to, one.source, _state(one, now),
        ]
        for one in entries
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort(
        "deployment", "backend", "valid_from", nulls_last=False
    )


def _state(entry: Deployment, now: datetime) -> str:
    if entry.valid_to is not None and entry.valid_to <= now:
        return "past"
    return "future" if entry.valid_from is not None and entry.valid_from > now else "current"
