-- Of answers alone, as in the histograms.
, answered AS (
  SELECT * FROM chosen
  WHERE status_code < 400 AND NOT coalesce(cache_hit, FALSE)
    AND NOT coalesce(client_disconnected, FALSE)
), measured AS (
  SELECT moment, series, 'duration' AS measure, duration_ms AS ms FROM answered
  UNION ALL
  SELECT moment, series, 'time_to_first_chunk', time_to_first_chunk_ms FROM answered
)
SELECT series, measure,
  count(*)::BIGINT AS requests,
  quantile_cont(ms, 0.50) AS p50, quantile_cont(ms, 0.95) AS p95, quantile_cont(ms, 0.99) AS p99
FROM measured
WHERE ms IS NOT NULL
GROUP BY ALL
ORDER BY series, measure
