SELECT time_bucket($width, timezone($zone, moment)) AS bucket,
  CASE
    WHEN client_disconnected THEN 'client left'
    WHEN status_code = 429 THEN '429'
    WHEN status_code < 400 THEN '2xx'
    WHEN status_code < 500 THEN '4xx'
    ELSE '5xx'
  END AS series,
  count(*)::BIGINT AS requests
FROM chosen
GROUP BY ALL
ORDER BY bucket, series
