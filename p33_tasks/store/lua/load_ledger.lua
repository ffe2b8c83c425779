-- Reads the state that a result is applied to. Writes nothing.
--
-- KEYS
--   fills_key     HASH: quantity remembered by order id
--   orders_key    HASH: record of each order id, JSON
--   snapshot_key  HASH: the symbol's own snapshot, which shows the mode
--   decision_key  STRING: the plan's decision
--   executed_key  STRING: quantity executed by each of the plan's orders, JSON
--   market_key    HASH: the symbol's market rules
--   positions[]   the keys of the symbol's own position, of its long leg, and of its short leg
--     .ledger     HASH: the position's ledger
--     .origin     STRING: time in ms of the snapshot the ledger began with
-- ARGV
--   order_ids[]  the venue's order ids
-- Returns {'ledger', position mode, decision, executed, step size, last_known_amt, adopted_ms, ... (of each position),
--   quantity, record, ... (of each order)}. Without an order only the decision is read.

local wrong = expect(decision_key, 'string')
if not wrong and #order_ids == 0 then
  return { 'ledger', false, redis.call('GET', decision_key), false, false, false, false, false, false, false, false }
end
wrong = wrong or expect(fills_key, 'hash') or expect(orders_key, 'hash') or expect(executed_key, 'string')
  or expect(market_key, 'hash')
if wrong then return wrong end

local mode = type_of(snapshot_key) == 'hash' and redis.call('HGET', snapshot_key, 'position_mode')
local reply = { 'ledger', mode, redis.call('GET', decision_key), redis.call('GET', executed_key),
  redis.call('HGET', market_key, 'step_size') }
for _, at in ipairs(positions) do
  -- The script that writes the result refuses a foreign type: the values of other positions aren't needed.
  reply[#reply + 1] = not expect(at.ledger, 'hash') and redis.call('HGET', at.ledger, 'last_known_amt')
  reply[#reply + 1] = not expect(at.origin, 'string') and redis.call('GET', at.origin)
end
for _, id in ipairs(order_ids) do
  reply[#reply + 1] = redis.call('HGET', fills_key, id)
  reply[#reply + 1] = redis.call('HGET', orders_key, id)
end
return reply
