-- What a deployment is, on which backend and in which period, and who says so: the settings, or a
-- list that Azure's command line printed. A NULL backend is any, a NULL time is open.
ALTER TABLE deployments ADD COLUMN backend VARCHAR;
ALTER TABLE deployments ADD COLUMN sku VARCHAR;
ALTER TABLE deployments ADD COLUMN capacity BIGINT;
ALTER TABLE deployments ADD COLUMN tokens_per_minute BIGINT;
ALTER TABLE deployments ADD COLUMN requests_per_minute BIGINT;
ALTER TABLE deployments ADD COLUMN valid_from TIMESTAMPTZ;
ALTER TABLE deployments ADD COLUMN valid_to TIMESTAMPTZ;
ALTER TABLE deployments ADD COLUMN source VARCHAR DEFAULT 'settings';

-- Whose a key is, from when to when, in the order in which it was said: what was noted later wins.
CREATE TABLE keys (
  key_id VARCHAR, key_name VARCHAR, team VARCHAR,
  valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ, noted_at TIMESTAMPTZ
);
