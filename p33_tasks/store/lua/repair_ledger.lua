-- Applies explained trades to a ledger: amount, fills memory, applied trades, order time, watermark and event, or nothing.
--
-- KEYS
--   lease_key        STRING: token of the task that reconciles
--   ledger_key       HASH: the position's ledger
--   origin_key       STRING: time in ms of the snapshot the ledger began with
--   symbol_snapshot_key  HASH: the symbol's snapshot, which shows the mode
--   snapshot_key     HASH: the position's snapshot
--   reservation_key  STRING: plan_id of the position's reservation
--   permit_key       STRING: the permit of the plan whose reservation ends; only used with releases
--   consumed_key     HASH: the record of its consumption; only used with releases
--   fills_key        HASH: quantity remembered by order id
--   fill_times_key   ZSET: when each order id was recorded, ms
--   orders_key       HASH: record of each order id, JSON
--   trades_key       HASH: ids of applied trades that belong to no order
--   watermark_key    HASH: time and amounts at which both sides were last equal
--   case_key         HASH: earlier readings and tries
--   hold_key         STRING: the service's hold on the position
--   first_ledger_key   HASH: the ledger of another of the symbol's positions
--   first_hold_key     STRING: the service's hold on it
--   second_ledger_key  HASH: the ledger of its third position
--   second_hold_key    STRING: the service's hold on it
--   audit_key        STREAM: operator and ledger events
--   epoch_key        STRING: the store's epoch, part of its life
--   events_key       STREAM: events of reconciliation
--   counters_key     HASH: counters
--   plans_consumed[]  HASH: per item the record of its plan's consumption; only used with a plan_id
-- ARGV
--   token           the claim's token
--   label           the position, for counters
--   claimed_life    the store's life at the claim
--   base_amt        the ledger's amount that the sums began with
--   base_origin     its origin ('' for none)
--   base_order_ms   its last order time, ms ('' for none)
--   base_barrier_ms  its barrier, ms ('' for none)
--   position_side   which of the symbol's positions
--   base_mode       its snapshot's position_mode
--   reserved_by     plan_id of the reservation at that time ('' for none)
--   releases        1: that plan's order is final and among the repaired ones; its reservation ends
--   new_amt         the ledger's amount afterwards
--   new_side        the side of that amount
--   ledger_ttl_sec  the ledger's time to live
--   fills_ttl_sec   how long orders and trades are kept
--   case_ttl_sec    time to live of the case
--   events_maxlen   approximate maximum of events
--   event_id        the event's id
--   event_json      the event's other fields, a JSON object of texts
--   watermark_json  the watermark's fields, a JSON object of texts
--   position        the position
--   first_other     another of the symbol's positions
--   second_other    the third one
--   audit_maxlen    approximate maximum of entries in the audit stream
--   items[]         every order and every trade without one
--     .kind         'order' | 'trade'
--     .id           the venue's id
--     .before       quantity remembered before ('' for none)
--     .after        quantity to remember
--     .record_before  an order's record before ('' for none)
--     .record_after   its record afterwards
--     .plan_id      the order's plan, if its client order id shows it ('' for none)
-- Returns {'repaired'} | {'moved', what} | {'lost'} | {'wrong_type', ...}

local wrong = expect(ledger_key, 'hash') or expect(origin_key, 'string') or expect(snapshot_key, 'hash')
  or expect(symbol_snapshot_key, 'hash')
  or expect(reservation_key, 'string') or expect(consumed_key, 'hash') or expect(fills_key, 'hash')
  or expect(fill_times_key, 'zset') or expect(trades_key, 'hash') or expect(orders_key, 'hash') or expect(watermark_key, 'hash')
  or expect(case_key, 'hash') or expect(events_key, 'stream') or expect(audit_key, 'stream') or expect(counters_key, 'hash')
  or expect(lease_key, 'string')
for _, record in ipairs(plans_consumed) do wrong = wrong or expect(record, 'hash') end
if wrong then return wrong end
if redis.call('GET', lease_key) ~= token then return { 'lost' } end

