-- The store's first tables. Times are UTC. Ids are text, so that every Parquet reader takes them.
CREATE TABLE schema_migrations (version INTEGER, name VARCHAR, applied_at TIMESTAMPTZ);

-- One row per client request.
CREATE TABLE events (
  event_id VARCHAR, schema_version SMALLINT, started_at TIMESTAMPTZ, gateway VARCHAR,
  request_id VARCHAR, response_id VARCHAR, session_id VARCHAR,
  auth_type VARCHAR, key_id VARCHAR, key_name VARCHAR, team VARCHAR, end_user VARCHAR,
  tags MAP(VARCHAR, VARCHAR),
  operation VARCHAR, api_version VARCHAR, stream BOOLEAN,
  request_model VARCHAR, response_model VARCHAR, deployment VARCHAR, service_tier VARCHAR,
  usage_source VARCHAR,
  input_tokens BIGINT, cached_input_tokens BIGINT, cache_write_tokens BIGINT,
  audio_input_tokens BIGINT, image_input_tokens BIGINT,
  output_tokens BIGINT, reasoning_output_tokens BIGINT, audio_output_tokens BIGINT,
  image_output_tokens BIGINT,
  images BIGINT, image_size VARCHAR, image_quality VARCHAR, audio_seconds DOUBLE, characters BIGINT,
  duration_ms DOUBLE, time_to_first_chunk_ms DOUBLE, gateway_overhead_ms DOUBLE,
  status_code SMALLINT, error_type VARCHAR, error_code VARCHAR, finish_reasons VARCHAR[],
  throttled_by VARCHAR, content_filter JSON,
  prompt_shield BOOLEAN, cache_hit BOOLEAN, client_disconnected BOOLEAN,
  -- what the load added
  backend VARCHAR, region VARCHAR, billed_deployment VARCHAR, deployment_type VARCHAR,
  attempt_count SMALLINT, model VARCHAR, model_version VARCHAR,
  billed BOOLEAN, cost DECIMAL(38, 18), stored_at TIMESTAMPTZ
);

-- One row per call to a backend.
CREATE TABLE attempts (
  event_id VARCHAR, attempt SMALLINT, started_at TIMESTAMPTZ,
  key_id VARCHAR, key_name VARCHAR, team VARCHAR, operation VARCHAR, model VARCHAR,
  backend VARCHAR, region VARCHAR, deployment VARCHAR, deployment_type VARCHAR,
  status_code SMALLINT, error_type VARCHAR, throttle VARCHAR,
  offset_ms DOUBLE, duration_ms DOUBLE, retry_after_ms DOUBLE,
  limit_tokens BIGINT, limit_requests BIGINT, remaining_tokens BIGINT, remaining_requests BIGINT,
  utilization DOUBLE
);

-- The three rollups are additive: a commit appends what it adds, readers sum, `maintain` folds.
CREATE TABLE charges_hourly (
  hour TIMESTAMPTZ,
  key_id VARCHAR, key_name VARCHAR, team VARCHAR,
  backend VARCHAR, region VARCHAR, deployment VARCHAR, deployment_type VARCHAR,
  model VARCHAR, model_version VARCHAR, operation VARCHAR, usage_source VARCHAR,
  meter VARCHAR, rate_id VARCHAR, unpriced_reason VARCHAR,
  requests BIGINT, quantity DECIMAL(38, 6), cost DECIMAL(38, 18)
);

CREATE TABLE traffic_hourly (
  hour TIMESTAMPTZ,
  key_id VARCHAR, key_name VARCHAR, team VARCHAR,
  backend VARCHAR, region VARCHAR, deployment VARCHAR, deployment_type VARCHAR,
  model VARCHAR, operation VARCHAR,
  requests BIGINT, errors BIGINT, throttled_requests BIGINT, gateway_throttled_requests BIGINT,
  cache_hits BIGINT, client_disconnects BIGINT, estimated_requests BIGINT, unpriced_requests BIGINT,
  input_tokens BIGINT, cached_input_tokens BIGINT, output_tokens BIGINT,
  attempts BIGINT, retries BIGINT, failed_attempts BIGINT, throttled_attempts BIGINT,
  throttled_token_rate BIGINT, throttled_call_rate BIGINT, throttled_busy BIGINT,
  throttled_capacity BIGINT, throttled_unknown BIGINT,
  -- bit n is set when minute n of the hour saw a throttled attempt
  throttled_minutes BIGINT,
  retry_after_count BIGINT, retry_after_ms_sum DOUBLE, retry_after_ms_max DOUBLE,
  min_remaining_tokens BIGINT, min_remaining_requests BIGINT, max_utilization DOUBLE
);

CREATE TABLE latency_hourly (
  hour TIMESTAMPTZ,
  backend VARCHAR, deployment VARCHAR, model VARCHAR, operation VARCHAR, stream BOOLEAN,
  measure VARCHAR, bucket SMALLINT, requests BIGINT
);

-- What the consumer did, by hour of the commit; additive as well.
CREATE TABLE loads_hourly (
  hour TIMESTAMPTZ,
  commits BIGINT, events BIGINT, duplicates BIGINT, dead_letters BIGINT,
  first_event_at TIMESTAMPTZ, last_event_at TIMESTAMPTZ, last_commit_at TIMESTAMPTZ
);

-- How far each partition of each log is stored. Moved only by UPDATE from the position that was
-- read. The row without a name makes the making of new rows collide; see load/ledger.py.
CREATE TABLE ledger (source VARCHAR, partition VARCHAR, position BIGINT, updated_at TIMESTAMPTZ);
INSERT INTO ledger VALUES ('', '', 0, now());

CREATE TABLE dead_letters (
  source VARCHAR, partition VARCHAR, position BIGINT, reason VARCHAR, line VARCHAR,
  stored_at TIMESTAMPTZ, replayed_at TIMESTAMPTZ
);

-- What things cost, from when to when; see ratecard/.
CREATE TABLE rates (
  rate_id VARCHAR, provider VARCHAR, model VARCHAR, model_version VARCHAR,
  deployment_type VARCHAR, region VARCHAR, meter VARCHAR,
  service_tier VARCHAR, context_tier VARCHAR, image_size VARCHAR, image_quality VARCHAR,
  currency VARCHAR, unit VARCHAR, price DECIMAL(18, 12),
  valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ,
  source VARCHAR, source_version VARCHAR, source_name VARCHAR
);

-- Which version of each source of rates was seeded last.
CREATE TABLE rate_sources (source VARCHAR, source_version VARCHAR, seeded_at TIMESTAMPTZ);

-- What configuration says of deployments.
CREATE TABLE deployments (
  deployment VARCHAR, model VARCHAR, model_version VARCHAR, deployment_type VARCHAR, region VARCHAR
);
