SELECT series, time_bucket($width, timezone($zone, greatest(hour, $since))) AS bucket,
  (coalesce(sum(quantity) FILTER (NOT idle), 0) / sum(quantity))::DOUBLE AS used_share,
  CASE WHEN bool_or(idle) THEN sum(cost) FILTER (idle) ELSE 0 END AS idle_spend
FROM bought
GROUP BY ALL
ORDER BY bucket, series
