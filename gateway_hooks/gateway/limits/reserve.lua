-- Takes what a request wants of all its counters, or of none.
--
-- KEYS[1]      reservations of the last moments, so that one whose answer was lost can be undone
-- KEYS[...]    for each counter: window, running requests, then one key for each of its quotas
-- ARGV[1]      id of the reservation
-- ARGV[2]      by MessagePack: lease in ms, tokens, and a list of counters, each with tokens per
--              minute, requests per minute, concurrent requests (-1: no limit), and a list of
--              quotas, each with tokens and its end in ms
-- Answer       by MessagePack: now, slice, refusals, standings; a refusal is counter, code and wait
--              in ms (-1: for ever), a standing tokens, requests and the used of each quota
local WINDOW_MS, SLICE_MS, UNDO_MS = 60000, 1000, 30000
local MINUTE_TOKENS, MINUTE_REQUESTS, RUNNING, QUOTA = 1, 2, 3, 4

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local slice = math.floor(now / SLICE_MS)
local oldest = math.floor((now - WINDOW_MS) / SLICE_MS)

local id = ARGV[1]
local lease, tokens, demands = unpack(cmsgpack.unpack(ARGV[2]))
local wanted = math.max(tokens, 1)
if redis.call('ZSCORE', KEYS[1], 'undone:' .. id) then
  return cmsgpack.pack({now, slice, {{1, RUNNING, 0}}, {}})  -- its gateway has given it up meanwhile
end
local key = 2
local refusals, counters = {}, {}

local function read_window(name)
  local fields = redis.call('HGETALL', name)
  local slices, stale, used = {}, {}, {0, 0}
  for i = 1, #fields, 2 do
    local kind, number = string.match(fields[i], '^([tr])(%d+)$')
    number = tonumber(number)
    if number < oldest then
      stale[#stale + 1] = fields[i]
    else
      local part = kind == 't' and 1 or 2
      local count = tonumber(fields[i + 1])
      used[part] = used[part] + count
      slices[#slices + 1] = {number, part, count}
    end
  end
  if #stale > 0 then redis.call('HDEL', name, unpack(stale)) end
  return slices, used
end

local function wait_for(slices, used, part, want, limit)
  if want > limit then return -1 end
  table.sort(slices, function(a, b) return a[1] < b[1] end)
  local rest = used[part]
  for _, one in ipairs(slices) do
    if one[2] == part then
      rest = rest - one[3]
      if rest + want <= limit then return (one[1] + 1) * SLICE_MS + WINDOW_MS - now end
    end
  end
  return WINDOW_MS
end

for index, demand in ipairs(demands) do
  local per_tokens, per_requests, places, quotas = unpack(demand)
  local one = {window = KEYS[key], running = KEYS[key + 1], places = places, quotas = {}}
  one.is_window = per_tokens >= 0 or per_requests >= 0
  key = key + 2
  one.used = {0, 0}
  if one.is_window then
    local slices
    slices, one.used = read_window(one.window)
    if per_tokens >= 0 and one.used[1] + wanted > per_tokens then
      local wait = wait_for(slices, one.used, 1, wanted, per_tokens)
      refusals[#refusals + 1] = {index, MINUTE_TOKENS, wait}
    end
    if per_requests >= 0 and one.used[2] + 1 > per_requests then
      local wait = wait_for(slices, one.used, 2, 1, per_requests)
      refusals[#refusals + 1] = {index, MINUTE_REQUESTS, wait}
    end
  end
  if one.places >= 0 then
    redis.call('ZREMRANGEBYSCORE', one.running, '-inf', now)
    if redis.call('ZCARD', one.running) >= one.places then
      refusals[#refusals + 1] = {index, RUNNING, 0}
    end
  end
  for number, given in ipairs(quotas) do
    local quota = {name = KEYS[key], ends = given[2]}
    local limit = given[1]
    quota.used = tonumber(redis.call('GET', quota.name) or '0')
    if quota.used + wanted > limit then
      local wait = quota.ends - now
      if wanted > limit then wait = -1 end
      refusals[#refusals + 1] = {index, QUOTA + number - 1, wait}
    end
    one.quotas[number] = quota
    key = key + 1
  end
  counters[index] = one
end

if #refusals == 0 then
  for _, one in ipairs(counters) do
    if one.is_window then
      redis.call('HINCRBY', one.window, 'r' .. slice, 1)
      if tokens > 0 then redis.call('HINCRBY', one.window, 't' .. slice, tokens) end
      redis.call('PEXPIRE', one.window, WINDOW_MS + 2 * SLICE_MS)
      one.used = {one.used[1] + tokens, one.used[2] + 1}
    end
    if one.places >= 0 then
      redis.call('ZADD', one.running, now + lease, id)
      redis.call('PEXPIRE', one.running, lease)
    end
    for _, quota in ipairs(one.quotas) do
      quota.used = redis.call('INCRBY', quota.name, tokens)
      redis.call('PEXPIREAT', quota.name, quota.ends + 60000)
    end
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - UNDO_MS)
  redis.call('ZADD', KEYS[1], now, id)
  redis.call('PEXPIRE', KEYS[1], 2 * UNDO_MS)
end

local standings = {}
for index, one in ipairs(counters) do
  local standing = {one.used[1], one.used[2]}
  for _, quota in ipairs(one.quotas) do standing[#standing + 1] = quota.used end
  standings[index] = standing
end
return cmsgpack.pack({now, slice, refusals, standings})
