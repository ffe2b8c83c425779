-- Writes down what the permit allows, and in which life of Redis, before anything is sent.
--
-- KEYS
--   journal_key  HASH: the plan's journal
--   epoch_key    STRING: the mark on the store's life
-- ARGV
--   consume_id       our consumption
--   side             of the order
--   quantity         the most the order may trade
--   position_side    the leg that it closes; BOTH in one-way mode
--   place_before_ms  Redis time before which the order must be sent
-- Returns {'consumed'} | {'lost'} when the journal went on without us or is gone

local wrong = expect(journal_key, 'hash')
if wrong then return wrong end
local state, consumer = unpack(redis.call('HMGET', journal_key, 'state', 'consume_id'))
if state ~= 'claimed' or consumer ~= consume_id then return { 'lost' } end
redis.call('HSET', journal_key, 'state', 'consumed', 'side', side, 'quantity', quantity,
  'position_side', position_side, 'place_before_ms', place_before_ms, 'run_id', run_id(), 'life', life(epoch_key))
return { 'consumed' }
