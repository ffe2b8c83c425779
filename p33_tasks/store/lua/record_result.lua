-- Records a result: ledger, fills memory, cooldown, reservation, counters and acknowledgement, in one act.
--
-- KEYS
--   ledger_key       HASH: the position's ledger
--   fills_key        HASH: quantity remembered by order id
--   fill_times_key   ZSET: when each order id was recorded, ms
--   orders_key       HASH: record of each order id, JSON
--   origin_key       STRING: time in ms of the snapshot the ledger began with
--   reservation_key  STRING: plan_id of the position's reservation
--   permit_key       STRING: the plan's permit
--   decision_key     STRING: the plan's decision
--   consumed_key     HASH: the record of the consumption
--   executed_key     STRING: quantity executed by each of the plan's orders, JSON
--   service_hold_key  STRING: the service's hold on the position, JSON
--   opposite_ledger_key       HASH: in hedge mode the ledger of the other leg
--   opposite_origin_key       STRING: time in ms of the snapshot that ledger began with
--   symbol_snapshot_key       HASH: the symbol's own snapshot, which shows the mode
--   counters_key     HASH: counters
--   decisions_key    STREAM: every verdict with its inputs
--   audit_key        STREAM: operator and ledger events
--   dead_letters_key  STREAM: dead letters
--   results_key      STREAM: results
--   copy_key         STRING: the entry's copy
--   first_seen_key   HASH: when an entry id ahead of TIME was first read, ms
--   others[]         the symbol's other two positions
--     .ledger        HASH: its ledger
--     .reservation   STRING: plan_id of its reservation
--     .hold          STRING: the service's hold on it, JSON
-- ARGV
--   group             consumer group
--   entry_id          the result's stream entry
--   first_entry_id    the id of its first entry, if it was put back: its time counts
--   added_ms          when that entry was added
--   plan_id           the plan
--   symbol            the venue's id
--   every_position    '1': it can't be booked to one position
--   unattributed      '1': ... and names an executed quantity
--   symbol_label      the position's key, or '_other' outside the allowlist
--   opposite_label    the same of the other leg
--   outcome           'executed' | 'not_executed' | 'rejected' | 'contradicted': not executed, by a result that
--                     can't be trusted; it releases nothing | 'unknown': the order may have been executed
--   is_open           '1': more of the plan's orders may be executed
--   consume_id        the executor's id of its consumption ('' for none)
--   base_amt          the ledger's amount that the sums began with ('' for unknown)
--   new_amt           the ledger's amount afterwards ('' for unknown)
--   new_side          the side of that amount ('' for unknown)
--   base_origin       the ledger origin that the sums began with ('' for none)
--   has_opposite      '1': an order belongs to the other leg, not the decision's
--   opposite_base_amt     the other leg's ledger, as above
--   opposite_new_amt      its amount afterwards
--   opposite_new_side     the side of that amount
--   opposite_base_origin  its origin
--   base_mode         the symbol's position mode as it was read ('' for none)
--   base_decision     the plan's decision that breaches were judged by ('' for none)
--   base_executed     executed quantities of the plan's orders before, JSON ('' for none)
--   executed_after    the same afterwards ('' for none)
--   ledger_ttl_sec    the ledger's time to live
--   fills_ttl_sec     how long an order id is kept
--   decision_ttl_ms   the decision's time to live
--   unknown_ms        how long after its consumption an unknown outcome reserves the position
--   permit_ttl_ms     the permit's time to live
--   decisions_maxlen  approximate maximum of entries in the decisions stream
--   deny_head         a deny's JSON up to the value of ts_epoch
--   crossed_zero      1: the amount changed its sign; 0: it did not
--   allow_head        how an allow of this plan for this symbol begins
--   unreadable        '1': a part of the executed quantity couldn't be read
--   problem           what could not be read, or contradicts the record ('' for nothing)
--   entry_json        if there is a problem: the entry as JSON, for a dead letter
--   dead_letters_maxlen  approximate maximum of dead letters
--   permit_prefix     prefix of the permits' keys
--   position          the position
--   opposite_position  the other leg's position
--   first_other       the position of the first of others
--   second_other      of the second
--   holds_both        '1': a breach of the leg holds both legs
--   breach_reason     reason of the hold for a breach
--   breach_ends       what ends that hold
--   breach_json       evidence of the breaches, JSON ('' for none, or if they set no hold)
--   audit_maxlen      approximate maximum of entries in the audit stream
--   orders[]          every order that the result names
--     .id             the venue's order id
--     .before         quantity remembered before ('' for none)
--     .after          quantity to remember
--     .increased      '1': the quantity increased; '0': it did not
--     .news           '1': the report has new data; '0': it has none
--     .record_before  its record before ('' for none)
--     .record_after   its record afterwards
--     .settles        '1': the plan's own order, and it executed: the outcome of the plan's consumption is known
--     .opposite       '1': its fills belong to the other leg
--     .breaches       its breaches, comma-separated ('' for none)
-- Returns {'recorded', the reservation's new state} | {'already'} | {'moved'} | {'wrong_type', ...}

-- A result without an order doesn't change the ledger, so an unreadable ledger must not block it: executors of a denied
-- symbol go on reporting, and results that wait permanently would fill the ingest's window for all symbols.
local has_orders = #orders > 0
local wrong = has_orders and (expect(ledger_key, 'hash') or expect(fills_key, 'hash') or expect(fill_times_key, 'zset')
  or expect(orders_key, 'hash') or expect(executed_key, 'string') or expect(origin_key, 'string')
  or expect(symbol_snapshot_key, 'hash'))
for _, other in ipairs(others) do
  wrong = wrong or (has_orders and every_position == '1' and expect(other.ledger, 'hash'))
end
local opposite = has_opposite == '1'
wrong = wrong or opposite and (expect(opposite_ledger_key, 'hash') or expect(opposite_origin_key, 'string'))
-- The permit is only deleted or overwritten, so its type doesn't matter.
wrong = wrong or expect(reservation_key, 'string') or expect(decision_key, 'string') or expect(consumed_key, 'hash')
  or expect(counters_key, 'hash') or expect(decisions_key, 'stream') or expect(audit_key, 'stream')
  or expect(results_key, 'stream') or expect(dead_letters_key, 'stream')
if wrong then return wrong end

-- The plan's decision determines the position of this reservation and ledger.
if (redis.call('GET', decision_key) or '') ~= base_decision then return { 'moved' } end
-- Compare, then set: Python computed the sums from stored values, which must be unchanged.
if has_orders then
  -- In another mode these fills may belong to another position: Python chose it by the mode.
  local mode = redis.call('HGET', symbol_snapshot_key, 'position_mode')
  if (mode or '') ~= base_mode then return { 'moved' } end
  if (redis.call('HGET', ledger_key, 'last_known_amt') or '') ~= base_amt then return { 'moved' } end
  if (redis.call('GET', origin_key) or '') ~= base_origin then return { 'moved' } end
  if (redis.call('GET', executed_key) or '') ~= base_executed then return { 'moved' } end
end
if opposite then
  if (redis.call('HGET', opposite_ledger_key, 'last_known_amt') or '') ~= opposite_base_amt then return { 'moved' } end
  if (redis.call('GET', opposite_origin_key) or '') ~= opposite_base_origin then return { 'moved' } end
end
for _, order in ipairs(orders) do
  if (redis.call('HGET', fills_key, order.id) or '') ~= order.before then return { 'moved' } end
  if (redis.call('HGET', orders_key, order.id) or '') ~= order.record_before then return { 'moved' } end
end

-- Recorded now or before: the copy and the first reading are no longer needed. (pcall: a failure doesn't matter.)
redis.pcall('DEL', copy_key)
redis.pcall('HDEL', first_seen_key, entry_id)

-- The fills memory makes recording idempotent. A pending record can disappear before its result is recorded (a producer
-- trims the stream with its references): its increases are applied nevertheless.
local any_news = false
for _, order in ipairs(orders) do any_news = any_news or order.news == '1' end
if redis.call('XACK', results_key, group, entry_id) == 0 and not any_news then return { 'already' } end

-- Without a record of a consumption, an existing permit proves that it wasn't consumed.
local permit_there = redis.call('EXISTS', permit_key) == 1
local now = now_ms()
local now_sec = text(math.floor(now / 1000))
local executed = outcome == 'executed'

local memory = { fills = fills_key, times = fill_times_key, orders = orders_key }
local any_new_order, any_fill, own_fill, opposite_fill = false, false, false, false
for _, order in ipairs(orders) do
  remember_order(memory, order.id, order.after, order.record_after, now)
  any_new_order = any_new_order or order.before == ''
  -- The mark for unreadable orders is not an order (no venue's id begins with 'entry:').
  if order.news == '1' and string.sub(order.id, 1, 6) ~= 'entry:' then
    redis.call('HSET', order.opposite == '1' and opposite_ledger_key or ledger_key, 'last_order_id', order.id)
  end
  if order.increased == '1' then
    any_fill = any_fill or order.opposite ~= '1'
    opposite_fill = opposite_fill or order.opposite == '1'
  end
  own_fill = own_fill or order.settles == '1'
  for kind in string.gmatch(order.breaches, '[^,]+') do
    count(counters_key, 'p33_permit_breach_total|' .. symbol_label .. '|' .. kind)
  end
end
if executed_after ~= '' then redis.call('SET', executed_key, executed_after, 'EX', fills_ttl_sec) end
if unreadable == '1' then count(counters_key, 'p33_unreadable_result_total|' .. symbol_label) end
if problem ~= '' then
  redis.pcall('XADD', dead_letters_key, 'MAXLEN', '~', dead_letters_maxlen, '*', 'source_stream', results_key,
    'source_id', entry_id, 'error', problem, 'entry', entry_json)
  count(counters_key, 'p33_deadletter_total|result')
end
if has_orders then
  forget_orders(memory, now - tonumber(fills_ttl_sec) * 1000)
  keep_orders(memory, fills_ttl_sec)
end

-- After a change of the mode, the plan's holds and orders apply to the new mode's positions.
others[1].position, others[2].position = first_other, second_other
local own = { ledger = ledger_key, reservation = reservation_key, hold = service_hold_key, position = position }
local all, instead = { own, others[1], others[2] }, used_instead(symbol_snapshot_key, symbol, position, others)

-- Any order starts the cooldown, also without a fill; a report without new data doesn't start it again.
local ordered = { ledger_key }
if opposite then ordered[2] = opposite_ledger_key end
for _, other in ipairs(others) do
  if every_position == '1' then ordered[#ordered + 1] = other.ledger end
end
for _, at in ipairs(every_position ~= '1' and instead or {}) do
  if not expect(at.ledger, 'hash') then ordered[#ordered + 1] = at.ledger end
end
for _, ledger in ipairs(any_news and ordered or {}) do
  redis.call('HSET', ledger, 'last_order_time_ms', text(now), 'last_order_time_epoch', now_sec, 'last_update_ts', now_sec)
  redis.call('EXPIRE', ledger, ledger_ttl_sec)
end
if any_news and unattributed == '1' then count(counters_key, 'p33_unattributed_fill_total|' .. symbol_label) end
if new_amt ~= base_amt then
  redis.call('HSET', ledger_key, 'last_known_amt', new_amt, 'last_known_side', new_side, 'last_update_ts', now_sec)
  redis.call('EXPIRE', ledger_key, ledger_ttl_sec)
end
if opposite and opposite_new_amt ~= opposite_base_amt then
  redis.call('HSET', opposite_ledger_key, 'last_known_amt', opposite_new_amt, 'last_known_side', opposite_new_side,
    'last_update_ts', now_sec)
end
if any_fill then count(counters_key, 'p33_ledger_update_total|' .. symbol_label) end
if opposite_fill then count(counters_key, 'p33_ledger_update_total|' .. opposite_label) end
if crossed_zero == '1' then count(counters_key, 'p33_ledger_crossed_zero_total|' .. symbol_label) end

-- Deny the plan if this result came before a verdict: a later allow would reserve the position for no executor, or execute
-- the plan a second time.
local decision = redis.call('GET', decision_key)
local function deny()
  local verdict = deny_head .. now_sec .. ',"ts_ms":' .. text(now) .. '}'
  redis.call('SET', decision_key, verdict, 'PX', decision_ttl_ms)
  redis.call('SET', permit_key, verdict, 'PX', permit_ttl_ms)
  -- pcall: the entry is acknowledged, so the rest must be done even if the stream's ids are used up.
  redis.pcall('XADD', decisions_key, 'MAXLEN', '~', decisions_maxlen, '*', 'plan_id', plan_id, 'symbol', symbol,
    'allow', 'false', 'reason', 'plan_abandoned', 'verdict', verdict, 'inputs', '{}')
  count(counters_key, 'p33_permit_total|' .. symbol_label .. '|deny')
  count(counters_key, 'p33_denial_total|' .. symbol_label .. '|plan_abandoned')
end
if executed then
  -- Executed without a permit. A second report of the same order isn't counted again; and a decision expires after a day.
  local allowed = decision and string.sub(decision, 1, #allow_head) == allow_head
  local forgotten = not decision and (now - tonumber(added_ms) > tonumber(decision_ttl_ms)
    or redis.call('EXISTS', consumed_key) == 1)
  if not allowed and not forgotten and any_new_order then
    count(counters_key, 'p33_unpermitted_execution_total|' .. symbol_label)
  end
  if not decision and any_news then deny() end
elseif not decision then
  deny()
end

-- Stores the consumption's last time to send as the ledger's barrier, for any outcome. False if that isn't possible: then the
-- reservation serves as the barrier, and isn't released.
local c = redis.call('HMGET', consumed_key, 'consume_id', 'place_before_ms', 'consumed_ms', 'settled', 'unknown_entry',
  'symbol')
-- The consumption was for one symbol: a result for another symbol doesn't concern it.
local consumer = (not c[6] or c[6] == symbol) and c[1]
local function set_barrier(ledger)
  if not consumer then return true end
  local place_before = twin_time(c[2])
  if not place_before or expect(ledger, 'hash') then return false end
  if raise_barrier(ledger, place_before) then redis.call('EXPIRE', ledger, ledger_ttl_sec) end
  return true
end
if opposite then set_barrier(opposite_ledger_key) end

local reserved_by = redis.call('GET', reservation_key)
local reservation = reserved_by == plan_id and 'kept' or 'none'
local proven = consumer and consumer == consume_id
local function hold_of(at)
  return { ledger = at.ledger, hold = at.hold, reservation = at.reservation, audit = audit_key, permit_prefix = permit_prefix,
    position = at.position, audit_maxlen = audit_maxlen }
end

-- Results of one consumption count in the order of their first entries, in whatever order they are recorded.
local function is_earlier(than) return is_before(first_entry_id, than) end

local function free()
  redis.call('DEL', reservation_key, permit_key)
  reservation = 'released'
end

-- A partial fill doesn't end an order that may still execute.
local is_over = own_fill and is_open ~= '1'
local settles = (is_over or (not executed and outcome == 'rejected' and proven)) and not is_earlier(c[5])
if settles and set_barrier(ledger_key) then
  for _, at in ipairs(instead) do set_barrier(at.ledger) end
  if consumer and c[4] ~= 'repaired' and not is_earlier(c[4]) then
    redis.call('HSET', consumed_key, 'settled', first_entry_id)
  end
  -- A change of the mode may have moved it to another position.
  for _, at in ipairs(all) do end_unknown(at.ledger, at.hold, plan_id, audit_key, audit_maxlen, at.position) end
  if reserved_by == plan_id then free() end
elseif outcome == 'unknown' or outcome == 'contradicted' or is_open == '1' then
  if proven and not is_earlier(c[5]) then redis.call('HSET', consumed_key, 'unknown_entry', first_entry_id) end
  if proven and not is_answered(c[4], first_entry_id, plan_id, all) then
    for _, at in ipairs(instead) do hold_unknown(hold_of(at), plan_id) end
    reservation = hold_for_outcome(hold_of(own), plan_id, now, c[3], unknown_ms, ledger_ttl_sec)
  end
elseif not executed and not consumer and reserved_by == plan_id and permit_there then
  free()
end
-- Last, so that a remaining reservation is another plan's, or one whose order may still come. After a breach of the leg it is
-- unknown which leg is wrong: both are held until a person has checked.
for _, at in ipairs(breach_json ~= '' and all or {}) do
  local is_both = holds_both == '1' and at.position == opposite_position
  if at == own or is_both or at == instead[1] or at == instead[2] then
    local h = hold_of(at)
    h.reason, h.ends, h.evidence_json = breach_reason, breach_ends, breach_json
    set_service_hold(h)
  end
end
return { 'recorded', reservation }
