-- Remembers what the venue said: the weight used in this minute, and a pause it asked for.
--
-- KEYS 1 budget
-- ARGV 1 reported weight ('' for none)   2 pause in seconds ('' for none)
-- Returns {'ok'}

local wrong = expect(KEYS[1], 'hash')
if wrong then return wrong end

local now = now_ms()
local minute = text(math.floor(now / 60000))
if ARGV[1] ~= '' then
  local b = redis.call('HMGET', KEYS[1], 'minute', 'reported')
  local reported = tonumber(ARGV[1])
  if b[1] == minute then
    reported = math.max(reported, whole(b[2]) or 0)
    redis.call('HSET', KEYS[1], 'reported', text(reported))
  else
    redis.call('HSET', KEYS[1], 'minute', minute, 'used', '0', 'reported', text(reported))
  end
end
if ARGV[2] ~= '' then
  -- A pause further ahead than MOST_PAUSE_MS would be taken for one from before the clock stepped back, and ignored.
  local until_ms = now + math.min(tonumber(ARGV[2]) * 1000, MOST_PAUSE_MS)
  local stored = whole(redis.call('HGET', KEYS[1], 'paused_until_ms')) or 0
  if stored > now and stored - now <= MOST_PAUSE_MS then until_ms = math.max(until_ms, stored) end
  redis.call('HSET', KEYS[1], 'paused_until_ms', text(until_ms))
end
return { 'ok' }
