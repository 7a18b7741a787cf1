"""Differences: which charges of a period the rate card of today would make otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.load.kept_sheet import TAKEN_FOR
from analytics.repricing.uses import CHARGE_USE, IN_SPAN, KEY

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb
    import polars as pl

NEW_COST: Final = "(quantity::DECIMAL(26, 6) * r.price)::DECIMAL(38, 18)"
"""What a charge's quantity costs by the rate `r`; exact, as when it is first stored."""
_IDENTITY: Final = ", ".join(f"s.{name} AS {name}_after" for name in TAKEN_FOR)
DIFFERS: Final = " OR ".join(
    f"{name} IS DISTINCT FROM {name}_after"
    for name in (*TAKEN_FOR, "rate_id", "unpriced_reason", "cost")
)
_CHANGED: Final = f"""
    CREATE OR REPLACE TEMP TABLE repriced AS
    WITH charged AS (
        SELECT {CHARGE_USE}, key_id, key_name, team, {", ".join(TAKEN_FOR)},
            billed_deployment, meter, rate_id, unpriced_reason,
            sum(quantity) AS quantity, sum(cost) AS cost
        FROM (SELECT *, deployment AS billed_deployment FROM usage.charges_hourly)
        WHERE hour {IN_SPAN}
        GROUP BY ALL HAVING sum(quantity) <> 0
    ), compared AS (
        SELECT c.*, u.sheet_id, {_IDENTITY}, r.rate_id AS rate_id_after,
            r.unpriced_reason AS unpriced_reason_after, {NEW_COST} AS cost_after
        FROM charged AS c JOIN uses AS u USING ({KEY}) JOIN sheets AS s USING (sheet_id)
        JOIN sheet_rates AS r ON r.sheet_id = u.sheet_id AND r.meter = c.meter
    )
    SELECT * FROM compared WHERE {DIFFERS}
"""  # noqa: S608 - our own texts
_BY_DAY: Final = """
    SELECT make_date(1970, 1, 1) + u_day::INTEGER AS day, key_id, key_name, team,
        billed_deployment AS deployment, model, model_after, meter,
        rate_id AS rate_id_before, rate_id_after,
        currency AS currency_before, currency_after,
        sum(quantity) AS quantity, sum(cost) AS cost_before, sum(cost_after) AS cost_after
    FROM repriced
    GROUP BY ALL
    ORDER BY day, key_name, model, meter
"""


def find_differences(
    connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime
) -> pl.DataFrame:
    """Make `repriced`, after `find_uses`; its sums as the columns of `price_changes`."""
    connection.execute(_CHANGED, {"since": since, "until": until})
    return connection.execute(_BY_DAY).pl()
