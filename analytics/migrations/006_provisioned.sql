-- Provisioned throughput that was bought: one row for each period of a block (provisioned/).
-- Its hours, what they cost and who used them are computed by the view `provisioned_hourly`.
CREATE TABLE provisioned_blocks (
  block VARCHAR, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ,
  deployments VARCHAR[], backend VARCHAR, region VARCHAR, model VARCHAR,
  -- what its tokens are compared with: the pay-as-you-go type of the same reach
  compared_with VARCHAR,
  ptus INTEGER, price_per_ptu_hour DECIMAL(18, 12),
  reservation_price DECIMAL(18, 6), reservation_months SMALLINT, currency VARCHAR,
  input_tokens_per_minute_per_ptu BIGINT, output_weight DECIMAL(9, 3)
);
