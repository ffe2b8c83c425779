-- Publishes what is known about a plan, once per piece of news; the last one acknowledges the plan in the same act.
--
-- KEYS
--   journal_key   HASH: the plan's journal
--   results_key   STREAM: results
--   plans_key     STREAM: plans
--   consumed_key  HASH: the brain's record of the consumption
-- ARGV
--   group            consumer group
--   entry_id         the plan's stream entry
--   allowed_states   states in which it may be published, each between commas ('' for any)
--   next_state       the journal's state afterwards; 'done' acknowledges
--   news_digest      digest of what is new
--   results_maxlen   about how many entries the result stream keeps
--   journal_ttl_ms   the journal's time to live
--   unless_consumed  1: only when our own consumption isn't on record; 0: always
--   consume_id       our consumption ('' for none)
--   result_fields[]  the result's fields and values, in turn
-- Returns {'published' | 'unchanged' | 'done', state} | {'moved', state} | {'consumed'}

local wrong = expect(journal_key, 'hash') or expect(results_key, 'stream') or expect(plans_key, 'stream')
if wrong then return wrong end

local state, published = unpack(redis.call('HMGET', journal_key, 'state', 'published'))
if state == 'done' then
  redis.call('XACK', plans_key, group, entry_id)
  return { 'done', state }
end
if allowed_states ~= '' and not string.find(allowed_states, ',' .. (state or 'none') .. ',', 1, true) then
  return { 'moved', state or 'none' }
end
-- The answer to our consumption may have been lost on its way: then it isn't "blocked".
if unless_consumed == '1' and type_of(consumed_key) == 'hash'
    and redis.call('HGET', consumed_key, 'consume_id') == consume_id then
  return { 'consumed' }
end

local news = published ~= news_digest
if news then redis.call('XADD', results_key, 'MAXLEN', '~', results_maxlen, '*', unpack(result_fields)) end
redis.call('HSET', journal_key, 'entry_id', entry_id, 'state', next_state, 'published', news_digest)
redis.call('PEXPIRE', journal_key, journal_ttl_ms)
if next_state == 'done' then redis.call('XACK', plans_key, group, entry_id) end
return { news and 'published' or 'unchanged', next_state }
