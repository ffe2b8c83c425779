-- Reads what a result is applied to. Writes nothing.
--
-- KEYS
--   ledger_key    HASH: the symbol's ledger
--   fills_key     HASH: quantity remembered by order id
--   orders_key    HASH: what is on record of each order id, JSON
--   origin_key    STRING: time in ms of the snapshot the ledger began with
--   decision_key  STRING: the plan's decision
--   executed_key  STRING: quantity executed by each of the plan's orders, JSON
--   market_key    HASH: the symbol's market rules
-- ARGV
--   order_ids[]  the venue's order ids
-- Returns {'ledger', now_ms, last_known_amt, adopted_ms, decision, executed, step size, quantity, record, quantity, ...}

local wrong = expect(ledger_key, 'hash') or expect(fills_key, 'hash') or expect(orders_key, 'hash')
  or expect(origin_key, 'string') or expect(decision_key, 'string') or expect(executed_key, 'string')
  or expect(market_key, 'hash')
if wrong then return wrong end

local reply = { 'ledger', text(now_ms()), redis.call('HGET', ledger_key, 'last_known_amt'), redis.call('GET', origin_key),
  redis.call('GET', decision_key), redis.call('GET', executed_key), redis.call('HGET', market_key, 'step_size') }
for _, id in ipairs(order_ids) do
  reply[#reply + 1] = redis.call('HGET', fills_key, id)
  reply[#reply + 1] = redis.call('HGET', orders_key, id)
end
return reply
