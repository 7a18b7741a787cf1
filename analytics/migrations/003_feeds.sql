-- Requests read from other gateways' logs, and what waits there for its other half (load/join.py).
ALTER TABLE events ADD COLUMN feed VARCHAR;
ALTER TABLE events ADD COLUMN aggregate BOOLEAN;

-- Halves of requests, as they came: all of them are kept, so that what comes late, twice or in
-- another order leads to the same event.
CREATE TABLE feed_parts (
  correlation_id VARCHAR, kind VARCHAR, part_id VARCHAR, request_id VARCHAR, sequence BIGINT,
  recorded_at TIMESTAMPTZ, received_at TIMESTAMPTZ,
  ready BOOLEAN, fields VARCHAR, stored_at TIMESTAMPTZ
);

-- What was made of them, one row for each correlation id: the event as it is stored and the rates
-- it was charged by, or what it waits for.
CREATE TABLE feed_joins (
  correlation_id VARCHAR, recorded_at TIMESTAMPTZ, waiting_for VARCHAR, waiting_since TIMESTAMPTZ,
  event_id VARCHAR, started_at TIMESTAMPTZ, line VARCHAR, sheet VARCHAR
);
