-- Counts the breaches of own orders, found before a repair is written, and holds the position.
--
-- KEYS
--   lease_key        STRING: token of the task that reconciles
--   orders_key       HASH: record of each order id, JSON
--   counters_key     HASH: counters
--   audit_key        STREAM: operator and ledger events
--   hold_key         STRING: the service's hold on the position
--   reservation_key  STRING: plan_id of the position's reservation
--   opposite_hold_key  STRING: the same of the symbol's other leg
--   opposite_reservation_key  STRING: the same of the symbol's other leg
--   executed_keys[]  STRING: per order the executed quantities of its plan's orders, JSON
-- ARGV
--   token              the claim's token
--   label              the position, for counters
--   position           the position
--   opposite_position  the symbol's other leg
--   permit_prefix      prefix of the permits' keys
--   reason             reason of the hold for a breach
--   ends               what ends that hold
--   evidence_json      evidence of the breaches, JSON ('' if they set no hold)
--   holds_both         1: a breach of the leg holds both legs
--   audit_maxlen       approximate maximum of entries in the audit stream
--   keep_sec           how long orders are kept
--   orders[]           every order with a breach
--     .id              the venue's id
--     .record_before   its record before ('' for none)
--     .record_after    its record afterwards
--     .kinds           its breaches, comma-separated
--     .executed        executed quantities of its plan's orders, JSON
-- Returns {'counted'} | {'moved'}: one of the orders has been recorded since | {'lost'} | {'wrong_type', ...}

local wrong = expect(orders_key, 'hash') or expect(counters_key, 'hash') or expect(audit_key, 'stream')
  or expect(reservation_key, 'string') or expect(lease_key, 'string')
for _, key in ipairs(executed_keys) do wrong = wrong or expect(key, 'string') end
if wrong then return wrong end
if redis.call('GET', lease_key) ~= token then return { 'lost' } end
for _, order in ipairs(orders) do
  if (redis.call('HGET', orders_key, order.id) or '') ~= order.record_before then return { 'moved' } end
end

for at, order in ipairs(orders) do
  redis.call('HSET', orders_key, order.id, order.record_after)
  redis.call('SET', executed_keys[at], order.executed, 'EX', keep_sec)
  for kind in string.gmatch(order.kinds, '[^,]+') do
    count(counters_key, 'p33_permit_breach_total|' .. label .. '|' .. kind)
  end
end
redis.call('EXPIRE', orders_key, keep_sec)

local function hold_for_breach(hold, reservation, held)
  set_service_hold({ hold = hold, reservation = reservation, audit = audit_key, permit_prefix = permit_prefix,
    position = held, reason = reason, ends = ends, evidence_json = evidence_json, audit_maxlen = audit_maxlen })
end
if evidence_json ~= '' then
  hold_for_breach(hold_key, reservation_key, position)
  -- It is unknown which of the two legs is wrong: both are held until a person has checked.
  if holds_both == '1' then hold_for_breach(opposite_hold_key, opposite_reservation_key, opposite_position) end
end
return { 'counted' }
