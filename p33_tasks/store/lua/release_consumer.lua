-- Gives a consumer name back, unless somebody else has it by now.
--
-- KEYS 1 lease
-- ARGV 1 token
-- Returns {'released' | 'not_mine'} | {'wrong_type', ...}

local wrong = expect(KEYS[1], 'string')
if wrong then return wrong end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return { 'not_mine' } end
redis.call('DEL', KEYS[1])
return { 'released' }
