-- From the end of an answer to its commit.
SELECT quantile_cont(
  greatest(0, epoch_ms(stored_at) - epoch_ms(started_at) - duration_ms)::DOUBLE, 0.95
)
FROM events
WHERE started_at >= $since
