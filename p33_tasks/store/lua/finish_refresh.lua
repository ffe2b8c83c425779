-- Ends the claim of a bulk request, after success or failure.
--
-- KEYS
--   refresh_key  HASH: the bulk refresh, its lease and its outcome
-- ARGV
--   token           the claim's random id
--   error_text      '' when it succeeded
--   markets_digest  digest of the market rules that were loaded ('' for none)
--   markets_age_ms  how old the market rules count as
-- Returns {'finished' | 'not_mine'}

local wrong = expect(refresh_key, 'hash')
if wrong then return wrong end
if redis.call('HGET', refresh_key, 'token') ~= token then return { 'not_mine' } end

local at = now_ms()
local now = text(at)
redis.call('HSET', refresh_key, 'lease_until_ms', '0', 'finished_ms', now, 'error', error_text)
if error_text == '' then redis.call('HSET', refresh_key, 'succeeded_ms', now) end
if markets_digest ~= '' then
  -- Rules are as old as their request: a refusal of an order after it makes them due again.
  local began = whole(redis.call('HGET', refresh_key, 'started_ms')) or at
  redis.call('HSET', refresh_key, 'markets', markets_digest, 'markets_ms', text(at - tonumber(markets_age_ms)),
    'markets_asked_ms', text(began))
end
return { 'finished' }
