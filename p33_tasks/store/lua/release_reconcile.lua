-- Ends the claim to reconcile.
--
-- KEYS
--   lease_key  STRING: token of the task that reconciles
-- ARGV
--   token  the claim's token
-- Returns {'released'} | {'lost'} | {'wrong_type', ...}

local wrong = expect(lease_key, 'string')
if wrong then return wrong end
if redis.call('GET', lease_key) ~= token then return { 'lost' } end
redis.call('DEL', lease_key)
return { 'released' }
