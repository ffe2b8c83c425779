-- Sets or clears a symbol's hold, audited.
--
-- KEYS 1 hold  2 audit stream
-- ARGV 1 'set' | 'clear'   2 symbol   3 why   4 by   5 audit maxlen
-- Returns {'changed'} | {'unchanged'}

local wrong = expect(KEYS[2], 'stream')
if wrong then return wrong end

local there = redis.call('EXISTS', KEYS[1]) == 1
if there == (ARGV[1] == 'set') then return { 'unchanged' } end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 'event', 'hold_' .. ARGV[1], 'symbol', ARGV[2], 'by', ARGV[4],
  'why', ARGV[3])
if ARGV[1] == 'set' then
  redis.call('SET', KEYS[1], ARGV[3])
else
  redis.call('DEL', KEYS[1])
end
return { 'changed' }
