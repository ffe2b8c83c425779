-- Takes the one right to send a plan's order. It is never given back: whoever comes later only asks the venue.
-- (A venue accepts a client order id again once its order is closed, so sending twice could execute twice.)
--
-- KEYS 1 journal
-- ARGV 1 consume_id   2 shortest useful window ms   3 longest window ms
-- Returns {'send', remaining ms} | {'late'} | {'lost'} | {'other_run'}

local wrong = expect(KEYS[1], 'hash')
if wrong then return wrong end
local state, consumer, before, run = unpack(redis.call('HMGET', KEYS[1], 'state', 'consume_id', 'place_before_ms', 'run_id'))
if state ~= 'consumed' or consumer ~= ARGV[1] then return { 'lost' } end
local now = now_ms()
-- A Redis that restarted or failed over may have forgotten that this step was taken before, and the order may be on
-- its way: then the venue is only asked.
if run and run ~= run_id() then
  redis.call('HSET', KEYS[1], 'state', 'sending', 'sending_ms', text(now))
  return { 'other_run' }
end
local remaining = tonumber(before) - now
-- Further ahead than any consumption sets it: the clock stepped back since, and how much time is left is unknown.
if remaining < tonumber(ARGV[2]) or remaining > tonumber(ARGV[3]) then return { 'late' } end
redis.call('HSET', KEYS[1], 'state', 'sending', 'sending_ms', text(now))
return { 'send', text(remaining) }
