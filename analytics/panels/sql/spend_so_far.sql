SELECT min(moment) FILTER (cost IS NOT NULL) AS first_at,
  sum(cost) FILTER (moment >= $month) AS month_spend,
  sum(cost) FILTER (moment >= $week) AS week_spend
FROM chosen
