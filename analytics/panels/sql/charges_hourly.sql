-- Charges with their meters; whole hours, also where a span begins inside one.
source AS (
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    region, meter, unpriced_reason, requests, quantity, cost
  FROM charges WHERE hour >= date_trunc('hour', $since) AND hour < $until
    AND meter <> 'provisioned' -- which no request used
)
