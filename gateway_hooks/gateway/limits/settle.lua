-- Corrects what a request has taken and frees its places.
--
-- KEYS         as for reserve.lua
-- ARGV[1]      id of the reservation
-- ARGV[2]      name of this settlement of it; `undo` takes back the whole reservation if it was
--              made, and forbids it if it is still to come
-- ARGV[3]      by MessagePack: tokens to add (negative: to give back), slice of the reservation,
--              whether to free the places, and a list of counters, each with whether it has a
--              window, whether it has places, and its number of quotas
local WINDOW_MS, SLICE_MS = 60000, 1000

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, undoes = ARGV[1], ARGV[2] == 'undo'
local tokens, slice, frees, counters = unpack(cmsgpack.unpack(ARGV[3]))

if undoes then
  local made = redis.call('ZSCORE', KEYS[1], id)
  redis.call('ZREM', KEYS[1], id)
  if redis.call('ZADD', KEYS[1], 'NX', now, 'undone:' .. id) == 0 or not made then return 0 end
  slice = math.floor(tonumber(made) / SLICE_MS)
end

if not undoes and redis.call('ZADD', KEYS[1], 'NX', now, id .. ':' .. ARGV[2]) == 0 then
  return 0  -- sent again, because the first answer was lost
end
redis.call('PEXPIRE', KEYS[1], WINDOW_MS)

local function give_back(window, field, count)
  local held = tonumber(redis.call('HGET', window, field) or '0')
  local back = math.min(held, count)
  if back > 0 then redis.call('HINCRBY', window, field, -back) end
end

local key = 2
for _, counter in ipairs(counters) do
  local has_window, has_places, quotas = unpack(counter)
  local window, running = KEYS[key], KEYS[key + 1]
  if has_window then
    if tokens < 0 then
      give_back(window, 't' .. slice, -tokens)
    elseif tokens > 0 then
      redis.call('HINCRBY', window, 't' .. math.floor(now / SLICE_MS), tokens)
      redis.call('PEXPIRE', window, WINDOW_MS + 2 * SLICE_MS)
    end
    if undoes then give_back(window, 'r' .. slice, 1) end
  end
  if frees and has_places then redis.call('ZREM', running, id) end
  key = key + 2
  for _ = 1, quotas do
    -- A quota that is gone belongs to a day or month that is over.
    if tokens ~= 0 and redis.call('EXISTS', KEYS[key]) == 1 then
      if redis.call('INCRBY', KEYS[key], tokens) < 0 then
        redis.call('SET', KEYS[key], 0, 'KEEPTTL')
      end
    end
    key = key + 1
  end
end
return 1
