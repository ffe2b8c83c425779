-- Reads a result for its task: from the stream, else from the copy made at its first reading. Writes only the time of the
-- first reading of an entry id that is ahead of TIME.
--
-- KEYS
--   results_key     STREAM: results
--   copy_key        STRING: the entry's copy
--   first_seen_key  HASH: when an entry id ahead of TIME was first read, ms
--   counters_key    HASH: counters
-- ARGV
--   entry_id       the result's stream entry
--   ahead_counter  counters field for entry ids ahead of TIME
-- Returns {'ok', now ms, time ms, {field, value, ...} or nil, the copy or nil} | {'wrong_type', ...}

local wrong = expect(results_key, 'stream') or expect(copy_key, 'string') or expect(first_seen_key, 'hash')
if wrong then return wrong end

local found = redis.call('XRANGE', results_key, entry_id, entry_id)[1]
local copy = not found and redis.call('GET', copy_key)
local time_ms = entry_time(entry_id, first_seen_key, counters_key, ahead_counter)
return { 'ok', text(now_ms()), text(time_ms), found and found[2] or false, copy }
