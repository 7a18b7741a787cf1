SELECT time_bucket($width, timezone($zone, moment)) AS bucket, series, sum(cost) AS spend
FROM chosen
GROUP BY ALL
HAVING sum(cost) IS NOT NULL
ORDER BY bucket, series
