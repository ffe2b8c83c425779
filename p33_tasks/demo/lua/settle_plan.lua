-- Publishes what is known about a plan, once per piece of news; the last one acknowledges the plan in the same act.
--
-- KEYS 1 journal  2 result stream  3 plan stream  4 the brain's record of the consumption
-- ARGV 1 group   2 entry id   3 states it may be said in, each between commas ('' for any)
--      4 state after ('done' acknowledges)   5 digest of the news   6 result stream maxlen   7 memory ms
--      8 '1': only when our own consumption isn't on record   9 consume_id, then the result's fields and values
-- Returns {'published' | 'unchanged' | 'done', state} | {'moved', state} | {'consumed'}

local wrong = expect(KEYS[1], 'hash') or expect(KEYS[2], 'stream') or expect(KEYS[3], 'stream')
if wrong then return wrong end

local state, published = unpack(redis.call('HMGET', KEYS[1], 'state', 'published'))
if state == 'done' then
  redis.call('XACK', KEYS[3], ARGV[1], ARGV[2])
  return { 'done', state }
end
if ARGV[3] ~= '' and not string.find(ARGV[3], ',' .. (state or 'none') .. ',', 1, true) then
  return { 'moved', state or 'none' }
end
-- The answer to our consumption may have been lost on its way: then it isn't "blocked".
if ARGV[8] == '1' and type_of(KEYS[4]) == 'hash' and redis.call('HGET', KEYS[4], 'consume_id') == ARGV[9] then
  return { 'consumed' }
end

local news = published ~= ARGV[5]
if news then redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', unpack(ARGV, 10)) end
redis.call('HSET', KEYS[1], 'entry_id', ARGV[2], 'state', ARGV[4], 'published', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
if ARGV[4] == 'done' then redis.call('XACK', KEYS[3], ARGV[1], ARGV[2]) end
return { news and 'published' or 'unchanged', ARGV[4] }
