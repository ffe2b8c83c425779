-- Takes or renews the lease of a consumer name: one process per name.
--
-- KEYS
--   lease_key  STRING: the token of the process that has the name
-- ARGV
--   token   this process's random id
--   ttl_ms  the lease's time to live
-- Returns {'mine' | 'taken'} | {'wrong_type', ...}

local wrong = expect(lease_key, 'string')
if wrong then return wrong end
local holder = redis.call('GET', lease_key)
if holder and holder ~= token then return { 'taken' } end
redis.call('SET', lease_key, token, 'PX', ttl_ms)
return { 'mine' }
