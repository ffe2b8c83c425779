-- Records the account of the fetched positions. If it is another one, a new life of the store begins: older snapshots and
-- permits are invalid for all processes. And for a while no snapshot is written: any process may make a refresh, so if
-- processes have keys of two accounts, both will be seen in this time.
--
-- KEYS
--   refresh_key  HASH: the bulk refresh, its lease and its outcome
--   epoch_key    STRING: the store's epoch, part of its life
-- ARGV
--   account    the account's id at the venue; 'unknown' if the venue doesn't show it to this key
--   new_epoch  a random text
--   quiet_ms   how long after another account's positions nothing is written
-- Returns {'same' | 'noted' | 'changed' | 'quiet'}

local wrong = expect(refresh_key, 'hash') or expect(epoch_key, 'string')
if wrong then return wrong end
local now = now_ms()
local seen = redis.call('HMGET', refresh_key, 'account', 'succeeded_ms', 'other_account_ms')
if seen[1] == account then
  local other = whole(seen[3])
  if other and other > now then -- stored before the clock stepped back
    other = now
    redis.call('HSET', refresh_key, 'other_account_ms', text(now))
  end
  return { other and now - other < tonumber(quiet_ms) and 'quiet' or 'same' }
end
redis.call('HSET', refresh_key, 'account', account)
-- The first refresh of a new store. If there was a refresh without an account (a version that didn't record it), it counts
-- as another account.
if not seen[1] and not seen[2] then return { 'noted' } end
-- 'unknown' may be the same account: the request for its id may have been refused.
if seen[1] and seen[1] ~= 'unknown' and account ~= 'unknown' then
  redis.call('HSET', refresh_key, 'other_account_ms', text(now))
end
redis.call('SET', epoch_key, new_epoch)
return { 'changed' }
