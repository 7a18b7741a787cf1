-- Requests and the calls to backends that they led to, from the rollup.
source AS (
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    requests, errors, throttled_requests, client_disconnects,
    attempts, retries, failed_attempts, throttled_attempts,
    throttled_token_rate, throttled_call_rate, throttled_busy, throttled_capacity,
    throttled_unknown, gateway_throttled_requests,
    throttled_minutes, retry_after_count, retry_after_ms_sum, retry_after_ms_max,
    min_remaining_tokens, max_utilization
  FROM traffic_hourly WHERE hour >= $since AND hour < $until
)
