SELECT usage_source AS series, sum(cost) AS spend
FROM chosen
GROUP BY ALL
HAVING sum(cost) IS NOT NULL
ORDER BY spend DESC, series
