"""What a run changed, by day, key and model, and the runs there were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from analytics.errors import QueryError

if TYPE_CHECKING:
    from analytics.store import Store

_MONEY: Final = pl.Decimal(38, 18)
_BY: Final = ("day", "key", "team", "model", "currency")


def by_day_key_and_model(changes: pl.DataFrame) -> pl.DataFrame:
    """Sums of `Repricing.changes`, the largest difference first.

    Columns day, key, team, model, currency, cost_before, cost_after and difference, all exact; a
    cost is NULL when none of it has a price. `difference` is NULL where the currency changed.
    """
    priced_after = pl.coalesce("currency_after", "currency_before")
    same_currency = pl.col("currency_before") == pl.col("currency_after")
    named = changes.with_columns(
        key=pl.coalesce("key_name", "key_id"),
        model=pl.coalesce("model_after", "model"),
        currency=priced_after,
        difference=pl.when(same_currency).then(
            pl.col("cost_after").fill_null(0) - pl.col("cost_before").fill_null(0)
        ),
    )
    money = [_sum_or_null(name) for name in ("cost_before", "cost_after", "difference")]
    summed = named.group_by(_BY).agg(money)
    return summed.sort(
        pl.col("difference").abs(), "day", "key", "model", descending=[True, False, False, False],
        nulls_last=True,
    )  # fmt: skip


def runs(store: Store) -> pl.DataFrame:
    """Every run, newest first: when, over which days, why, and how much it changed."""
    return store.frame(
        """
        SELECT r.run_id, r.started_at, r.since, r.until, r.reason, r.charges, r.events,
            c.currency, c.cost_before, c.cost_after, r.sources
        FROM price_runs AS r LEFT JOIN (
            SELECT run_id, COALESCE(currency_after, currency_before) AS currency,
                sum(cost_before) AS cost_before, sum(cost_after) AS cost_after
            FROM price_changes GROUP BY ALL
        ) AS c USING (run_id)
        ORDER BY r.started_at DESC, c.currency
        """
    )


def changes_of(store: Store, run_id: str) -> pl.DataFrame:
    """What one run changed: the rows of `price_changes`.

    Raises:
        QueryError: there was no such run.
    """
    if store.frame("SELECT 1 FROM price_runs WHERE run_id = ?", [run_id]).is_empty():
        raise QueryError(f"there is no run {run_id}: `gatemeter rates runs` lists them")
    return store.frame(
        "SELECT * EXCLUDE (run_id) FROM price_changes WHERE run_id = ? "
        "ORDER BY day, key_name, model, meter",
        [run_id],
    )


def _sum_or_null(name: str) -> pl.Expr:
    """Polars takes the sum of nothing for 0; of what has no price it is unknown."""
    column = pl.col(name)
    return pl.when(column.is_not_null().any()).then(column.sum()).cast(_MONEY).alias(name)
