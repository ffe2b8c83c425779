-- Takes request weight from the minute's budget that all workers share.
--
-- KEYS
--   budget_key  HASH: the request budget of the minute
-- ARGV
--   wanted_weight  request weight to take
--   own_limit      our own limit of weight per minute
--   venue_limit    the venue's limit of weight per minute
-- Returns {'ok'} | {'paused', seconds} | {'spent', seconds}

local wrong = expect(budget_key, 'hash')
if wrong then return wrong end

local now = now_ms()
local minute = text(math.floor(now / 60000))
local b = redis.call('HMGET', budget_key, 'paused_until_ms', 'minute', 'used', 'reported')
local paused_until = whole(b[1])
if paused_until and paused_until > now and paused_until - now <= MOST_PAUSE_MS then
  return { 'paused', math.ceil((paused_until - now) / 1000) }
end

local used, reported = 0, 0
if b[2] == minute then used, reported = whole(b[3]) or 0, whole(b[4]) or 0 end
local weight = tonumber(wanted_weight)
if used + weight > tonumber(own_limit) or reported + weight > tonumber(venue_limit) then
  return { 'spent', math.ceil((60000 - now % 60000) / 1000) }
end
redis.call('HSET', budget_key, 'minute', minute, 'used', text(used + weight), 'reported', text(reported + weight),
  'own_limit', own_limit, 'venue_limit', venue_limit)
return { 'ok' }
