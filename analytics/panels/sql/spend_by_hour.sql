SELECT moment AS hour, sum(cost) AS spend
FROM chosen
WHERE cost IS NOT NULL
GROUP BY moment
