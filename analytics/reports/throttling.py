"""Throttling: how often backends turned calls away, and what they said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.reports.split import DIMENSIONS, Split, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from analytics.store import Store
    from analytics.types import Filters

KNOWN: Final = tuple(name for name in DIMENSIONS if name not in {"meter", "usage_source"})


def throttling(
    store: Store, filters: Filters, by: Iterable[str] = ("backend",), *, timezone: str = "UTC"
) -> pl.DataFrame:
    """Requests, calls to backends, 429s by kind, Retry-After and headroom; most throttled first.

    A request counts at the backend that answered it, a call (attempt) where it was made.
    `retry_rate` is calls beyond the first per request, `throttle_rate` throttled calls per call.
    `throttled_minutes` are clock minutes of a backend with at least one 429, whoever called;
    split by something finer they count the minutes in which that was throttled.

    Raises:
        QueryError: `by` names something unknown.
    """
    split = Split.of(by, KNOWN)
    text = f"""
        WITH seen AS ({split.rows("traffic_hourly", filters)}),
        minutes AS (
            SELECT moment, backend, {_without_backend(split)}
                bit_count(bit_or(throttled_minutes)) AS n
            FROM seen GROUP BY ALL
        ),
        throttled AS (
            SELECT {split.listed} COALESCE(sum(n), 0)::BIGINT AS throttled_minutes
            FROM minutes GROUP BY ALL
        ),
        counted AS (
            SELECT {split.listed} {split.newest_name} {_COUNTS}
            FROM seen GROUP BY ALL
        )
        SELECT c.*, m.throttled_minutes
        FROM counted AS c JOIN throttled AS m ON {_same(split)}
        ORDER BY {split.times} throttled_attempts DESC, attempts DESC
    """  # noqa: S608 - our own names
    return store.frame(text, parameters(filters, text, timezone))


_SUMS: Final = (
    "requests", "throttled_requests", "gateway_throttled_requests", "attempts", "retries",
    "failed_attempts", "throttled_attempts", "throttled_token_rate", "throttled_call_rate",
    "throttled_busy", "throttled_capacity", "throttled_unknown",
)  # fmt: skip
_COUNTS: Final = f"""
    {", ".join(f"COALESCE(sum({name}), 0)::BIGINT AS {name}" for name in _SUMS)},
    sum(retries) / NULLIF(sum(requests), 0) AS retry_rate,
    sum(throttled_attempts) / NULLIF(sum(attempts), 0) AS throttle_rate,
    sum(retry_after_ms_sum) / NULLIF(sum(retry_after_count), 0) AS mean_retry_after_ms,
    max(retry_after_ms_max) AS max_retry_after_ms,
    min(min_remaining_tokens) AS min_remaining_tokens,
    min(min_remaining_requests) AS min_remaining_requests,
    max(max_utilization) AS max_utilization
"""


def _without_backend(split: Split) -> str:
    return "".join(f"{name}, " for name in split.columns if name != "backend")


def _same(split: Split) -> str:
    return " AND ".join(
        ["TRUE", *(f"c.{name} IS NOT DISTINCT FROM m.{name}" for name in split.columns)]
    )
