-- Puts an entry aside that can't be recorded now. It stays pending, under a consumer that no process goes by: so it fills
-- no window, and the entries behind it are read. Its deliveries are kept; it is sent again when it was idle for as long
-- as they say.
--
-- KEYS
--   stream_key  STREAM: results
-- ARGV
--   group     consumer group
--   consumer  the consumer that holds what waits
--   entry_id  the entry
-- Returns {'aside' | 'gone'} | {'wrong_type', ...}

local wrong = expect(stream_key, 'stream')
if wrong then return wrong end
-- (XCLAIM drops an entry that was trimmed.)
if #redis.call('XRANGE', stream_key, entry_id, entry_id) == 0 then return { 'gone' } end
if #redis.call('XPENDING', stream_key, group, entry_id, entry_id, 1) == 0 then return { 'gone' } end
redis.call('XCLAIM', stream_key, group, consumer, 0, entry_id, 'JUSTID')
return { 'aside' }
