-- What was charged, in the chosen currency, and what was asked, from the rollups.
source AS (
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    usage_source, cost, unconverted
  FROM charged WHERE hour >= $since AND hour < $until
  UNION ALL BY NAME
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    unpriced_requests AS unpriced
  FROM unpriced_requests_hourly WHERE hour >= $since AND hour < $until
  UNION ALL BY NAME
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens
  FROM traffic_hourly WHERE hour >= $since AND hour < $until
)
