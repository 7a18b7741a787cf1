-- Histograms of latency, which know the backend but not the caller. A bucket stands for the time
-- that is as far, in parts, from its lower as from its upper end (see analytics/histogram.py).
source AS (
  SELECT hour AS moment, NULL::VARCHAR AS key_id, NULL::VARCHAR AS key_name, NULL::VARCHAR AS team,
    backend, model, deployment, NULL::VARCHAR AS deployment_type, operation,
    measure, requests,
    2 / (exp(-bucket / 50.0) + exp(-(bucket + 1) / 50.0)) AS ms
  FROM latency_hourly WHERE hour >= $since AND hour < $until
)
