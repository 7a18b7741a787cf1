SELECT
  (SELECT min(first_event_at) FROM loads_hourly) AS first_event_at,
  (SELECT max(last_event_at) FROM loads_hourly) AS last_event_at,
  (SELECT max(last_commit_at) FROM loads_hourly) AS last_commit_at,
  (SELECT coalesce(sum(events), 0)::BIGINT FROM loads_hourly) AS events,
  (SELECT coalesce(sum(duplicates), 0)::BIGINT FROM loads_hourly) AS duplicates,
  (SELECT count(*)::BIGINT FROM dead_letters WHERE replayed_at IS NULL)
    AS dead_letters
