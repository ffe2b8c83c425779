-- Gives a claimed bulk request back, well or badly ended.
--
-- KEYS 1 refresh
-- ARGV 1 token   2 error ('' for none)   3 markets loaded (a digest, '' for none)   4 how old they count as, ms
-- Returns {'finished' | 'not_mine'}

local wrong = expect(KEYS[1], 'hash')
if wrong then return wrong end
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return { 'not_mine' } end

local at = now_ms()
local now = text(at)
redis.call('HSET', KEYS[1], 'lease_until_ms', '0', 'finished_ms', now, 'error', ARGV[2])
if ARGV[2] == '' then redis.call('HSET', KEYS[1], 'succeeded_ms', now) end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'markets', ARGV[3], 'markets_ms', text(at - tonumber(ARGV[4]))) end
return { 'finished' }
