, hourly AS (
  SELECT series, date_trunc('hour', moment) AS hour,
    sum(requests) AS requests, sum(errors) AS errors,
    sum(throttled_requests) AS throttled_requests,
    sum(gateway_throttled_requests) AS gateway_throttled_requests,
    sum(client_disconnects) AS client_disconnects,
    sum(attempts) AS attempts, sum(retries) AS retries,
    sum(failed_attempts) AS failed_attempts, sum(throttled_attempts) AS throttled_attempts,
    bit_or(throttled_minutes) AS minutes,
    sum(retry_after_count) AS retry_after_count, sum(retry_after_ms_sum) AS retry_after_ms_sum,
    max(retry_after_ms_max) AS retry_after_ms_max,
    min(min_remaining_tokens) AS min_remaining_tokens, max(max_utilization) AS max_utilization
  FROM chosen
  GROUP BY ALL
)
SELECT series,
  coalesce(sum(requests), 0)::BIGINT AS requests, coalesce(sum(errors), 0)::BIGINT AS errors,
  coalesce(sum(throttled_requests), 0)::BIGINT AS throttled_requests,
  coalesce(sum(gateway_throttled_requests), 0)::BIGINT AS gateway_throttled_requests,
  coalesce(sum(client_disconnects), 0)::BIGINT AS client_disconnects,
  coalesce(sum(attempts), 0)::BIGINT AS attempts, coalesce(sum(retries), 0)::BIGINT AS retries,
  coalesce(sum(failed_attempts), 0)::BIGINT AS failed_attempts,
  coalesce(sum(throttled_attempts), 0)::BIGINT AS throttled_attempts,
  sum(bit_count(coalesce(minutes, 0)))::BIGINT AS throttled_minutes,
  coalesce(sum(retry_after_count), 0)::BIGINT AS retry_after_count,
  coalesce(sum(retry_after_ms_sum), 0) AS retry_after_ms_sum,
  max(retry_after_ms_max) AS retry_after_ms_max,
  min(min_remaining_tokens) AS min_remaining_tokens, max(max_utilization) AS max_utilization
FROM hourly
GROUP BY ALL
ORDER BY attempts DESC, series
