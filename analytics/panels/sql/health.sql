SELECT
  (SELECT min(first_event_at) FROM loads_hourly) AS first_event_at,
  (SELECT max(last_event_at) FROM loads_hourly) AS last_event_at,
  (SELECT max(last_commit_at) FROM loads_hourly) AS last_commit_at,
  (SELECT coalesce(sum(events), 0)::BIGINT FROM loads_hourly) AS events,
  (SELECT coalesce(sum(duplicates), 0)::BIGINT FROM loads_hourly) AS duplicates,
  (SELECT count(*)::BIGINT FROM dead_letters WHERE replayed_at IS NULL)
    AS dead_letters,
  (
    SELECT quantile_cont(
      greatest(0, epoch_ms(stored_at) - epoch_ms(started_at) - duration_ms)::DOUBLE, 0.95
    )
    FROM events
    WHERE started_at >= (SELECT max(last_event_at) FROM loads_hourly) - INTERVAL 10 MINUTE
  ) AS delay_ms_p95
