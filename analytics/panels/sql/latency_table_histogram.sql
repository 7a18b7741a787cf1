, counted AS (
  SELECT series, measure, ms,
    sum(requests) AS requests
  FROM chosen
  GROUP BY ALL
  HAVING sum(requests) > 0
), cumulated AS (
  SELECT *,
    sum(requests) OVER (PARTITION BY series, measure) AS total,
    sum(requests) OVER (PARTITION BY series, measure ORDER BY ms) AS so_far
  FROM counted
)
SELECT series, measure, any_value(total)::BIGINT AS requests,
  min(ms) FILTER (so_far >= 0.50 * total) AS p50,
  min(ms) FILTER (so_far >= 0.95 * total) AS p95,
  min(ms) FILTER (so_far >= 0.99 * total) AS p99
FROM cumulated
GROUP BY ALL
ORDER BY series, measure