-- Compare, then set: the values that the sums were computed from must be unchanged.
local current_life = life(epoch_key)
if current_life == '' or current_life ~= claimed_life then return { 'moved', 'life' } end
local s = redis.call('HMGET', snapshot_key, 'position_mode', 'ts_ms', 'life')
if s[1] ~= base_mode or not is_of_mode(position_side, symbol_snapshot_key, s[2], s[3]) then return { 'moved', 'mode' } end
local l = redis.call('HMGET', ledger_key, 'last_known_amt', 'last_order_time_ms', 'last_order_time_epoch', 'barrier_ms')
if l[1] ~= base_amt then return { 'moved', 'ledger' } end
local ordered, unreadable = twin_time(l[2], l[3])
if unreadable or (ordered and text(ordered) or '') ~= base_order_ms then return { 'moved', 'order_time' } end
if (l[4] or '') ~= base_barrier_ms then return { 'moved', 'barrier' } end
if (redis.call('GET', origin_key) or '') ~= base_origin then return { 'moved', 'origin' } end
if (redis.call('GET', reservation_key) or '') ~= reserved_by then return { 'moved', 'reservation' } end
if reserved_by ~= '' and releases ~= '1' then return { 'moved', 'reservation' } end
for _, item in ipairs(items) do
  local memory = item.kind == 'order' and fills_key or trades_key
  if (redis.call('HGET', memory, item.id) or '') ~= item.before then return { 'moved', 'memory' } end
  if item.kind == 'order' and (redis.call('HGET', orders_key, item.id) or '') ~= item.record_before then
    return { 'moved', 'memory' }
  end
end
local place_before
if releases == '1' then
  -- The consumption's barrier remains after any outcome; without its record the reservation serves as the barrier.
  place_before = twin_time(redis.call('HGET', consumed_key, 'place_before_ms'))
  if not place_before then return { 'moved', 'consumption' } end
end

-- First the write that can fail: a stream whose last id is the greatest possible accepts no more entries.
local flat = { 'event_id', event_id, 'event', 'repaired' }
for name, value in pairs(cjson.decode(event_json)) do
  flat[#flat + 1] = name
  flat[#flat + 1] = value
end
redis.call('XADD', events_key, 'MAXLEN', '~', events_maxlen, '*', unpack(flat))

local now = now_ms()
local known_orders = { fills = fills_key, times = fill_times_key, orders = orders_key }
for at, item in ipairs(items) do
  if item.kind == 'order' then
    remember_order(known_orders, item.id, item.after, item.record_after, now)
    redis.call('HSET', ledger_key, 'last_order_id', item.id)
    -- The order is final and its fills are in the ledger: the plan's outcome is known, for any later result.
    if item.plan_id ~= '' then
      end_unknown(ledger_key, hold_key, item.plan_id, audit_key, audit_maxlen, position)
      -- A change of the mode may have moved it to another position.
      end_unknown(first_ledger_key, first_hold_key, item.plan_id, audit_key, audit_maxlen, first_other)
      end_unknown(second_ledger_key, second_hold_key, item.plan_id, audit_key, audit_maxlen, second_other)
      if redis.call('EXISTS', plans_consumed[at]) == 1 then
        redis.call('HSET', plans_consumed[at], 'settled', 'repaired')
      end
    end
  else
    redis.call('HSET', trades_key, item.id, item.after)
    redis.call('EXPIRE', trades_key, fills_ttl_sec)
  end
end
keep_orders(known_orders, fills_ttl_sec)
-- As with a result, an order starts the cooldown; only a snapshot requested after this can confirm the repair.
redis.call('HSET', ledger_key, 'last_known_amt', new_amt, 'last_known_side', new_side, 'last_order_time_ms', text(now),
  'last_order_time_epoch', text(math.floor(now / 1000)), 'last_update_ts', text(math.floor(now / 1000)))
if releases == '1' then
  raise_barrier(ledger_key, place_before)
  redis.call('DEL', reservation_key, permit_key)
end
redis.call('EXPIRE', ledger_key, ledger_ttl_sec)
redis.call('DEL', watermark_key)
for name, value in pairs(cjson.decode(watermark_json)) do redis.call('HSET', watermark_key, name, value) end
redis.call('EXPIRE', watermark_key, fills_ttl_sec)
redis.call('HDEL', case_key, 'readings', 'first_ms', 'waits', 'next_ms', 'class', 'why', 'drift', 'candidate_ms', 'candidate_amt')
redis.call('HSET', case_key, 'unconfirmed_ms', text(now), 'unconfirmed_id', event_id)
redis.call('EXPIRE', case_key, case_ttl_sec)
count(counters_key, 'p33_reconcile_total|' .. label .. '|repaired')
count(counters_key, 'p33_ledger_update_total|' .. label)
return { 'repaired' }
