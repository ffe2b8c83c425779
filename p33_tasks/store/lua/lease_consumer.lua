-- Takes a consumer name, or keeps it: one living process per name.
--
-- KEYS 1 lease
-- ARGV 1 token  2 ttl ms
-- Returns {'mine' | 'taken'} | {'wrong_type', ...}

local wrong = expect(KEYS[1], 'string')
if wrong then return wrong end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return { 'taken' } end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { 'mine' }
