-- Removes a consumer that nobody goes by any more: no lease, nothing pending, idle for long. Removing one that has
-- entries pending would lose them.
--
-- KEYS 1 stream  2 lease
-- ARGV 1 group  2 consumer  3 least idle ms
-- Returns {'removed' | 'kept' | 'held' | 'absent'} | {'wrong_type', ...}

local wrong = expect(KEYS[1], 'stream')
if wrong then return wrong end
if redis.call('EXISTS', KEYS[2]) == 1 then return { 'held' } end
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #flat, 2 do consumer[flat[i]] = flat[i + 1] end
  if consumer.name == ARGV[2] then
    if consumer.pending > 0 or consumer.idle < tonumber(ARGV[3]) then return { 'kept' } end
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
    return { 'removed' }
  end
end
return { 'absent' }
