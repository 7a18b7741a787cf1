"""Spend: what was used and what it cost, from the rollups of charges and traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.reports.split import DIMENSIONS, Split, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from analytics.store import Store
    from analytics.types import Filters

_OF_CHARGES: Final = frozenset({"meter", "usage_source"})
_HAVING_USED: Final = """
    HAVING sum(requests) <> 0 OR sum(cost) <> 0 OR sum(input_tokens) <> 0 OR sum(output_tokens) <> 0
"""
"""What a correction took back leaves rows that add up to nothing."""


def spend(
    store: Store, filters: Filters, by: Iterable[str] = (), *, timezone: str = "UTC"
) -> pl.DataFrame:
    """Cost in USD, requests and tokens by anything of `DIMENSIONS`, dearest first.

    `cost` is the exact sum of what has a price, a Decimal; NULL when nothing has. Requests that
    used something without a price are counted in `unpriced_requests`. Split by meter or usage
    source, the rows count the requests that used the meter, and tell its quantity.
    Days and hours are those of `timezone`, put together from whole UTC hours.

    Raises:
        QueryError: `by` names something unknown.
    """
    split = Split.of(by, DIMENSIONS)
    text = _by_meter(split, filters) if _OF_CHARGES & set(split.by) else _by_request(split, filters)
    return store.frame(text, parameters(filters, text, timezone))


def _by_meter(split: Split, filters: Filters) -> str:
    return f"""
        WITH charged AS ({split.rows("charges", filters)})
        SELECT {split.listed} {split.newest_name}
            COALESCE(sum(requests), 0)::BIGINT AS requests,
            COALESCE(sum(requests) FILTER (cost IS NULL), 0)::BIGINT AS unpriced_requests,
            sum(quantity) AS quantity, sum(cost) AS cost
        FROM charged GROUP BY ALL
        {"HAVING sum(quantity) <> 0" if split.columns else ""}
        ORDER BY {split.times} cost DESC NULLS LAST, requests DESC
    """  # noqa: S608 - our own names


def _by_request(split: Split, filters: Filters) -> str:
    return f"""
        WITH charged AS ({split.rows("charges", filters)}),
        asked AS ({split.rows("traffic_hourly", filters)}),
        combined AS (
            SELECT moment, key_name, {split.listed} cost FROM charged
            UNION ALL BY NAME
            SELECT moment, key_name, {split.listed} requests, unpriced_requests, input_tokens,
                cached_input_tokens, output_tokens
            FROM asked WHERE requests IS NOT NULL
        )
        SELECT {split.listed} {split.newest_name}
            COALESCE(sum(requests), 0)::BIGINT AS requests,
            COALESCE(sum(unpriced_requests), 0)::BIGINT AS unpriced_requests,
            COALESCE(sum(input_tokens), 0)::BIGINT AS input_tokens,
            COALESCE(sum(cached_input_tokens), 0)::BIGINT AS cached_input_tokens,
            COALESCE(sum(output_tokens), 0)::BIGINT AS output_tokens,
            sum(cost) AS cost
        FROM combined GROUP BY ALL
        {_HAVING_USED if split.columns else ""}
        ORDER BY {split.times} cost DESC NULLS LAST, requests DESC
    """  # noqa: S608 - our own names
