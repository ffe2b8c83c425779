-- Gives the right to reconcile back.
--
-- KEYS
--   lease_key  STRING: who reconciles now
-- ARGV
--   token  of the claim
-- Returns {'released'} | {'lost'} | {'wrong_type', ...}

local wrong = expect(lease_key, 'string')
if wrong then return wrong end
if redis.call('GET', lease_key) ~= token then return { 'lost' } end
redis.call('DEL', lease_key)
return { 'released' }
