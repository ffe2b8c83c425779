-- Takes the one right to send a plan's order. It is never given back: whoever comes later only asks the venue.
-- (A venue accepts a client order id again once its order is closed, so sending twice could execute twice.)
--
-- KEYS 1 journal
-- ARGV 1 consume_id   2 shortest useful window ms
-- Returns {'send', remaining ms} | {'late'} | {'lost'}

local wrong = expect(KEYS[1], 'hash')
if wrong then return wrong end
local state, consumer, before = unpack(redis.call('HMGET', KEYS[1], 'state', 'consume_id', 'place_before_ms'))
if state ~= 'consumed' or consumer ~= ARGV[1] then return { 'lost' } end
local now = now_ms()
local remaining = tonumber(before) - now
if remaining < tonumber(ARGV[2]) then return { 'late' } end
redis.call('HSET', KEYS[1], 'state', 'sending', 'sending_ms', text(now))
return { 'send', text(remaining) }
