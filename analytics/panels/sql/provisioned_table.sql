, through AS (
  -- a block's share of the tokens, where others carry the same deployments
  SELECT b.block AS series, sum(c.quantity::DOUBLE * b.ptus / (
      SELECT sum(o.ptus) FROM provisioned_blocks AS o
      WHERE list_contains(o.deployments, c.deployment)
        AND (o.backend IS NULL OR o.backend = c.backend)
        AND c.hour >= date_trunc('hour', o.valid_from)
        AND (o.valid_to IS NULL OR c.hour < o.valid_to)
    ))::BIGINT AS tokens
  FROM charges_hourly AS c JOIN provisioned_blocks AS b ON list_contains(b.deployments, c.deployment)
    AND (b.backend IS NULL OR b.backend = c.backend)
    AND c.hour >= date_trunc('hour', b.valid_from) AND (b.valid_to IS NULL OR c.hour < b.valid_to)
  WHERE c.hour > $since - INTERVAL 1 HOUR AND c.hour < $until
    AND c.hour <= now() - INTERVAL 1 HOUR
    AND (c.meter LIKE '%input' OR c.meter LIKE '%output' OR c.meter = 'cache_write')
  GROUP BY ALL
)
SELECT series, any_value(currency) AS currency, sum(quantity) AS ptu_hours, sum(cost) AS spend,
  coalesce(sum(cost) FILTER (idle), 0) AS idle_spend,
  (coalesce(sum(quantity) FILTER (NOT idle), 0) / sum(quantity))::DOUBLE AS used_share,
  coalesce(any_value(tokens), 0)::BIGINT AS tokens
FROM bought LEFT JOIN through USING (series)
GROUP BY series
ORDER BY spend DESC, series
