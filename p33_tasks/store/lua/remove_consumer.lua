-- Removes an unused consumer: no lease, nothing pending, idle for long. Removing a consumer with pending entries would lose
-- them.
--
-- KEYS
--   stream_key  STREAM: plans or results
--   lease_key   STRING: the token of the process that has the name
-- ARGV
--   group        consumer group
--   consumer     the consumer to remove
--   min_idle_ms  a consumer idle for less isn't removed
-- Returns {'removed' | 'kept' | 'held' | 'absent'} | {'wrong_type', ...}

local wrong = expect(stream_key, 'stream')
if wrong then return wrong end
if redis.call('EXISTS', lease_key) == 1 then return { 'held' } end
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', stream_key, group)) do
  local found = {}
  for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
  if found.name == consumer then
    if found.pending > 0 or found.idle < tonumber(min_idle_ms) then return { 'kept' } end
    redis.call('XGROUP', 'DELCONSUMER', stream_key, group, consumer)
    return { 'removed' }
  end
end
return { 'absent' }
