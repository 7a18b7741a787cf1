"""Spend: what was used and what it cost, from the rollups of charges and traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb

from analytics.currencies.convert import checked, converted, too_large
from analytics.currencies.unconverted import QUESTION, Unconverted
from analytics.reports.split import DIMENSIONS, Split, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from analytics.currencies.convert import Converted
    from analytics.store import Store
    from analytics.types import Filters

_OF_CHARGES: Final = frozenset({"meter", "usage_source"})
_HAVING_USED: Final = """
    HAVING sum(requests) <> 0 OR sum(cost) <> 0 OR sum(unconverted) <> 0
        OR sum(input_tokens) <> 0 OR sum(output_tokens) <> 0
"""
"""What a correction took back leaves rows that add up to nothing."""
_MONEY: Final = """
    COALESCE(sum(unconverted), 0)::BIGINT AS unconverted_charges,
    CASE WHEN sum(unconverted) <> 0 THEN sum(cost) FILTER (cost <> 0) ELSE sum(cost) END AS cost,
    $money_currency AS currency
"""
"""What costs nothing costs nothing in any currency, but beside what has no rate it is no total."""


def spend(
    store: Store,
    filters: Filters,
    by: Iterable[str] = (),
    *,
    timezone: str = "UTC",
    currency: str = "USD",
) -> pl.DataFrame:
    """Cost, requests and tokens by anything of `DIMENSIONS`, dearest first.

    `cost` is in `currency`, which is a column too: the exact sum of what has a price and an
    exchange rate, a Decimal; NULL when nothing has, or only what is free beside what has no rate.
    Requests that used something without a price are counted in `unpriced_requests`, charges
    without an exchange rate in `unconverted_charges`; `unconverted` says which. Split by meter or
    usage source, the rows count the requests that used the meter, and tell its quantity. Months,
    days and hours are those of `timezone`, put together from whole UTC hours.

    Raises:
        QueryError: `by` names something unknown, or the sums are too large.
    """
    split = Split.of(by, DIMENSIONS)
    money = _charges(store, filters, timezone, currency)
    build = _by_meter if _OF_CHARGES & set(split.by) else _by_request
    return checked(_ask(store, build(split, filters, money.rows), filters, timezone, money))


def unconverted(
    store: Store, filters: Filters, *, timezone: str = "UTC", currency: str = "USD"
) -> list[Unconverted]:
    """What `spend` leaves out because no exchange rate covers it, by currency."""
    money = _charges(store, filters, timezone, currency)
    rows = Split.of(["day"], DIMENSIONS).rows(money.rows, filters)
    text = f"WITH chosen AS ({rows}) {QUESTION}"
    return [Unconverted(*row) for row in _ask(store, text, filters, timezone, money).iter_rows()]


def _charges(store: Store, filters: Filters, timezone: str, currency: str) -> Converted:
    return converted(
        store, "charges", filters.since, filters.until, currency=currency, timezone=timezone
    )


def _ask(
    store: Store, text: str, filters: Filters, timezone: str, money: Converted
) -> pl.DataFrame:
    try:
        return store.frame(text, {**parameters(filters, text, timezone), **money.parameters})
    except duckdb.OutOfRangeException:
        raise too_large() from None


def _by_meter(split: Split, filters: Filters, charges: str) -> str:
    return f"""
        WITH charged AS ({split.rows(charges, filters)})
        SELECT {split.listed} {split.newest_name}
            COALESCE(sum(requests), 0)::BIGINT AS requests,
            COALESCE(sum(requests) FILTER (charged_cost IS NULL), 0)::BIGINT
                AS unpriced_requests,
            sum(quantity) AS quantity, {_MONEY}
        FROM charged GROUP BY ALL
        {"HAVING sum(quantity) <> 0" if split.columns else ""}
        ORDER BY {split.times} cost DESC NULLS LAST, requests DESC
    """  # noqa: S608 - our own names


def _by_request(split: Split, filters: Filters, charges: str) -> str:
    return f"""
        WITH charged AS ({split.rows(charges, filters)}),
        asked AS ({split.rows("traffic_hourly", filters)}),
        unpriced AS ({split.rows("unpriced_requests_hourly", filters)}),
        combined AS (
            SELECT moment, key_name, {split.listed} cost, unconverted FROM charged
            UNION ALL BY NAME
            SELECT moment, key_name, {split.listed} unpriced_requests FROM unpriced
            UNION ALL BY NAME
            SELECT moment, key_name, {split.listed} requests, input_tokens, cached_input_tokens,
                output_tokens
            FROM asked WHERE requests IS NOT NULL
        )
        SELECT {split.listed} {split.newest_name}
            COALESCE(sum(requests), 0)::BIGINT AS requests,
            COALESCE(sum(unpriced_requests), 0)::BIGINT AS unpriced_requests,
            COALESCE(sum(input_tokens), 0)::BIGINT AS input_tokens,
            COALESCE(sum(cached_input_tokens), 0)::BIGINT AS cached_input_tokens,
            COALESCE(sum(output_tokens), 0)::BIGINT AS output_tokens,
            {_MONEY}
        FROM combined GROUP BY ALL
        {_HAVING_USED if split.columns else ""}
        ORDER BY {split.times} cost DESC NULLS LAST, requests DESC
    """  # noqa: S608 - our own names
