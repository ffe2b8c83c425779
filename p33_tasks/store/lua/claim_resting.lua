-- Claims this minute's one reading of the account's open orders, if no other task has.
--
-- KEYS
--   resting_key  HASH: the reading of open orders
--   epoch_key    STRING: the store's epoch, part of its life
-- ARGV
--   source     venue and host
--   period_ms  least time between two readings, also after a failure: they need much request weight
--   token      this claim's random id; a claim repeated with its own token (its answer was lost) is the same claim
-- Returns {'mine' | 'done' | 'paused', now_ms, life}

local wrong = expect(resting_key, 'hash') or expect(epoch_key, 'string')
if wrong then return wrong end

local now, current_life = now_ms(), life(epoch_key)
if current_life == '' then return { 'paused', text(now), '' } end
local r = redis.call('HMGET', resting_key, 'claimed_ms', 'source', 'life', 'token')
local claimed = whole(r[1])
-- A claim in the future was stored before the clock stepped back; one of another life doesn't count.
if claimed and claimed <= now and now - claimed < tonumber(period_ms) and r[2] == source and r[3] == current_life
    and r[4] ~= token then
  return { 'done', text(now), current_life }
end
redis.call('HSET', resting_key, 'claimed_ms', text(now), 'source', source, 'life', current_life, 'token', token)
return { 'mine', text(now), current_life }
