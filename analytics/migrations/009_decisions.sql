-- What the gateway's policies did to a request, and the product that let its caller in.
ALTER TABLE events ADD COLUMN product VARCHAR;
ALTER TABLE events ADD COLUMN decisions STRUCT(policy VARCHAR, "action" VARCHAR, reason VARCHAR)[];
