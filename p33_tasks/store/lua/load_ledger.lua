-- Reads what a result is applied to. Writes nothing.
--
-- KEYS
--   ledger_key  HASH: the symbol's ledger
--   fills_key   HASH: quantity remembered by order id
--   origin_key  STRING: time in ms of the snapshot the ledger began with
-- ARGV
--   order_ids[]  the venue's order ids
-- Returns {'ledger', now_ms, last_known_amt, adopted_ms, quantity, quantity, ...}

local wrong = expect(ledger_key, 'hash') or expect(fills_key, 'hash') or expect(origin_key, 'string')
if wrong then return wrong end

local amount = redis.call('HGET', ledger_key, 'last_known_amt')
local reply = { 'ledger', text(now_ms()), amount, redis.call('GET', origin_key) }
for i, id in ipairs(order_ids) do reply[4 + i] = redis.call('HGET', fills_key, id) end
return reply
