SELECT series, time_bucket($width, timezone($zone, greatest(hour, $since))) AS bucket,
  (coalesce(sum(quantity) FILTER (NOT idle), 0) / sum(quantity))::DOUBLE AS used_share,
  coalesce(sum(cost) FILTER (idle), 0) AS idle_spend
FROM bought
GROUP BY ALL
ORDER BY bucket, series
