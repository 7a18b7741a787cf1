"""Queries to start from on the SQL page, over the documented views; a test runs each."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final = {
    "The latest requests": """\
SELECT started_at, key_name, model, backend, status_code, input_tokens, output_tokens, cost
FROM usage_events
ORDER BY started_at DESC
LIMIT 50""",
    "Spend of each team and model, by day": """\
SELECT day, team, model, sum(cost) AS spend, sum(requests) AS charges
FROM spend_daily
WHERE day >= current_date - 30
GROUP BY ALL
ORDER BY day DESC, spend DESC""",
    "The dearest single requests": """\
SELECT started_at, key_name, team, model, operation, input_tokens, output_tokens, cost
FROM usage_events
WHERE started_at >= now() - INTERVAL 7 DAY AND cost IS NOT NULL
ORDER BY cost DESC
LIMIT 20""",
    "How well each key uses the prompt cache": """\
SELECT key_name, model, count(*) AS requests, sum(input_tokens) AS input_tokens,
  round(100 * sum(cached_input_tokens) / sum(input_tokens), 1) AS cached_percent
FROM usage_events
WHERE started_at >= now() - INTERVAL 7 DAY AND input_tokens > 0
GROUP BY ALL
ORDER BY input_tokens DESC""",
    "Minutes in which a backend throttled": """\
SELECT minute, backend, model, attempts, throttled_attempts, max_retry_after_ms,
  min_remaining_tokens, limit_tokens
FROM throttling_minutely
WHERE throttled_attempts > 0
ORDER BY minute DESC
LIMIT 200""",
    "Which backend took over when one failed": """\
SELECT f.backend AS failed, f.status_code, t.backend AS took_over, count(*) AS times
FROM backend_attempts AS f
JOIN backend_attempts AS t ON t.event_id = f.event_id AND t.attempt = f.attempt + 1
WHERE f.started_at >= now() - INTERVAL 7 DAY
GROUP BY ALL
ORDER BY times DESC""",
    "Latency of each backend, hour by hour": """\
SELECT hour, backend, model, stream, measure, requests, p50_ms, p95_ms, p99_ms
FROM latency_hourly_percentiles
WHERE hour >= now() - INTERVAL 1 DAY
ORDER BY hour DESC, backend, measure""",
    "Usage without a price": """\
SELECT model, deployment_type, region, meter, reason, requests, quantity, last_hour
FROM unpriced_usage
ORDER BY requests DESC""",
    "The state of the pipeline": """\
SELECT *
FROM pipeline_health""",
}
