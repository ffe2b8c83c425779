-- Remembers whose positions were fetched. Those of another account begin a new life of the store: no snapshot and no
-- permit of before counts then, for nobody. And for a while none is written at all: each refresh may be any process's, so
-- keys of two accounts show themselves by coming in turn, or twice in a row.
--
-- KEYS
--   refresh_key  HASH: the bulk refresh, its lease and its outcome
--   epoch_key    STRING: our mark on this store's life
-- ARGV
--   account    the venue's id of the account; 'unknown' where the venue doesn't show it to the key
--   new_epoch  a random text
--   quiet_ms   so long after another account's positions nothing is written
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
-- Without one, but refreshed before: by a version that didn't ask, for an account that nobody knows.
if not seen[1] and not seen[2] then return { 'noted' } end
-- One that isn't known may be the same account, asked by a request that was refused.
if seen[1] and seen[1] ~= 'unknown' and account ~= 'unknown' then
  redis.call('HSET', refresh_key, 'other_account_ms', text(now))
end
redis.call('SET', epoch_key, new_epoch)
return { 'changed' }
