, hourly AS (
  SELECT series, time_bucket($width, timezone($zone, moment)) AS bucket, date_trunc('hour', moment) AS hour,
    sum(requests) AS requests, sum(errors) AS errors,
    sum(attempts) AS attempts, sum(retries) AS retries,
    sum(failed_attempts) AS failed_attempts, sum(throttled_attempts) AS throttled_attempts,
    sum(throttled_token_rate) AS token_rate, sum(throttled_call_rate) AS call_rate,
    sum(throttled_busy) AS busy, sum(throttled_capacity) AS capacity,
    sum(throttled_unknown) AS unknown, sum(gateway_throttled_requests) AS gateway,
    bit_or(throttled_minutes) AS minutes,
    max(retry_after_ms_max) AS retry_after_ms_max,
    min(min_remaining_tokens) AS min_remaining_tokens, max(max_utilization) AS max_utilization
  FROM chosen
  GROUP BY ALL
)
SELECT series, bucket,
  coalesce(sum(requests), 0)::BIGINT AS requests, coalesce(sum(errors), 0)::BIGINT AS errors,
  coalesce(sum(attempts), 0)::BIGINT AS attempts, coalesce(sum(retries), 0)::BIGINT AS retries,
  coalesce(sum(failed_attempts), 0)::BIGINT AS failed_attempts,
  coalesce(sum(throttled_attempts), 0)::BIGINT AS throttled_attempts,
  coalesce(sum(token_rate), 0)::BIGINT AS token_rate,
  coalesce(sum(call_rate), 0)::BIGINT AS call_rate,
  coalesce(sum(busy), 0)::BIGINT AS busy, coalesce(sum(capacity), 0)::BIGINT AS capacity,
  coalesce(sum(unknown), 0)::BIGINT AS unknown, coalesce(sum(gateway), 0)::BIGINT AS gateway,
  sum(bit_count(coalesce(minutes, 0)))::BIGINT AS throttled_minutes,
  max(retry_after_ms_max) AS retry_after_ms_max,
  min(min_remaining_tokens) AS min_remaining_tokens, max(max_utilization) AS max_utilization
FROM hourly
GROUP BY ALL
ORDER BY bucket, series
