"""Rollups: what a batch adds to the hours it touches, appended as deltas.

Appending beats updating (measured: half the time at 2,000 rows a batch), and two writers never
collide over an hour. Readers sum; `maintain` folds hours that have ended into few rows.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from analytics.histogram import BUCKET_SQL
from analytics.load.price import UNKNOWN_USAGE

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from analytics.ratecard.rate import Meter
    from analytics.types import LoadResult

_CALLER: Final = "key_id, key_name, team"
_PLACE: Final = "backend, region, {deployment}, deployment_type, model, operation"
_BY_EVENT: Final = f"hour, {_CALLER}, {_PLACE.format(deployment='billed_deployment')}"

_TRAFFIC: Final = f"""
    INSERT INTO usage.traffic_hourly BY NAME
    SELECT {_BY_EVENT.replace("billed_deployment", "billed_deployment AS deployment")},
        count(*) AS requests,
        count(*) FILTER (status_code >= 400) AS errors,
        count(*) FILTER (throttled_by IS NOT NULL) AS throttled_requests,
        count(*) FILTER (throttled_by = 'gateway') AS gateway_throttled_requests,
        count(*) FILTER (cache_hit) AS cache_hits,
        count(*) FILTER (client_disconnected) AS client_disconnects,
        count(*) FILTER (usage_source = 'estimated') AS estimated_requests,
        count(*) FILTER (cost IS NULL) AS unpriced_requests,
        sum(input_tokens)::BIGINT AS input_tokens,
        sum(cached_input_tokens)::BIGINT AS cached_input_tokens,
        sum(output_tokens)::BIGINT AS output_tokens
    FROM facts GROUP BY {_BY_EVENT}
    UNION ALL BY NAME
    SELECT date_trunc('hour', started_at) AS hour, {_CALLER},
        {_PLACE.format(deployment="deployment")},
        count(*) AS attempts,
        count(*) FILTER (attempt > 1) AS retries,
        count(*) FILTER (status_code IS NULL OR status_code >= 400) AS failed_attempts,
        count(*) FILTER (status_code = 429) AS throttled_attempts,
        count(*) FILTER (status_code = 429 AND throttle = 'token_rate') AS throttled_token_rate,
        count(*) FILTER (status_code = 429 AND throttle = 'call_rate') AS throttled_call_rate,
        count(*) FILTER (status_code = 429 AND throttle = 'busy') AS throttled_busy,
        count(*) FILTER (status_code = 429 AND throttle = 'capacity') AS throttled_capacity,
        count(*) FILTER (status_code = 429 AND (throttle IS NULL
            OR throttle NOT IN ('token_rate', 'call_rate', 'busy', 'capacity')))
            AS throttled_unknown,
        bit_or(1::BIGINT << minute(started_at)) FILTER (status_code = 429) AS throttled_minutes,
        count(retry_after_ms) AS retry_after_count,
        sum(retry_after_ms) AS retry_after_ms_sum, max(retry_after_ms) AS retry_after_ms_max,
        min(remaining_tokens) AS min_remaining_tokens,
        min(remaining_requests) AS min_remaining_requests,
        max(utilization) AS max_utilization
    FROM new_attempts GROUP BY ALL
"""  # noqa: S608 - our own names
_LATENCY: Final = f"""
    INSERT INTO usage.latency_hourly BY NAME
    WITH answered AS (
        SELECT hour, backend, billed_deployment AS deployment, model, operation,
            COALESCE(stream, FALSE) AS stream, duration_ms, time_to_first_chunk_ms
        FROM facts
        WHERE status_code < 400 AND NOT COALESCE(cache_hit, FALSE)
          AND NOT COALESCE(client_disconnected, FALSE)
    ), measured AS (
        SELECT * EXCLUDE (duration_ms, time_to_first_chunk_ms),
            'duration' AS measure, duration_ms AS ms FROM answered
        UNION ALL
        SELECT * EXCLUDE (duration_ms, time_to_first_chunk_ms),
            'time_to_first_chunk', time_to_first_chunk_ms FROM answered
    )
    SELECT * EXCLUDE (ms), {BUCKET_SQL} AS bucket, count(*) AS requests
    FROM measured WHERE ms IS NOT NULL
    GROUP BY ALL
"""  # noqa: S608 - our own names


def append_rollups(connection: duckdb.DuckDBPyConnection, meters: tuple[Meter, ...]) -> None:
    """Add `facts` and `new_attempts` to charges, traffic and latency."""
    for statement in (_charges(meters), _TRAFFIC, _LATENCY):
        connection.execute(statement)


def count_load(connection: duckdb.DuckDBPyConnection, result: LoadResult, now: datetime) -> None:
    """Count the commit itself."""
    connection.execute(
        """
        INSERT INTO usage.loads_hourly
        SELECT date_trunc('hour', $1::TIMESTAMPTZ), 1, $2, $3, $4,
               min(started), max(started), $1::TIMESTAMPTZ
        FROM facts
        """,
        [now, result.stored, result.duplicates, result.dead_letters],
    )


@functools.cache
def _charges(meters: tuple[Meter, ...]) -> str:
    by = f"{_BY_EVENT}, model_version, usage_source, sheet_id"
    used = [
        f"{{meter: '{meter}', quantity: sum(n_{meter})::DECIMAL(26, 6), "
        f"requests: count(*) FILTER (n_{meter} > 0)}}"
        for meter in meters
    ]
    used.append(
        f"{{meter: '{UNKNOWN_USAGE}', requests: count(*) FILTER (usage_unknown), "
        "quantity: (count(*) FILTER (usage_unknown))::DECIMAL(26, 6)}"
    )
    return f"""
        INSERT INTO usage.charges_hourly BY NAME
        WITH used AS (
            SELECT {by}, unnest([{", ".join(used)}]) AS m
            FROM facts WHERE billed GROUP BY {by}
        )
        SELECT u.* EXCLUDE (m, sheet_id, billed_deployment), u.billed_deployment AS deployment,
            r.meter, r.rate_id, r.unpriced_reason,
            u.m.requests AS requests, u.m.quantity AS quantity,
            (u.m.quantity * r.price)::DECIMAL(38, 18) AS cost
        FROM used AS u JOIN sheet_rates AS r ON r.sheet_id = u.sheet_id AND r.meter = u.m.meter
        WHERE u.m.quantity > 0
    """  # noqa: S608 - our own names
