-- Records that the venue refused an order for its quantity or symbol: the market rules are due at the next refresh.
--
-- KEYS
--   refresh_key  HASH: the bulk refresh, its lease and its outcome
-- Returns {'ok'}

local wrong = expect(refresh_key, 'hash')
if wrong then return wrong end
redis.call('HSET', refresh_key, 'markets_refused_ms', text(now_ms()))
return { 'ok' }
