"""Latency: percentiles, from the histograms, or from the events when it is about callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.histogram import BUCKET_SQL, value_sql
from analytics.reports.split import Split, parameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from analytics.store import Store
    from analytics.types import Filters

_OF_CALLERS: Final = frozenset({"key", "team"})
KNOWN: Final = ("key", "team", "backend", "model", "deployment", "operation", "day", "hour")
_PERCENTILES: Final = (50, 90, 95, 99)


def latency(
    store: Store, filters: Filters, by: Iterable[str] = ("backend",), *, timezone: str = "UTC"
) -> pl.DataFrame:
    """Percentiles of duration and time to the first chunk in ms, at most 1 % off; busiest first.

    Of requests that were answered (status below 400) by a backend to a client that stayed.
    Histograms do not know callers, so a report about keys or teams reads the events themselves.

    Raises:
        QueryError: `by` names something unknown.
    """
    split = Split.of(by, KNOWN)
    about_callers = not _OF_CALLERS.isdisjoint(split.by) or filters.key or filters.team
    table = _EVENTS if about_callers else "latency_hourly"
    values = ", ".join(
        f"min(ms) FILTER (so_far >= total * {percent} / 100.0) AS p{percent}_ms"
        for percent in _PERCENTILES
    )
    by_row = f"{split.listed} measure"
    text = f"""
        WITH chosen AS ({split.rows(table, filters)}),
        counted AS (
            SELECT {split.listed} {split.newest_name} measure, bucket, sum(requests) AS n
            FROM chosen GROUP BY {by_row}, bucket HAVING sum(requests) > 0
        ),
        ranked AS (
            SELECT *, sum(n) OVER (PARTITION BY {by_row}) AS total,
                sum(n) OVER (PARTITION BY {by_row} ORDER BY bucket) AS so_far,
                {value_sql("bucket")} AS ms
            FROM counted
        )
        SELECT {split.listed} {"max(key_name) AS key_name, " if split.newest_name else ""}
            measure, max(total)::BIGINT AS requests, {values}
        FROM ranked GROUP BY {by_row}
        ORDER BY {split.times} requests DESC, measure
    """  # noqa: S608 - our own names
    return store.frame(text, parameters(filters, text, timezone))


_EVENTS: Final = f"""(
    SELECT date_trunc('hour', started_at) AS hour, key_id, key_name, team, backend, model,
        billed_deployment AS deployment, operation, measure, {BUCKET_SQL} AS bucket, 1 AS requests
    FROM (
        SELECT *, 'duration' AS measure, duration_ms AS ms FROM events
        UNION ALL
        SELECT *, 'time_to_first_chunk', time_to_first_chunk_ms FROM events
    )
    -- the hours are chosen later; this spares reading the files of others
    WHERE started_at >= $since AND started_at < $until + INTERVAL 1 HOUR
      AND aggregate IS NOT TRUE AND ms IS NOT NULL AND status_code < 400
      AND NOT COALESCE(cache_hit, FALSE)
      AND NOT COALESCE(client_disconnected, FALSE)
)"""  # noqa: S608 - our own names
