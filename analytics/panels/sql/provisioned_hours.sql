-- Provisioned throughput of the span: its blocks whole, because the idle part is nobody's.
bought AS (
  SELECT hour, substr(rate_id, len('provisioned:') + 1) AS series, quantity, cost, currency,
    key_id IS NULL AND key_name IS NOT DISTINCT FROM 'idle' AS idle
  FROM provisioned_hourly WHERE hour > $since - INTERVAL 1 HOUR AND hour < $until
)
