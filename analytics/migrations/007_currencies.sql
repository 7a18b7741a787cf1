-- What one unit of a currency is worth in another, by day: what the file of exchange rates says, and
-- what follows from it for the currency that reports are in; see currencies/.
CREATE TABLE exchange_rates (
  from_currency VARCHAR, to_currency VARCHAR,
  valid_from DATE, valid_to DATE,
  rate DECIMAL(18, 8), source VARCHAR
);
