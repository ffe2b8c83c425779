-- Opens a plan's journal, or finds the one that is there. A plan_id has one journal, whatever entries name it.
--
-- KEYS 1 journal  2 plan stream  3 the brain's record of the consumption
-- ARGV 1 group   2 entry id   3 symbol   4 consume_id   5 client order id   6 memory ms
--      7 placing window ms
-- Returns {'new' | 'known', now_ms, '1' when our consumption is on record, consume_id, state, side, quantity,
--   place_before_ms}, or
--   {'duplicate'} when another entry has the plan, {'done'} when its result was published; both are acknowledged.

local wrong = expect(KEYS[1], 'hash') or expect(KEYS[2], 'stream')
if wrong then return wrong end

local owner, state = unpack(redis.call('HMGET', KEYS[1], 'entry_id', 'state'))
if owner and (owner ~= ARGV[2] or state == 'done') then
  redis.call('XACK', KEYS[2], ARGV[1], ARGV[2])
  return { owner == ARGV[2] and 'done' or 'duplicate' }
end
if not owner then
  redis.call('HSET', KEYS[1], 'entry_id', ARGV[2], 'state', 'claimed', 'symbol', ARGV[3], 'consume_id', ARGV[4],
    'client_order_id', ARGV[5], 'claimed_ms', text(now_ms()))
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
local j = redis.call('HMGET', KEYS[1], 'consume_id', 'state', 'side', 'quantity', 'place_before_ms')
-- From before the clock stepped back: else the plan would be open until the clock has caught up.
local latest = now_ms() + tonumber(ARGV[7])
if j[5] and tonumber(j[5]) > latest and j[2] ~= 'consumed' then
  j[5] = text(latest)
  redis.call('HSET', KEYS[1], 'place_before_ms', j[5])
end
local on_record = type_of(KEYS[3]) == 'hash' and j[1] and redis.call('HGET', KEYS[3], 'consume_id') == j[1]
return { owner and 'known' or 'new', text(now_ms()), on_record and '1' or '0', j[1], j[2], j[3] or '', j[4] or '', j[5] or '' }
