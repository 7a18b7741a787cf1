"""Rollups: what a batch adds to the hours it touches, appended as deltas.

Appending beats updating (measured: half the time at 2,000 rows a batch), and two writers never
collide over an hour. Readers sum; `maintain` folds hours that have ended into few rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analytics.histogram import BUCKET_SQL
from analytics.load.price import UNKNOWN_USAGE
from analytics.ratecard.rate import METERS

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from analytics.types import LoadResult

_DIMENSIONS: Final = (
    "hour, key_id, key_name, team, backend, region, billed_deployment, deployment_type, model, "
    "operation"
)
_METERS: Final = ", ".join(
    f"{{meter: '{meter}', n: sum(n_{meter})::DECIMAL(38, 6), "
    f"requests: count(*) FILTER (n_{meter} > 0)}}"
    for meter in METERS
)
_CHARGES: Final = f"""
    INSERT INTO usage.charges_hourly BY NAME
    WITH used AS (
        SELECT {_DIMENSIONS}, model_version, usage_source, sheet_id,
            unnest([{_METERS},
                    {{meter: '{UNKNOWN_USAGE}', n: (count(*) FILTER (usage_unknown))::DECIMAL(38, 6),
                      requests: count(*) FILTER (usage_unknown)}}]) AS m
        FROM priced WHERE billed
        GROUP BY {_DIMENSIONS}, model_version, usage_source, sheet_id
    )
    SELECT u.* EXCLUDE (m, sheet_id, billed_deployment), u.billed_deployment AS deployment,
        u.m.meter AS meter, r.rate_id, r.unpriced_reason,
        u.m.requests AS requests, u.m.n AS quantity,
        (u.m.n::DECIMAL(26, 6) * r.price)::DECIMAL(38, 18) AS cost
    FROM used AS u JOIN sheet_rates AS r ON r.sheet_id = u.sheet_id AND r.meter = u.m.meter
    WHERE u.m.n > 0
"""
_REQUESTS: Final = f"""
    INSERT INTO usage.traffic_hourly BY NAME
    SELECT {_DIMENSIONS.replace("billed_deployment", "billed_deployment AS deployment")},
        count(*) AS requests,
        count(*) FILTER (status_code >= 400) AS errors,
        count(*) FILTER (throttled_by IS NOT NULL) AS throttled_requests,
        count(*) FILTER (throttled_by = 'gateway') AS gateway_throttled_requests,
        count(*) FILTER (cache_hit) AS cache_hits,
        count(*) FILTER (client_disconnected) AS client_disconnects,
        count(*) FILTER (usage_source = 'estimated') AS estimated_requests,
        sum(input_tokens)::BIGINT AS input_tokens,
        sum(cached_input_tokens)::BIGINT AS cached_input_tokens,
        sum(output_tokens)::BIGINT AS output_tokens
    FROM priced GROUP BY {_DIMENSIONS}
"""
_ATTEMPTS: Final = """
    INSERT INTO usage.traffic_hourly BY NAME
    SELECT date_trunc('hour', started_at) AS hour, key_id, key_name, team, backend, region,
        deployment, deployment_type, model, operation,
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
"""
_LATENCY: Final = f"""
    INSERT INTO usage.latency_hourly BY NAME
    SELECT hour, backend, billed_deployment AS deployment, model, operation,
        COALESCE(stream, FALSE) AS stream, measure, {BUCKET_SQL} AS bucket, count(*) AS requests
    FROM (
        SELECT *, unnest(['duration', 'time_to_first_chunk']) AS measure,
               unnest([duration_ms, time_to_first_chunk_ms]) AS ms
        FROM priced
        WHERE status_code < 400 AND NOT COALESCE(cache_hit, FALSE)
          AND NOT COALESCE(client_disconnected, FALSE)
    ) WHERE ms IS NOT NULL
    GROUP BY ALL
"""


def append_rollups(connection: duckdb.DuckDBPyConnection) -> None:
    """Add `priced` and `new_attempts` to charges, traffic and latency."""
    for statement in (_CHARGES, _REQUESTS, _ATTEMPTS, _LATENCY):
        connection.execute(statement)


def count_load(connection: duckdb.DuckDBPyConnection, result: LoadResult, now: datetime) -> None:
    """Count the commit itself."""
    connection.execute(
        """
        INSERT INTO usage.loads_hourly
        SELECT date_trunc('hour', $1::TIMESTAMPTZ), 1, $2, $3, $4,
               min(started_at), max(started_at), $1::TIMESTAMPTZ
        FROM priced
        """,
        [now, result.stored, result.duplicates, result.dead_letters],
    )
