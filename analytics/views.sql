-- The analysts' contract; docs/sql.md explains every column. Times are UTC.
CREATE OR REPLACE VIEW usage_events AS
SELECT event_id, started_at, gateway, feed, aggregate, request_id, response_id, session_id,
  auth_type, key_id, key_name, team, product, end_user, tags,
  operation, api_version, stream, request_model, response_model, service_tier,
  model, model_version, backend, region, deployment AS requested_deployment,
  billed_deployment AS deployment, deployment_type, attempt_count,
  usage_source, input_tokens, cached_input_tokens, cache_write_tokens, audio_input_tokens,
  image_input_tokens, output_tokens, reasoning_output_tokens, audio_output_tokens,
  image_output_tokens, images, image_size, image_quality, audio_seconds, characters,
  billed, cost, currency,
  duration_ms, time_to_first_chunk_ms, gateway_overhead_ms,
  status_code, error_type, error_code, finish_reasons, throttled_by, content_filter,
  prompt_shield, cache_hit, client_disconnected, decisions, stored_at
FROM events;

CREATE OR REPLACE VIEW backend_attempts AS
SELECT event_id, attempt, started_at, key_id, key_name, team, operation, model,
  backend, region, deployment, deployment_type, status_code, error_type, throttle,
  offset_ms, duration_ms, retry_after_ms, limit_tokens, limit_requests,
  remaining_tokens, remaining_requests, utilization
FROM attempts;

