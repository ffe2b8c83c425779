-- Stores the venue's report: the weight used in this minute, and the pauses it requires.
--
-- KEYS
--   budget_key  HASH: the request budget of the minute
-- ARGV
--   reported_weight  weight used in this minute, as the venue counts ('' for none)
--   pause_sec        pause of all requests by the venue ('' for none)
--   order_pause_sec  pause of orders alone ('' for none)
-- Returns {'ok'}

local wrong = expect(budget_key, 'hash')
if wrong then return wrong end

local now = now_ms()
local minute = text(math.floor(now / 60000))
if reported_weight ~= '' then
  local b = redis.call('HMGET', budget_key, 'minute', 'reported')
  local reported = tonumber(reported_weight)
  if b[1] == minute then
    reported = math.max(reported, whole(b[2]) or 0)
    redis.call('HSET', budget_key, 'reported', text(reported))
  else
    redis.call('HSET', budget_key, 'minute', minute, 'used', '0', 'reported', text(reported))
  end
end
local function pause(field, seconds)
  if seconds == '' then return end
  -- A pause longer than MOST_PAUSE_MS would be ignored, as one stored before the clock stepped back.
  local until_ms = now + math.min(tonumber(seconds) * 1000, MOST_PAUSE_MS)
  local stored = whole(redis.call('HGET', budget_key, field)) or 0
  if stored > now and stored - now <= MOST_PAUSE_MS then until_ms = math.max(until_ms, stored) end
  redis.call('HSET', budget_key, field, text(until_ms))
end

pause('paused_until_ms', pause_sec)
pause('orders_paused_until_ms', order_pause_sec)
return { 'ok' }
