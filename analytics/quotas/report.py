"""How much of its contracted quota each deployment used: its fullest minutes, and the month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from analytics.business_days import period_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import polars as pl

    from analytics.quotas.quota import Contract
    from analytics.store import Store

_UTC_TIME: Final = pa.timestamp("us", tz="UTC")
_CONTRACT: Final = pa.schema(
    {
        "number": pa.int32(),
        "deployment": pa.string(),
        "backend": pa.string(),
        "tokens_per_minute": pa.int64(),
        "requests_per_minute": pa.int64(),
        "capacity": pa.int64(),
        "valid_from": _UTC_TIME,
        "valid_to": _UTC_TIME,
    }
)
# The more particular contract holds: the one of a backend before the one of all. Percent is of
# whatever is fullest; a provisioned deployment says itself how full it is.
_MINUTES: Final = """
    WITH matched AS (
        SELECT m.*, c.* EXCLUDE (deployment, backend)
        FROM quota_minutely AS m JOIN contracts AS c
            ON c.deployment = m.deployment AND (c.backend IS NULL OR c.backend = m.backend)
            AND (c.valid_from IS NULL OR m.minute >= c.valid_from)
            AND (c.valid_to IS NULL OR m.minute < c.valid_to)
        WHERE m.minute >= $since AND m.minute < $until
        QUALIFY row_number() OVER (
            PARTITION BY m.minute, m.backend, m.deployment
            ORDER BY c.backend IS NULL, c.number
        ) = 1
    ), minutes AS (
        SELECT *, greatest(
            100.0 * tokens / tokens_per_minute, 100.0 * requests / requests_per_minute,
            CASE WHEN capacity IS NOT NULL THEN max_utilization END
        ) AS percent
        FROM matched
    )
"""
_REPORT: Final = f"""
    {_MINUTES}, used AS (
        SELECT deployment, backend, number,
            max(tokens) AS peak_tokens, quantile_disc(tokens, 0.95) AS p95_tokens,
            max(requests) AS peak_requests, quantile_disc(requests, 0.95) AS p95_requests,
            max(max_utilization) AS max_utilization, max(limit_tokens) AS stated_tokens_limit,
            max(percent) AS peak_percent, arg_max(minute, percent) AS peak_at,
            quantile_disc(percent, 0.95) AS p95_percent,
            count(*) AS minutes, count(*) FILTER (percent >= 80) AS minutes_over_80,
            count(*) FILTER (percent >= 100) AS minutes_over_100,
            sum(throttled_attempts)::BIGINT AS throttled_attempts
        FROM minutes GROUP BY ALL
    ), month AS (
        SELECT deployment, backend,
            (COALESCE(sum(input_tokens), 0) + COALESCE(sum(output_tokens), 0))::BIGINT
                AS month_tokens,
            COALESCE(sum(requests), 0)::BIGINT AS month_requests
        FROM traffic_hourly WHERE hour >= $month AND hour < $until GROUP BY ALL
    )
    SELECT c.deployment, COALESCE(u.backend, c.backend) AS backend,
        c.tokens_per_minute, c.requests_per_minute, c.capacity,
        u.peak_percent, u.peak_at, u.p95_percent, u.peak_tokens, u.p95_tokens, u.peak_requests,
        u.p95_requests, u.max_utilization, u.stated_tokens_limit,
        COALESCE(u.minutes, 0) AS minutes, COALESCE(u.minutes_over_80, 0) AS minutes_over_80,
        COALESCE(u.minutes_over_100, 0) AS minutes_over_100,
        COALESCE(u.throttled_attempts, 0) AS throttled_attempts,
        m.month_tokens, m.month_requests,
        100.0 * m.month_tokens / (c.tokens_per_minute * $month_minutes) AS month_tokens_percent
    FROM contracts AS c LEFT JOIN used AS u USING (number)
    LEFT JOIN month AS m
        ON m.deployment = c.deployment
        AND m.backend IS NOT DISTINCT FROM COALESCE(u.backend, c.backend)
        -- a contract that has ended has no month
        AND COALESCE(c.valid_to, $until) >= $until
    WHERE u.number IS NOT NULL OR COALESCE(c.valid_to, $until) >= $until
    ORDER BY u.peak_percent DESC NULLS LAST, c.deployment, backend
"""  # noqa: S608 - our own text
_FULL: Final = f"""
    {_MINUTES}
    SELECT deployment, backend, number, count(*) AS minutes, max(percent) AS peak_percent,
        sum(throttled_attempts)::BIGINT AS throttled_attempts
    FROM minutes WHERE percent >= $percent GROUP BY ALL
"""  # noqa: S608 - our own text


def quota_report(
    store: Store,
    contracts: Sequence[Contract],
    *,
    since: datetime,
    until: datetime,
    timezone: str = "UTC",
) -> pl.DataFrame:
    """One row for each contract and backend, the fullest first.

    Peaks and 95th percentiles are of the minutes with traffic from `since` to `until`; the month is
    the business's, up to `until`. A contract without traffic has NULLs.
    """
    month = period_at("monthly", until, ZoneInfo(timezone))
    passed = max(1, int((until - month.since).total_seconds() // 60))
    return _ask(
        store, _REPORT, contracts,
        {"since": since, "until": until, "month": month.since, "month_minutes": passed},
    )  # fmt: skip


def full_minutes(
    store: Store,
    contracts: Sequence[Contract],
    *,
    since: datetime,
    until: datetime,
    percent: float,
) -> pl.DataFrame:
    """How many minutes reached `percent` of their quota: deployment, backend, minutes, peak."""
    values = {"since": since, "until": until, "percent": percent}
    return _ask(store, _FULL, contracts, values)


def _ask(
    store: Store, text: str, contracts: Sequence[Contract], values: dict[str, object]
) -> pl.DataFrame:
    rows = [
        {"number": number, **{name: getattr(one, name) for name in _CONTRACT.names[1:]}}
        for number, one in enumerate(contracts)
    ]
    cursor = store.cursor()
    try:
        cursor.register("contracts", pa.Table.from_pylist(rows, schema=_CONTRACT))
        return cursor.execute(text, values).pl()
    finally:
        cursor.close()
