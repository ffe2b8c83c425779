-- Shared by every script; put in front of each.

-- The one clock: the server's own, in milliseconds.
local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

-- This life of the server: another one may have forgotten what we rely on.
local function run_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
end

local function type_of(key)
  local reply = redis.call('TYPE', key)
  return type(reply) == 'table' and reply.ok or reply
end

-- nil when the key is absent or of the type, else the refusal to return. Called before the first write, so that
-- a foreign value under one of our keys can't leave half of an act behind.
local function expect(key, wanted)
  local found = type_of(key)
  if found == 'none' or found == wanted then return nil end
  return { 'wrong_type', key, found, wanted }
end

-- Milliseconds as text. Lua would write large numbers with an exponent.
local function text(number)
  return string.format('%.0f', number)
end

-- The time of a HASH that has a `_ms` field and an older `_epoch` twin in whole seconds; the first is used when
-- present. nil when there is none, or when it is 0.
local function twin_time(ms, epoch)
  local value = tonumber(ms or '') or (tonumber(epoch or '') or 0) * 1000
  return value > 0 and value or nil
end

-- Add one observation to a histogram kept in the counters HASH: bucket bounds and value in the same unit.
local function observe(counters, name, bounds, value)
  local bucket = '+Inf'
  for bound in string.gmatch(bounds, '[^,]+') do
    if value <= tonumber(bound) then
      bucket = bound
      break
    end
  end
  redis.call('HINCRBY', counters, name .. '|bucket|' .. bucket, 1)
  redis.call('HINCRBY', counters, name .. '|sum', text(math.max(0, math.floor(value))))
end

