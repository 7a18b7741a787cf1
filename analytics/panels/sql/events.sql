-- Requests one by one.
source AS (
  SELECT started_at AS moment, key_id, key_name, team, backend, model, billed_deployment AS deployment,
    deployment_type, operation, status_code, client_disconnected, cache_hit,
    duration_ms, time_to_first_chunk_ms
  FROM events
  WHERE started_at >= $since AND started_at < $until AND aggregate IS NOT TRUE
)