-- Provisioned throughput by the hour, split over what went through it; docs/provisioned.md has the
-- rules. All arithmetic is of whole numbers: money in 10^-12 of its currency, PTU-hours in
-- millionths, tokens in thousandths. Nothing here depends on the reader's time zone, and a condition
-- on `hour` reaches the tables, because everything is partitioned by it.
CREATE OR REPLACE VIEW provisioned_hourly AS
WITH blocks AS (
  SELECT *, epoch_us(valid_from) // 1000000 AS begins,
    LEAST(epoch_us(COALESCE(valid_to, now())), epoch_us(now())) // 1000000 AS ends,
    make_timestamp(epoch_us(valid_from)) AS anchor
  FROM provisioned_blocks
), terms AS (
  SELECT *, begins AS term_begins, ends AS term_ends FROM blocks WHERE reservation_months IS NULL
  UNION ALL
  SELECT * EXCLUDE (n),
    epoch_us(anchor + to_months((n * reservation_months)::INTEGER)) // 1000000,
    epoch_us(anchor + to_months(((n + 1) * reservation_months)::INTEGER)) // 1000000
  FROM (
    -- no month is shorter than 28 days; terms that begin too late have no hours
    SELECT *, unnest(range(1 + (ends - begins) // (28 * 86400 * reservation_months))) AS n
    FROM blocks WHERE reservation_months IS NOT NULL AND ends > begins
  )
), hours AS (
  -- the part of each hour that a term covers, in seconds; the running hour is not yet charged
  SELECT *, GREATEST(h * 3600, term_begins) AS since,
    LEAST((h + 1) * 3600, term_ends, ends) AS until
  FROM (
    SELECT *, unnest(range(GREATEST(term_begins, begins) // 3600,
                           (LEAST(term_ends, ends) + 3599) // 3600)) AS h,
      make_timestamptz(h * 3600000000) AS hour
    FROM terms WHERE term_begins < ends
  )
  WHERE hour <= now() - INTERVAL 1 HOUR
), covered AS (
  SELECT *, list({'backend': backend, 'first_hour': first_hour, 'ends_at': ends_at, 'ptus': ptus})
    OVER (PARTITION BY deployment) AS rivals
  FROM (
    SELECT block, valid_from, unnest(deployments) AS deployment, backend, ptus::HUGEINT AS ptus,
      make_timestamptz(begins // 3600 * 3600000000) AS first_hour,
      make_timestamptz(ends * 1000000) AS ends_at,
      (output_weight * 1000)::HUGEINT AS output_milli,
      input_tokens_per_minute_per_ptu IS NULL AS unmeasured
    FROM blocks
  )
), used AS (
  SELECT b.block, b.valid_from, c.hour, c.key_id, c.key_name, c.team, c.backend, c.region,
    c.deployment, c.model, c.operation,
    COALESCE(sum(c.quantity) FILTER (
      c.meter IN ('input', 'cache_write', 'audio_input', 'image_input')), 0) AS input_tokens,
    COALESCE(sum(c.quantity) FILTER (
      c.meter IN ('output', 'audio_output', 'image_output')), 0) AS output_tokens
  FROM charges_hourly AS c JOIN covered AS b ON c.deployment = b.deployment
    AND (b.backend IS NULL OR c.backend = b.backend)
    AND c.hour >= b.first_hour AND c.hour < b.ends_at
  GROUP BY ALL
), weighted AS (
  -- blocks of the same deployment carry its traffic by their size; no event that lies about its
  -- tokens may break the arithmetic
  SELECT u.*, LEAST(1e15::HUGEINT, 1000 * u.input_tokens::HUGEINT
                                   + b.output_milli * u.output_tokens::HUGEINT)
      * b.ptus // list_sum([r.ptus FOR r IN b.rivals
                            IF (r.backend IS NULL OR r.backend = u.backend)
                              AND u.hour >= r.first_hour AND u.hour < r.ends_at])::HUGEINT AS weight
  FROM used AS u JOIN covered AS b USING (block, valid_from, deployment)
), pieces AS (
  SELECT block, valid_from, hour, key_id, key_name, team, backend, region, deployment, model,
    operation, FALSE AS idle, weight, 0::HUGEINT AS micro_hours, 0::HUGEINT AS owed,
    0::HUGEINT AS capacity, NULL::BIGINT AS peak, NULL AS currency,
    -- an order that is the same each time, and cheap
    md5_number_lower(concat_ws(chr(31), key_id, key_name, team, backend, region, deployment, model,
                               operation)) AS place
  FROM weighted WHERE weight > 0
  UNION ALL
  SELECT block, valid_from, hour, NULL, 'idle', NULL, backend, region,
    CASE WHEN len(deployments) = 1 THEN deployments[1] END, model, NULL, TRUE, 0::HUGEINT,
    -- two terms of a reservation may meet inside an hour
    sum(ptus::HUGEINT * 1000000 * (until - since) // 3600),
    sum(CASE WHEN reservation_months IS NULL
      THEN ptus::HUGEINT * (price_per_ptu_hour * 1000000000000)::HUGEINT * (until - since) // 3600
      -- what was owed at the end less what was owed at the start: a term adds up to its price
      ELSE (reservation_price * 1000000000000)::HUGEINT * (until - term_begins)
             // (term_ends - term_begins)
         - (reservation_price * 1000000000000)::HUGEINT * (since - term_begins)
             // (term_ends - term_begins)
    END),
    sum(COALESCE(ptus::HUGEINT * input_tokens_per_minute_per_ptu * 1000 * (until - since) // 60, 0)),
    NULL, currency, NULL
  FROM hours WHERE until > since
  GROUP BY ALL
  UNION ALL
  SELECT b.block, b.valid_from, t.hour, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0,
    0, 0, round(1000 * LEAST(GREATEST(t.max_utilization, 0), 100))::BIGINT, NULL, NULL
  FROM traffic_hourly AS t JOIN covered AS b ON t.deployment = b.deployment
    AND (b.backend IS NULL OR t.backend = b.backend)
    AND t.hour >= b.first_hour AND t.hour < b.ends_at
  WHERE b.unmeasured AND t.max_utilization IS NOT NULL
), summed AS (
  SELECT * REPLACE (
      sum(micro_hours) OVER of_hour AS micro_hours, sum(owed) OVER of_hour AS owed,
      max(currency) OVER of_hour AS currency, sum(capacity) OVER of_hour AS capacity,
      max(peak) OVER of_hour AS peak),
    sum(weight) OVER of_hour AS total,
    sum(weight) OVER (of_hour ORDER BY idle, place ROWS UNBOUNDED PRECEDING) AS so_far
  FROM pieces
  WINDOW of_hour AS (PARTITION BY block, valid_from, hour)
), measured AS (
  -- the hour is `whole` units large, of which `total` were used
  SELECT *, CASE
      WHEN capacity > 0 THEN GREATEST(total, capacity)
      WHEN peak IS NOT NULL THEN GREATEST(total, total * 100000 // GREATEST(peak, 1))
      ELSE GREATEST(total, 1)
    END AS whole
  FROM summed WHERE micro_hours > 0 AND idle IS NOT NULL
), parts AS (
  -- a part is what was used up to it less what was used before it, each rounded down, and the idle
  -- part is what is left: so the parts add up, to the last digit
  SELECT *, micro_hours * so_far // whole AS hours_so_far,
    micro_hours * (so_far - weight) // whole AS hours_before
  FROM measured
)
SELECT hour, key_id, key_name, team, backend, region, deployment, 'ptu' AS deployment_type,
  model, NULL::VARCHAR AS model_version, operation, 'reported' AS usage_source,
  NULL::VARCHAR AS service_tier, 'provisioned' AS meter, 'provisioned:' || block AS rate_id,
  NULL::VARCHAR AS unpriced_reason, 0::BIGINT AS requests,
  ((CASE WHEN idle THEN micro_hours ELSE hours_so_far END - hours_before)::DECIMAL(32, 0)
    * 0.000001::DECIMAL(6, 6))::DECIMAL(38, 6) AS quantity,
  ((CASE WHEN idle THEN owed ELSE owed * hours_so_far // micro_hours END
    - owed * hours_before // micro_hours)::DECIMAL(26, 0)
    * 0.000000000001::DECIMAL(12, 12))::DECIMAL(38, 18) AS cost,
  currency
FROM parts
WHERE NOT idle OR whole > total;

-- Everything that was charged, the one source of what reports, pages and exports say of money.
CREATE OR REPLACE VIEW charges AS
SELECT hour, key_id, key_name, team, backend, region, deployment, deployment_type,
  model, model_version, operation, usage_source, service_tier, meter, rate_id, unpriced_reason,
  requests, quantity, cost, currency
FROM charges_hourly
UNION ALL
SELECT hour, key_id, key_name, team, backend, region, deployment, deployment_type,
  model, model_version, operation, usage_source, service_tier, meter, rate_id, unpriced_reason,
  requests, quantity, cost, currency
FROM provisioned_hourly;

CREATE OR REPLACE VIEW spend_hourly AS
SELECT hour, key_id, key_name, team, backend, region, deployment, deployment_type,
  model, model_version, operation, usage_source, meter, rate_id, unpriced_reason,
  sum(requests)::BIGINT AS requests, sum(quantity) AS quantity, sum(cost) AS cost, currency
FROM charges
GROUP BY ALL
-- what a correction took back leaves sums of nothing
HAVING sum(quantity) <> 0;

CREATE OR REPLACE VIEW spend_daily AS
SELECT (hour AT TIME ZONE 'UTC')::DATE AS day, key_id, key_name, team, backend, region,
  deployment, deployment_type, model, model_version, operation, usage_source, meter, rate_id,
  unpriced_reason,
  sum(requests)::BIGINT AS requests, sum(quantity) AS quantity, sum(cost) AS cost, currency
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
WHERE cost IS NULL AND meter <> 'provisioned'
GROUP BY ALL
HAVING sum(quantity) <> 0;

-- A request that several meters could not price counts once, by the most frequent of them.
CREATE OR REPLACE VIEW unpriced_requests_hourly AS
SELECT hour, key_id, key_name, team, backend, region, deployment, deployment_type, model, operation,
  max(requests)::BIGINT AS unpriced_requests
FROM (
  SELECT hour, key_id, key_name, team, backend, region, deployment, deployment_type, model,
    operation, meter, sum(requests) AS requests
  FROM charges_hourly WHERE cost IS NULL
  GROUP BY ALL
)
GROUP BY ALL
HAVING max(requests) > 0;

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
