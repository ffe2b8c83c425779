-- Remembers whose positions were fetched. Those of another account begin a new life of the store: no snapshot and no
-- permit of before counts then, for nobody.
--
-- KEYS
--   refresh_key  HASH: the bulk refresh, its lease and its outcome
--   epoch_key    STRING: our mark on this store's life
-- ARGV
--   account    the venue's id of the account
--   new_epoch  a random text
-- Returns {'same' | 'noted' | 'changed'}

local wrong = expect(refresh_key, 'hash') or expect(epoch_key, 'string')
if wrong then return wrong end
local seen = redis.call('HMGET', refresh_key, 'account', 'succeeded_ms')
if seen[1] == account then return { 'same' } end
redis.call('HSET', refresh_key, 'account', account)
-- Without one, but refreshed before: by a version that didn't ask, for an account that nobody knows.
if not seen[1] and not seen[2] then return { 'noted' } end
redis.call('SET', epoch_key, new_epoch)
return { 'changed' }
