-- Consumes the governor's permit and ours, both or neither (CONTRACT section 6).
--
-- KEYS
--   governor_permit_key  STRING: the governor's permit
--   permit_key           STRING: our permit
--   reservation_key      STRING: plan_id of the position's reservation
--   hold_key             STRING: an operator's hold on the symbol
--   service_hold_key     STRING: the service's hold on the position
--   ledger_key           HASH: the position's ledger
--   snapshot_key         HASH: the position's snapshot
--   symbol_snapshot_key  HASH: the symbol's own snapshot, which shows the mode
--   consumed_key         HASH: the record of the consumption
--   epoch_key            STRING: the store's epoch, part of its life
-- ARGV
--   governor_permit      the governor's permit as verified
--   permit               our permit as verified
--   plan_id              the plan
--   consume_id           the executor's id of this consumption
--   permit_ts_ms         the permit's time
--   permit_expires_ms    the permit's end
--   permit_run_id        run_id of Redis in the permit
--   permit_life          the store's life in the permit ('' in one of version 0.1)
--   permit_source        venue and host in the permit ('' in one of version 0.1)
--   emergency            1: a permit of an emergency close, which passes service holds and an unknown ledger
--   passes_operator_hold  1: ... and an operator's hold
--   accept_old_life      1: what version 0.1 wrote, without a life, is checked by run_id
--   position_side        'BOTH', or the leg in hedge mode, in the permit
--   permit_position_amt  exchange_position_amt in the permit
--   max_snapshot_age_ms  a snapshot older than this stops the consumption
--   reservation_ttl_ms   the reservation's new time to live
--   place_window_ms      how long the order may be sent
--   read_lag_ms          how long the venue's position may not show an order
--   consumed_ttl_ms      how long the record of the consumption is kept
--   symbol               the venue's id
--   call                 this attempt's own random id
-- Returns {'consumed', place_before_ms} | {'refused', 'governor' | 'p33', what was found}

-- A repetition after a lost answer is the same consumption. It is recognized by `call`, not by the consume_id: two processes
-- with the same stored consume_id would both send an order.
if type_of(consumed_key) == 'hash' then
  local c = redis.call('HMGET', consumed_key, 'call', 'place_before_ms')
  if c[1] == call and c[2] then return { 'consumed', c[2] } end
end

local function refused(whose, found) return { 'refused', whose, found } end

if type_of(governor_permit_key) ~= 'string' then return refused('governor', 'missing') end
if redis.call('GET', governor_permit_key) ~= governor_permit then return refused('governor', 'changed') end
if type_of(permit_key) ~= 'string' then return refused('p33', 'missing') end
if redis.call('GET', permit_key) ~= permit then return refused('p33', 'changed') end
if type_of(consumed_key) ~= 'none' then return refused('p33', 'already_consumed') end

local now = now_ms()
if now >= tonumber(permit_expires_ms) then return refused('p33', 'expired') end
-- Issued before the clock stepped back: its age, and whether an order came after it, are unknown.
if tonumber(permit_ts_ms) > now then return refused('p33', 'issued_in_the_future') end
if run_id() ~= permit_run_id then return refused('p33', 'other_redis_run') end
local current_life = life(epoch_key)
if not is_of_life(permit_life, current_life, accept_old_life) then return refused('p33', 'other_redis_life') end
if type_of(reservation_key) ~= 'string' or redis.call('GET', reservation_key) ~= plan_id then
  return refused('p33', 'reservation_lost')
end
if (passes_operator_hold ~= '1' and redis.call('EXISTS', hold_key) == 1)
    or (emergency ~= '1' and redis.call('EXISTS', service_hold_key) == 1) then
  return refused('p33', 'reconcile_hold_active')
end

local ledger_type = type_of(ledger_key)
local l = (ledger_type == 'hash' or ledger_type == 'none') and
  redis.call('HMGET', ledger_key, 'last_order_time_ms', 'last_order_time_epoch', 'barrier_ms', 'last_known_amt')
-- A change of the mode removed the amount of the verdict; a change back gives no other amount during a reservation.
local has_amount = l and l[4]
if not l or not (has_amount or emergency == '1') then return refused('p33', 'ledger_missing') end
local ordered, unreadable = twin_time(l[1], l[2])
if unreadable then return refused('p33', 'ledger_unreadable') end
-- The facts were read at the permit's time: an order in the same millisecond may be after them. A time in whole seconds is
-- compared in whole seconds.
local issued = tonumber(permit_ts_ms)
if not l[1] or l[1] == '' then issued = math.floor(issued / 1000) * 1000 end
if ordered and ordered >= issued then return refused('p33', 'order_since_permit') end

if type_of(snapshot_key) ~= 'hash' then return refused('p33', 'snapshot_missing') end
local s = redis.call('HMGET', snapshot_key, 'position_amt', 'ts_ms', 'ts_epoch', 'run_id', 'life', 'source')
local fetched = twin_time(s[2], s[3])
if not fetched or fetched > now or now - fetched > tonumber(max_snapshot_age_ms) then
  return refused('p33', 'stale_exchange_state')
end
if before_barrier(fetched, l[3], read_lag_ms) then return refused('p33', 'stale_exchange_state') end
if s[4] ~= permit_run_id then return refused('p33', 'snapshot_of_another_run') end
if not is_of_life(s[5], current_life, accept_old_life) then return refused('p33', 'snapshot_of_another_life') end
if permit_source ~= '' and s[6] ~= permit_source then return refused('p33', 'snapshot_of_another_source') end
if not is_of_mode(position_side, symbol_snapshot_key, s[2], s[5]) then
  return refused('p33', 'position_mode_changed')
end
if s[1] ~= permit_position_amt then return refused('p33', 'position_changed') end

local place_before = text(now + tonumber(place_window_ms))
redis.call('DEL', governor_permit_key, permit_key)
redis.call('SET', reservation_key, plan_id, 'PX', reservation_ttl_ms)
redis.call('HSET', consumed_key, 'consume_id', consume_id, 'call', call, 'symbol', symbol, 'consumed_ms', text(now),
  'place_before_ms', place_before)
redis.call('PEXPIRE', consumed_key, consumed_ttl_ms)
return { 'consumed', place_before }
