-- The analysts' contract; docs/sql.md explains every column. Times are UTC.
CREATE OR REPLACE VIEW usage_events AS
SELECT event_id, started_at, gateway, feed, aggregate, request_id, response_id, session_id,
  auth_type, key_id, key_name, team, end_user, tags,
  operation, api_version, stream, request_model, response_model, service_tier,
  model, model_version, backend, region, deployment AS requested_deployment,
  billed_deployment AS deployment, deployment_type, attempt_count,
  usage_source, input_tokens, cached_input_tokens, cache_write_tokens, audio_input_tokens,
  image_input_tokens, output_tokens, reasoning_output_tokens, audio_output_tokens,
  image_output_tokens, images, image_size, image_quality, audio_seconds, characters,
  billed, cost, currency,
  duration_ms, time_to_first_chunk_ms, gateway_overhead_ms,
  status_code, error_type, error_code, finish_reasons, throttled_by, content_filter,
  prompt_shield, cache_hit, client_disconnected, stored_at
FROM events;

CREATE OR REPLACE VIEW backend_attempts AS
SELECT event_id, attempt, started_at, key_id, key_name, team, operation, model,
  backend, region, deployment, deployment_type, status_code, error_type, throttle,
  offset_ms, duration_ms, retry_after_ms, limit_tokens, limit_requests,
  remaining_tokens, remaining_requests, utilization
FROM attempts;

-- Everything that was charged, the one source of what reports, pages and exports say of money.
CREATE OR REPLACE VIEW charges AS
SELECT hour, key_id, key_name, team, backend, region, deployment, deployment_type,
  model, model_version, operation, usage_source, service_tier, meter, rate_id, unpriced_reason,
  requests, quantity, cost, currency
FROM charges_hourly;

CREATE OR REPLACE VIEW spend_hourly AS
SELECT hour, key_id, key_name, team, backend, region, deployment, deployment_type,
  model, model_version, operation, usage_source, meter, rate_id, unpriced_reason,
  currency, sum(requests)::BIGINT AS requests, sum(quantity) AS quantity, sum(cost) AS cost
FROM charges
GROUP BY ALL
-- what a correction took back leaves sums of nothing
HAVING sum(quantity) <> 0;

CREATE OR REPLACE VIEW spend_daily AS
SELECT (hour AT TIME ZONE 'UTC')::DATE AS day, key_id, key_name, team, backend, region,
  deployment, deployment_type, model, model_version, operation, usage_source, meter, rate_id,
  unpriced_reason,
  currency, sum(requests)::BIGINT AS requests, sum(quantity) AS quantity, sum(cost) AS cost
FROM charges
GROUP BY ALL
-- what a correction took back leaves sums of nothing
HAVING sum(quantity) <> 0;

CREATE OR REPLACE VIEW throttling_minutely AS
SELECT date_trunc('minute', started_at) AS minute, backend, region, deployment, deployment_type,
  model,
  count(*) AS attempts,
  count(*) FILTER (status_code = 429) AS throttled_attempts,
  count(*) FILTER (status_code = 429 AND throttle = 'token_rate') AS throttled_token_rate,
  count(*) FILTER (status_code = 429 AND throttle = 'call_rate') AS throttled_call_rate,
  count(*) FILTER (status_code = 429 AND throttle = 'busy') AS throttled_busy,
  count(*) FILTER (status_code = 429 AND throttle = 'capacity') AS throttled_capacity,
  avg(retry_after_ms) AS mean_retry_after_ms, max(retry_after_ms) AS max_retry_after_ms,
  min(limit_tokens) AS limit_tokens, min(remaining_tokens) AS min_remaining_tokens,
  min(remaining_requests) AS min_remaining_requests, max(utilization) AS max_utilization
FROM attempts
GROUP BY ALL;

CREATE OR REPLACE VIEW latency_hourly_percentiles AS
WITH counted AS (
  SELECT hour, backend, deployment, model, operation, stream, measure, bucket,
    sum(requests) AS n
  FROM latency_hourly GROUP BY ALL HAVING sum(requests) > 0
), ranked AS (
  SELECT *,
    sum(n) OVER (PARTITION BY hour, backend, deployment, model, operation, stream, measure)
      AS total,
    sum(n) OVER (PARTITION BY hour, backend, deployment, model, operation, stream, measure
                 ORDER BY bucket) AS so_far,
    -- the middle of a bucket that is 2 % wide: at most 1 % from any time in it
    2 * exp(bucket / 50.0) * exp((bucket + 1) / 50.0)
      / (exp(bucket / 50.0) + exp((bucket + 1) / 50.0)) AS ms
  FROM counted
)
SELECT hour, backend, deployment, model, operation, stream, measure,
  any_value(total)::BIGINT AS requests,
  min(ms) FILTER (so_far >= 0.50 * total) AS p50_ms,
  min(ms) FILTER (so_far >= 0.90 * total) AS p90_ms,
  min(ms) FILTER (so_far >= 0.95 * total) AS p95_ms,
  min(ms) FILTER (so_far >= 0.99 * total) AS p99_ms
FROM ranked
GROUP BY ALL;

CREATE OR REPLACE VIEW unpriced_usage AS
SELECT model, model_version, deployment, deployment_type, region, operation, meter,
  unpriced_reason AS reason,
  sum(requests)::BIGINT AS requests, sum(quantity) AS quantity,
  min(hour) AS first_hour, max(hour) AS last_hour
FROM charges
WHERE cost IS NULL
GROUP BY ALL
HAVING sum(quantity) <> 0;

CREATE OR REPLACE VIEW pipeline_health AS
SELECT COALESCE(sum(commits), 0)::BIGINT AS commits, COALESCE(sum(events), 0)::BIGINT AS events,
  COALESCE(sum(duplicates), 0)::BIGINT AS duplicates,
  COALESCE(sum(dead_letters), 0)::BIGINT AS dead_letters,
  min(first_event_at) AS first_event_at, max(last_event_at) AS last_event_at,
  max(last_commit_at) AS last_commit_at,
  epoch(now() - max(last_commit_at)) AS seconds_since_commit
FROM loads_hourly;

CREATE OR REPLACE VIEW feed_waiting AS
SELECT waiting_for, count(*) AS requests, min(recorded_at) AS oldest_at,
  min(waiting_since) AS waiting_since
FROM feed_joins
WHERE waiting_for IS NOT NULL
GROUP BY ALL;

-- What counts against a deployment's contracted rate, minute by minute. Sums over many requests
-- say nothing of minutes and are left out.
CREATE OR REPLACE VIEW quota_minutely AS
SELECT minute, backend, deployment,
  sum(requests)::BIGINT AS requests, sum(tokens)::BIGINT AS tokens,
  sum(throttled_attempts)::BIGINT AS throttled_attempts,
  max(utilization) AS max_utilization, max(limit_tokens) AS limit_tokens
FROM (
  SELECT date_trunc('minute', started_at) AS minute, backend, deployment,
    (status_code IS NOT NULL AND status_code <> 429)::BIGINT AS requests, 0 AS tokens,
    (status_code IS NOT DISTINCT FROM 429)::BIGINT AS throttled_attempts,
    utilization, limit_tokens
  FROM attempts
  UNION ALL BY NAME
  SELECT date_trunc('minute', started_at) AS minute, backend, billed_deployment AS deployment,
    (COALESCE(attempt_count, 0) = 0)::BIGINT AS requests,
    COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0) AS tokens, 0 AS throttled_attempts
  FROM events
  WHERE billed AND NOT COALESCE(aggregate, FALSE)
)
WHERE deployment IS NOT NULL
GROUP BY ALL;
