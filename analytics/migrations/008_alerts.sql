-- Which alert went where: one row for each alert and channel, made in the transaction that first
-- saw the alert. The row without a name makes two who add rows at once collide; see
-- alerts/deliveries.py.
CREATE TABLE alert_deliveries (
  alert_id VARCHAR, channel VARCHAR, kind VARCHAR, subject VARCHAR, period VARCHAR, title VARCHAR,
  payload VARCHAR, raised_at TIMESTAMPTZ,
  state VARCHAR, attempts INTEGER, next_attempt_at TIMESTAMPTZ,
  claim VARCHAR, claimed_until TIMESTAMPTZ, delivered_at TIMESTAMPTZ, last_error VARCHAR
);
INSERT INTO alert_deliveries (alert_id, channel, attempts) VALUES ('', '', 0);
