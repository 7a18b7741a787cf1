-- What the choice of a rate depended on stands beside each charge, so that history can be priced
-- anew from the rollups. `stated` is what the event itself said of the place that served it.
ALTER TABLE charges_hourly ADD COLUMN currency VARCHAR DEFAULT 'USD';
ALTER TABLE charges_hourly ADD COLUMN request_model VARCHAR;
ALTER TABLE charges_hourly ADD COLUMN response_model VARCHAR;
ALTER TABLE charges_hourly ADD COLUMN service_tier VARCHAR;
ALTER TABLE charges_hourly ADD COLUMN context_tier VARCHAR;
ALTER TABLE charges_hourly ADD COLUMN image_size VARCHAR;
ALTER TABLE charges_hourly ADD COLUMN image_quality VARCHAR;
ALTER TABLE charges_hourly ADD COLUMN stated_type VARCHAR;
ALTER TABLE charges_hourly ADD COLUMN stated_region VARCHAR;

ALTER TABLE events ADD COLUMN currency VARCHAR DEFAULT 'USD';
ALTER TABLE events ADD COLUMN stated_type VARCHAR;
ALTER TABLE events ADD COLUMN stated_region VARCHAR;

-- What has no price is what charges say, also when they are charged anew.
ALTER TABLE traffic_hourly DROP COLUMN unpriced_requests;

-- The rates that events made of halves were charged by (load/kept_sheet.py).
CREATE TABLE kept_sheets (sheet_id VARCHAR, day DATE, asked VARCHAR, sheet VARCHAR);

-- What the same would cost by the price list, where a contract made it cheaper.
ALTER TABLE rates ADD COLUMN list_price DECIMAL(18, 12);
ALTER TABLE rates ADD COLUMN list_rate_id VARCHAR;

-- Which run changed which charges: one row per run, and what it changed by key, model and day.
CREATE TABLE price_runs (
  run_id VARCHAR, started_at TIMESTAMPTZ, since TIMESTAMPTZ, until TIMESTAMPTZ,
  reason VARCHAR, sources VARCHAR, charges BIGINT, events BIGINT
);
CREATE TABLE price_changes (
  run_id VARCHAR, day DATE,
  key_id VARCHAR, key_name VARCHAR, team VARCHAR, deployment VARCHAR,
  model VARCHAR, model_after VARCHAR, meter VARCHAR,
  rate_id_before VARCHAR, rate_id_after VARCHAR,
  currency_before VARCHAR, currency_after VARCHAR,
  quantity DECIMAL(38, 6), cost_before DECIMAL(38, 18), cost_after DECIMAL(38, 18)
);
