-- Counts what own orders did beyond their permits, found by a repair before it is written, and holds the position.
--
-- KEYS
--   lease_key        STRING: who reconciles now
--   orders_key       HASH: what is on record of each order id, JSON
--   counters_key     HASH: counters
--   audit_key        STREAM: operator and ledger events
--   hold_key         STRING: why the position is held, by this service
--   reservation_key  STRING: the plan that holds the position
--   opposite_hold_key  STRING: the same of the symbol's other leg
--   opposite_reservation_key  STRING: the same of the symbol's other leg
--   executed_keys[]  STRING: of each order what its plan's orders executed, JSON
-- ARGV
--   token              of the claim
--   label              the position, for counters
--   position           the position
--   opposite_position  the symbol's other leg
--   permit_prefix      what the keys of permits begin with
--   reason             why a breach holds the position
--   ends               what ends that hold
--   evidence_json      what the breaches are, JSON ('' where they hold nothing)
--   holds_both         1: a breach of the leg holds both legs
--   audit_maxlen       about how many entries the audit stream keeps
--   keep_sec           how long orders are remembered
--   orders[]           every order that went beyond its permit
--     .id              the venue's id
--     .record_before   what was on record of it ('' for nothing)
--     .record_after    what is on record afterwards
--     .kinds           what it did, kinds with commas between
--     .executed        what its plan's orders executed, JSON
-- Returns {'counted'} | {'moved'}: somebody else has recorded one of the orders | {'lost'} | {'wrong_type', ...}

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
  -- Which of the two legs is wrong now isn't known: neither is closed before somebody has looked.
  if holds_both == '1' then hold_for_breach(opposite_hold_key, opposite_reservation_key, opposite_position) end
end
return { 'counted' }
