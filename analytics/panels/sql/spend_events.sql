-- The same from the events themselves, for spans that whole hours would be too coarse for.
source AS (
  SELECT started_at AS moment, key_id, key_name, team, backend, model, billed_deployment AS deployment,
    deployment_type, operation, usage_source,
    CASE WHEN billed THEN cost END AS cost,
    (aggregate IS NOT TRUE AND billed AND cost IS NULL)::BIGINT AS unpriced,
    (aggregate IS NOT TRUE)::BIGINT AS requests,
    (aggregate IS NOT TRUE AND usage_source = 'estimated')::BIGINT AS estimated_requests,
    input_tokens, cached_input_tokens, output_tokens
  FROM events WHERE started_at >= $since AND started_at < $until
  UNION ALL BY NAME
  -- an hour of provisioned throughput that reaches into the span
  SELECT greatest(hour, $since) AS moment, key_id, key_name, team, backend, model, deployment,
    deployment_type, operation, usage_source, cost
  FROM provisioned_hourly WHERE hour > $since - INTERVAL 1 HOUR AND hour < $until
)
