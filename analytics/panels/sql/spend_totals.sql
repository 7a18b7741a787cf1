SELECT
  -- free usage is no total of what has no exchange rate
  CASE WHEN sum(unconverted) <> 0 THEN sum(cost) FILTER (cost <> 0) ELSE sum(cost) END AS spend,
  sum(cost) FILTER (usage_source = 'estimated') AS estimated_spend,
  coalesce(sum(unpriced), 0)::BIGINT AS unpriced_requests,
  coalesce(sum(unconverted), 0)::BIGINT AS unconverted_charges,
  coalesce(sum(requests), 0)::BIGINT AS requests,
  coalesce(sum(estimated_requests), 0)::BIGINT AS estimated_requests,
  coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
  coalesce(sum(cached_input_tokens), 0)::BIGINT AS cached_input_tokens,
  coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens
FROM chosen
