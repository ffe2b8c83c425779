-- Moves an entry that can't be understood to the dead-letter stream and acknowledges it.
--
-- KEYS 1 dead letters  2 counters  3 source stream
-- ARGV 1 group   2 entry id   3 error   4 the entry as JSON   5 maxlen   6 stream label
-- Returns {'moved_away' | 'already'}

local wrong = expect(KEYS[1], 'stream') or expect(KEYS[3], 'stream')
if wrong then return wrong end
if redis.call('XACK', KEYS[3], ARGV[1], ARGV[2]) == 0 then return { 'already' } end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], '*', 'source_stream', KEYS[3], 'source_id', ARGV[2],
  'error', ARGV[3], 'entry', ARGV[4])
-- A foreign value under the counters must not keep a poisoned entry in the way.
if not expect(KEYS[2], 'hash') then count(KEYS[2], 'p33_deadletter_total|' .. ARGV[6]) end
return { 'moved_away' }
