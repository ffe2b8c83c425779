-- Opens a plan's journal, or finds the one that is there. A plan_id has one journal, whatever entries name it.
--
-- KEYS
--   journal_key   HASH: the plan's journal
--   plans_key     STREAM: plans
--   consumed_key  HASH: the brain's record of the consumption
-- ARGV
--   group            consumer group
--   entry_id         the plan's stream entry
--   symbol           the venue's id
--   consume_id       id for a new journal's consumption
--   client_order_id  the order's id at the venue
--   journal_ttl_ms   the journal's time to live
--   place_window_ms  longest time in which the order may be sent
-- Returns {'new' | 'known', now_ms, '1' when our consumption is on record, consume_id, state, side, quantity,
--   position_side, place_before_ms}, or
--   {'duplicate'} when another entry has the plan, {'done'} when its result was published; both are acknowledged.

local wrong = expect(journal_key, 'hash') or expect(plans_key, 'stream')
if wrong then return wrong end

local owner, state = unpack(redis.call('HMGET', journal_key, 'entry_id', 'state'))
if owner and (owner ~= entry_id or state == 'done') then
  redis.call('XACK', plans_key, group, entry_id)
  return { owner == entry_id and 'done' or 'duplicate' }
end
if not owner then
  redis.call('HSET', journal_key, 'entry_id', entry_id, 'state', 'claimed', 'symbol', symbol, 'consume_id', consume_id,
    'client_order_id', client_order_id, 'claimed_ms', text(now_ms()))
  redis.call('PEXPIRE', journal_key, journal_ttl_ms)
end
local j = redis.call('HMGET', journal_key, 'consume_id', 'state', 'side', 'quantity', 'place_before_ms', 'position_side')
-- From before the clock stepped back: else the plan would be open until the clock has caught up.
local latest = now_ms() + tonumber(place_window_ms)
if j[5] and tonumber(j[5]) > latest and j[2] ~= 'consumed' then
  j[5] = text(latest)
  redis.call('HSET', journal_key, 'place_before_ms', j[5])
end
local on_record = type_of(consumed_key) == 'hash' and j[1] and redis.call('HGET', consumed_key, 'consume_id') == j[1]
local found = owner and 'known' or 'new'
return { found, text(now_ms()), on_record and '1' or '0', j[1], j[2], j[3] or '', j[4] or '', j[6] or '',
  j[5] or '' }
