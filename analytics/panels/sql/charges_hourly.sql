-- Charges with their meters; whole hours, also where a span begins inside one.
source AS (
  SELECT hour AS moment, key_id, key_name, team, backend, model, deployment, deployment_type, operation,
    region, meter, unpriced_reason, requests, quantity, cost,
    charged_cost, charged_currency, unconverted, timezone($zone, hour)::DATE AS day
  FROM charged WHERE hour >= date_trunc('hour', $since) AND hour < $until
)
