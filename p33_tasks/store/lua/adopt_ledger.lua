-- Sets the ledger to the exchange's position, at an operator's request.
--
-- KEYS
--   ledger_key       HASH: the position's ledger
--   origin_key       STRING: time in ms of the snapshot the ledger began with
--   snapshot_key     HASH: the position's snapshot
--   symbol_snapshot_key  HASH: the symbol's own snapshot, which shows the mode
--   fills_key        HASH: quantity remembered by order id
--   fill_times_key   ZSET: when each order id was recorded, ms
--   audit_key        STREAM: operator and ledger events
--   events_key       STREAM: events of reconciliation
--   limits_key       HASH: an operator's limits of the symbol
--   adaptive_key     HASH: the adapted cooldown
--   epoch_key        STRING: the store's epoch, part of its life
--   reservation_keys[]  STRING: the plans that hold the symbol's own position and its legs, the one adopted first
-- ARGV
--   symbol               the venue's id
--   position_side        'BOTH', or the leg in hedge mode
--   source               venue and host the snapshot must come from
--   max_snapshot_age_ms  a snapshot older than this is not adopted, as configured
--   cooldown_ms          how long after an order a snapshot may not show it, as configured
--   read_lag_ms          how long the venue's position may not show an order
--   replace              1: also over an existing ledger; 0: only where there is none
--   by                   who adopts, for the audit
--   ledger_ttl_sec       the ledger's time to live
--   audit_maxlen         approximate maximum of entries in the audit stream
--   shown_amt            amount shown to the operator ('' to accept any)
--   accept_old_life      1: a snapshot of version 0.1, without a life, is checked by run_id
--   event                'adopted' | 'rebuilt'
--   event_id             the event's id
--   event_json           the event's other fields, a JSON object of texts
--   without_trades       1: the account's trades were not read from the venue
--   fills_ttl_sec        how long an order id is kept
--   items[]              every order that the snapshot shows
--     .id                the venue's id
--     .before            quantity remembered before ('' for none)
--     .after             quantity to remember
-- Returns {'adopted', amount before, amount after} | {'refused', why, found}

local wrong = expect(ledger_key, 'hash') or expect(origin_key, 'string') or expect(snapshot_key, 'hash')
  or expect(symbol_snapshot_key, 'hash') or expect(audit_key, 'stream') or expect(events_key, 'stream')
  or expect(fills_key, 'hash') or expect(fill_times_key, 'zset')
for _, reservation in ipairs(reservation_keys) do wrong = wrong or expect(reservation, 'string') end
if wrong then return wrong end

local now = now_ms()
local mode = redis.call('HGET', symbol_snapshot_key, 'position_mode') == 'hedge' and 'hedge' or 'one_way'
if (mode == 'hedge') ~= (position_side ~= 'BOTH') then return { 'refused', 'position_mode', mode } end
local cooldown = cooldown_in_force(limits_key, adaptive_key, cooldown_ms, now)
local max_age = limit_in_force(limits_key, 'stale_threshold_sec', max_snapshot_age_ms, now, function(a, b) return a > b end)
if not cooldown or not max_age then return { 'refused', 'limits_unreadable', limits_key .. ' or ' .. adaptive_key } end
local s = redis.call('HMGET', snapshot_key, 'position_amt', 'side', 'ts_ms', 'ts_epoch', 'source', 'run_id',
  'life')
local fetched = twin_time(s[3], s[4])
if not s[1] or not fetched then return { 'refused', 'no_snapshot', '' } end
if s[5] ~= source then return { 'refused', 'other_source', s[5] or '' } end
if s[6] ~= run_id() or not is_of_life(s[7], life(epoch_key), accept_old_life) then
  return { 'refused', 'other_run', s[6] or '' }
end
-- A leg's snapshot from before a change of the mode is not used.
if not is_of_mode(position_side, symbol_snapshot_key, s[3], s[7]) then return { 'refused', 'no_snapshot', '' } end
if fetched > now or now - fetched > max_age then
  return { 'refused', 'stale_snapshot', text(now - fetched) }
end
-- After a switch of the mode the order of a plan for the other mode's position may still be sent.
for _, reservation in ipairs(reservation_keys) do
  if redis.call('EXISTS', reservation) == 1 then return { 'refused', 'reserved', redis.call('GET', reservation) } end
end

local l = redis.call('HMGET', ledger_key, 'last_known_amt', 'last_order_time_ms', 'last_order_time_epoch', 'barrier_ms')
if l[1] and replace ~= '1' then return { 'refused', 'ledger_exists', l[1] } end
local ordered, unreadable = twin_time(l[2], l[3])
-- As everywhere: a time in the future, or one that can't be read, counts as now.
if unreadable or (ordered and ordered > now) then ordered = now end
if ordered and fetched <= ordered + cooldown then return { 'refused', 'cooldown', text(ordered + cooldown - now) } end
if before_barrier(fetched, l[4], read_lag_ms) then
  return { 'refused', 'barrier', text((twin_time(l[4]) or now) + tonumber(read_lag_ms) - now) }
end
if shown_amt ~= '' and shown_amt ~= s[1] then return { 'refused', 'position_changed', s[1] } end
for _, item in ipairs(items) do
  if (redis.call('HGET', fills_key, item.id) or '') ~= item.before then return { 'refused', 'fills_moved', item.id } end
end

audit_event(audit_key, audit_maxlen, l[1] and 'ledger_replaced' or 'ledger_adopted', symbol, position_side, 'by', by,
  'before', l[1] or '', 'after', s[1], 'snapshot_ts_ms', text(fetched), 'source', source, 'orders', text(#items),
  'without_trades', without_trades)
local flat = { 'event_id', event_id, 'event', event, 'before', l[1] or '', 'after', s[1], 'snapshot_ts_ms', text(fetched),
  'without_trades', without_trades }
for name, value in pairs(cjson.decode(event_json)) do
  flat[#flat + 1] = name
  flat[#flat + 1] = value
end
redis.call('XADD', events_key, 'MAXLEN', '~', audit_maxlen, '*', unpack(flat))
-- First what the position contains: a result of one of these orders that comes later must find it booked.
for _, item in ipairs(items) do
  redis.call('HSET', fills_key, item.id, item.after)
  redis.call('ZADD', fill_times_key, text(now), item.id)
end
if #items > 0 then
  redis.call('EXPIRE', fills_key, fills_ttl_sec)
  redis.call('EXPIRE', fill_times_key, fills_ttl_sec)
end
redis.call('HSET', ledger_key, 'last_known_amt', s[1], 'last_known_side', s[2], 'last_update_ts',
  text(math.floor(now / 1000)))
redis.call('EXPIRE', ledger_key, ledger_ttl_sec)
redis.call('SET', origin_key, text(fetched))
return { 'adopted', l[1] or '', s[1] }
