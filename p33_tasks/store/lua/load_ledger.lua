-- Reads what a result is applied to. Writes nothing.
--
-- KEYS 1 ledger  2 fills  3 ledger origin
-- ARGV order ids
-- Returns {'ledger', now_ms, last_known_amt, adopted_ms, quantity, quantity, ...}

local wrong = expect(KEYS[1], 'hash') or expect(KEYS[2], 'hash') or expect(KEYS[3], 'string')
if wrong then return wrong end

local reply = { 'ledger', text(now_ms()), redis.call('HGET', KEYS[1], 'last_known_amt'), redis.call('GET', KEYS[3]) }
for i = 1, #ARGV do reply[4 + i] = redis.call('HGET', KEYS[2], ARGV[i]) end
return reply
