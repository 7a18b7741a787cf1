SELECT series,
  -- free usage is no total of what has no exchange rate
  CASE WHEN sum(unconverted) <> 0 THEN sum(cost) FILTER (cost <> 0) ELSE sum(cost) END AS spend,
  coalesce(sum(requests), 0)::BIGINT AS requests,
  coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
  coalesce(sum(cached_input_tokens), 0)::BIGINT AS cached_input_tokens,
  coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens,
  coalesce(sum(unpriced), 0)::BIGINT AS unpriced_requests,
  coalesce(sum(unconverted), 0)::BIGINT AS unconverted_charges
FROM chosen
GROUP BY ALL
HAVING sum(cost) <> 0 OR sum(unconverted) <> 0 OR sum(requests) > 0 OR sum(input_tokens) > 0 OR sum(output_tokens) > 0
ORDER BY spend DESC NULLS LAST, requests DESC, series
