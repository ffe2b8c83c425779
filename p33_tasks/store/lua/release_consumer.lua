-- Releases the lease of a consumer name, unless another process has it.
--
-- KEYS
--   lease_key  STRING: the token of the process that has the name
-- ARGV
--   token  this process's random id
-- Returns {'released' | 'not_mine'} | {'wrong_type', ...}

local wrong = expect(lease_key, 'string')
if wrong then return wrong end
if redis.call('GET', lease_key) ~= token then return { 'not_mine' } end
redis.call('DEL', lease_key)
return { 'released' }
