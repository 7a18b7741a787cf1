-- The same from events and attempts. `moment` of an attempt is cut to its minute, so that each row
-- stands for one minute of the mask that the rollup keeps.
source AS (
  SELECT started_at AS moment, key_id, key_name, team, backend, model, billed_deployment AS deployment,
    deployment_type, operation,
    1::BIGINT AS requests,
    (status_code >= 400)::BIGINT AS errors,
    (throttled_by IS NOT NULL)::BIGINT AS throttled_requests,
    (throttled_by IS NOT DISTINCT FROM 'gateway')::BIGINT AS gateway_throttled_requests,
    coalesce(client_disconnected, FALSE)::BIGINT AS client_disconnects
  FROM events
  WHERE started_at >= $since AND started_at < $until AND aggregate IS NOT TRUE
  UNION ALL BY NAME
  SELECT date_trunc('minute', started_at) AS moment, key_id, key_name, team, backend, model, deployment,
    deployment_type, operation,
    1::BIGINT AS attempts,
    (attempt > 1)::BIGINT AS retries,
    (status_code IS NULL OR status_code >= 400)::BIGINT AS failed_attempts,
    (status_code = 429)::BIGINT AS throttled_attempts,
    (status_code = 429 AND throttle = 'token_rate')::BIGINT AS throttled_token_rate,
    (status_code = 429 AND throttle = 'call_rate')::BIGINT AS throttled_call_rate,
    (status_code = 429 AND throttle = 'busy')::BIGINT AS throttled_busy,
    (status_code = 429 AND throttle = 'capacity')::BIGINT AS throttled_capacity,
    (status_code = 429 AND coalesce(throttle, '') NOT IN
      ('token_rate', 'call_rate', 'busy', 'capacity'))::BIGINT AS throttled_unknown,
    CASE WHEN status_code = 429 THEN 1::BIGINT << date_part('minute', started_at)::BIGINT END
      AS throttled_minutes,
    (retry_after_ms IS NOT NULL)::BIGINT AS retry_after_count,
    retry_after_ms AS retry_after_ms_sum, retry_after_ms AS retry_after_ms_max,
    remaining_tokens AS min_remaining_tokens, utilization AS max_utilization
  FROM attempts WHERE started_at >= $since AND started_at < $until
)
