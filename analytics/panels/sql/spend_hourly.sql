-- What was charged and what was asked, from the rollups. A request that several meters could not
-- price counts once, by the most frequent of them.
source AS (
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    usage_source, cost
  FROM charges WHERE hour >= $since AND hour < $until
  UNION ALL BY NAME
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    max(requests)::BIGINT AS unpriced
  FROM (
    SELECT hour, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
      meter, sum(requests) AS requests
    FROM charges WHERE hour >= $since AND hour < $until AND cost IS NULL
      AND meter <> 'provisioned' -- which always has a price, so that it need not be computed
    GROUP BY ALL
  ) GROUP BY ALL
  UNION ALL BY NAME
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens
  FROM traffic_hourly WHERE hour >= $since AND hour < $until
)
