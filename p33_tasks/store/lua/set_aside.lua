-- Sets aside an entry that can't be recorded now. It stays pending, under a consumer that no process uses: so it fills no
-- window, and later entries are read. Its number of deliveries stays, and with it the idle time until it is sent again.
--
-- KEYS
--   stream_key  STREAM: results
-- ARGV
--   group     consumer group
--   consumer  the consumer for entries set aside
--   entry_id  the entry
-- Returns {'aside' | 'gone'} | {'wrong_type', ...}

local wrong = expect(stream_key, 'stream')
if wrong then return wrong end
-- (XCLAIM drops an entry that was trimmed.)
if #redis.call('XRANGE', stream_key, entry_id, entry_id) == 0 then return { 'gone' } end
if #redis.call('XPENDING', stream_key, group, entry_id, entry_id, 1) == 0 then return { 'gone' } end
redis.call('XCLAIM', stream_key, group, consumer, 0, entry_id, 'JUSTID')
return { 'aside' }
