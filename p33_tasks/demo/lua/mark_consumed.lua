-- Writes down what the permit allows, and in which life of Redis, before anything is sent.
--
-- KEYS 1 journal
-- ARGV 1 consume_id   2 side   3 quantity   4 place_before_ms
-- Returns {'consumed'} | {'lost'} when the journal went on without us or is gone

local wrong = expect(KEYS[1], 'hash')
if wrong then return wrong end
local state, consumer = unpack(redis.call('HMGET', KEYS[1], 'state', 'consume_id'))
if state ~= 'claimed' or consumer ~= ARGV[1] then return { 'lost' } end
redis.call('HSET', KEYS[1], 'state', 'consumed', 'side', ARGV[2], 'quantity', ARGV[3], 'place_before_ms', ARGV[4],
  'run_id', run_id())
return { 'consumed' }
