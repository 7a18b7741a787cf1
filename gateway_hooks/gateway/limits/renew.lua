-- Says that requests still run, each for one lease more. A place that a restarted server has
-- forgotten is taken again: its request does run.
--
-- KEYS         the running requests of a counter, once for each request
-- ARGV         lease in ms, then the id of each request
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lease = tonumber(ARGV[1])
for index, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + lease, ARGV[index + 1])
  redis.call('PEXPIRE', key, lease)
end
return #KEYS
