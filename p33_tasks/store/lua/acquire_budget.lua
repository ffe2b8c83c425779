-- Takes request weight from the minute's budget that all workers share.
--
-- KEYS 1 budget
-- ARGV 1 weight   2 our own limit per minute   3 the venue's limit per minute
-- Returns {'ok'} | {'paused', seconds} | {'spent', seconds}

local wrong = expect(KEYS[1], 'hash')
if wrong then return wrong end

local now = now_ms()
local minute = text(math.floor(now / 60000))
local b = redis.call('HMGET', KEYS[1], 'paused_until_ms', 'minute', 'used', 'reported')
local paused_until = whole(b[1])
if paused_until and paused_until > now and paused_until - now <= MOST_PAUSE_MS then
  return { 'paused', math.ceil((paused_until - now) / 1000) }
end

local used, reported = 0, 0
if b[2] == minute then used, reported = whole(b[3]) or 0, whole(b[4]) or 0 end
local weight = tonumber(ARGV[1])
if used + weight > tonumber(ARGV[2]) or reported + weight > tonumber(ARGV[3]) then
  return { 'spent', math.ceil((60000 - now % 60000) / 1000) }
end
redis.call('HSET', KEYS[1], 'minute', minute, 'used', text(used + weight), 'reported', text(reported + weight))
return { 'ok' }
