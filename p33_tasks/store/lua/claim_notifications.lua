-- Claims the next events of reconciliation for notifications: each event is claimed once, so it is sent at most once.
--
-- KEYS
--   notified_key  STRING: the id of the last event that was claimed
--   events_key    STREAM: events of reconciliation
-- ARGV
--   most          maximum number of events
-- Returns {now_ms, entries}: each entry {id, {field, value, ...}}. The first claim returns none of the events before it

local wrong = expect(notified_key, 'string') or expect(events_key, 'stream')
if wrong then return wrong end

local last = redis.call('GET', notified_key)
if not last or not string.find(last, '^%d+%-%d+$') then
  local newest = redis.call('XREVRANGE', events_key, '+', '-', 'COUNT', '1')[1]
  redis.call('SET', notified_key, newest and newest[1] or '0-0')
  return { text(now_ms()), {} }
end
local found = redis.call('XRANGE', events_key, '(' .. last, '+', 'COUNT', most)
if #found > 0 then redis.call('SET', notified_key, found[#found][1]) end
return { text(now_ms()), found }
