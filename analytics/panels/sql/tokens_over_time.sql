SELECT time_bucket($width, timezone($zone, moment)) AS bucket,
  coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens,
  coalesce(sum(cached_input_tokens), 0)::BIGINT AS cached_input_tokens,
  coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens
FROM chosen
GROUP BY ALL
ORDER BY bucket
