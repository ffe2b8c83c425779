-- Moves an entry that can't be read to the dead-letter stream and acknowledges it.
--
-- KEYS
--   dead_letters_key  STREAM: dead letters
--   counters_key      HASH: counters
--   stream_key        STREAM: where the entry came from
-- ARGV
--   group                consumer group
--   entry_id             the entry
--   error_text           the error text
--   entry_json           the entry as JSON
--   dead_letters_maxlen  approximate maximum of dead letters
--   stream_label         'plan' | 'result', for the counter
-- Returns {'moved_away' | 'already'}

local wrong = expect(dead_letters_key, 'stream') or expect(stream_key, 'stream')
if wrong then return wrong end
if redis.call('XACK', stream_key, group, entry_id) == 0 then return { 'already' } end
redis.call('XADD', dead_letters_key, 'MAXLEN', '~', dead_letters_maxlen, '*', 'source_stream', stream_key,
  'source_id', entry_id, 'error', error_text, 'entry', entry_json)
-- A foreign value in the counters must not keep an unreadable entry pending.
if not expect(counters_key, 'hash') then count(counters_key, 'p33_deadletter_total|' .. stream_label) end
return { 'moved_away' }
