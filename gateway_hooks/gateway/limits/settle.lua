-- Corrects what a request has taken and frees its places.
--
-- KEYS         as for reserve.lua
-- ARGV         id, tokens to add (negative: to give back), slice of the reservation,
--              free the places (1 or 0), number of this settlement of the id, or `undo`: take
--              back the whole reservation if it was made, and forbid it if it still comes,
--              number of counters, and for each counter: has a window, has places, number of quotas
local WINDOW_MS, SLICE_MS = 60000, 1000

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, tokens, slice = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local frees, undoes = ARGV[4] == '1', ARGV[5] == 'undo'

if undoes then
  local made = redis.call('ZSCORE', KEYS[1], id)
  redis.call('ZREM', KEYS[1], id)
  if redis.call('ZADD', KEYS[1], 'NX', now, 'undone:' .. id) == 0 or not made then return 0 end
  slice = string.format('%.0f', math.floor(tonumber(made) / SLICE_MS))
end

if not undoes and redis.call('ZADD', KEYS[1], 'NX', now, id .. ':' .. ARGV[5]) == 0 then
  return 0  -- sent again, because the first answer was lost
end
redis.call('PEXPIRE', KEYS[1], WINDOW_MS)

local function give_back(window, field, count)
  local held = tonumber(redis.call('HGET', window, field) or '0')
  local back = math.min(held, count)
  if back > 0 then redis.call('HINCRBY', window, field, -back) end
end

local key, arg = 2, 7
for _ = 1, tonumber(ARGV[6]) do
  local window, running = KEYS[key], KEYS[key + 1]
  if ARGV[arg] == '1' then
    if tokens < 0 then
      give_back(window, 't' .. slice, -tokens)
    elseif tokens > 0 then
      redis.call('HINCRBY', window, 't' .. string.format('%.0f', math.floor(now / SLICE_MS)), tokens)
      redis.call('PEXPIRE', window, WINDOW_MS + 2 * SLICE_MS)
    end
    if undoes then give_back(window, 'r' .. slice, 1) end
  end
  if frees and ARGV[arg + 1] == '1' then redis.call('ZREM', running, id) end
  key = key + 2
  for _ = 1, tonumber(ARGV[arg + 2]) do
    -- A quota that is gone belongs to a day or month that is over.
    if tokens ~= 0 and redis.call('EXISTS', KEYS[key]) == 1 then
      if redis.call('INCRBY', KEYS[key], tokens) < 0 then
        redis.call('SET', KEYS[key], 0, 'KEEPTTL')
      end
    end
    key = key + 1
  end
  arg = arg + 3
end
return 1
